"""What the FHIR door answers when it is asked in other ways than its one, or breaks."""

from __future__ import annotations

import pytest
import structlog.testing
from django.test import Client

from aggregator.federation.models import Retrieval
from tests.world import World, make_world, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def test_a_fault_is_an_outcome_that_holds_nothing_of_it_and_leaves_its_place_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(**_: object) -> None:
        raise RuntimeError("Joan Ferris")

    monkeypatch.setattr("aggregator.api.fhir.operations.everything.open_record", breaks)
    with structlog.testing.capture_logs() as logged:
        answer = signed_in_client("dr.osei").get(f"/fhir/Patient/{world.joan}/$everything")
    assert answer.status_code == 500
    assert answer.json()["issue"] == [
        {"severity": "error", "code": "exception", "diagnostics": "Something went wrong on our side."}
    ]
    (line,) = [one for one in logged if one["event"] == "fhir_door_failed"]
    assert isinstance(line["exc_info"], RuntimeError)


def test_to_ask_for_the_head_asks_no_source(world: World) -> None:
    answer = signed_in_client("dr.osei").head(f"/fhir/Patient/{world.joan}/$everything")
    assert answer.status_code == 405
    assert not Retrieval.objects.exists()


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/Patient/1/$everything", "/fhir/anything"])
def test_what_it_is_made_of_is_told_to_nobody(world: World, path: str) -> None:
    for visitor, statuses in (
        (signed_in_client("dr.osei"), {405}),
        (Client(headers={"host": "testserver"}), {401, 405}),
    ):
        answer = visitor.options(path)
        assert answer.status_code in statuses
        assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("query", ["_format=json", "_format=application/fhir%2Bjson", "_format=application/fhir+json"])
@pytest.mark.parametrize("more", ["", "&_pretty=true", "&_summary=false"])
def test_clients_that_name_the_format_and_how_it_is_drawn_are_answered(world: World, query: str, more: str) -> None:
    clinician, administrator = signed_in_client("dr.osei"), signed_in_client("ms.lane")
    assert clinician.get(f"/fhir/Patient/{world.joan}/$everything?{query}{more}").status_code == 202
    assert administrator.get(f"/fhir/Consent?patient={world.joan}&{query}{more}").status_code == 200
    assert clinician.get(f"/fhir/metadata?{query}{more}").status_code == 200
    form = "application/x-www-form-urlencoded"
    found = administrator.post(f"/fhir/Consent/_search?{query}{more}", f"patient={world.joan}", content_type=form)
    assert found.status_code == 200
    found = administrator.post("/fhir/Consent/_search", f"patient={world.joan}&{query}{more}", content_type=form)
    assert found.status_code == 200


@pytest.mark.parametrize("query", ["_format=xml", "_format=text/html", "_format=application/fhir%2Bxml"])
def test_a_format_that_is_not_spoken_is_not_acceptable_and_asks_nobody(world: World, query: str) -> None:
    visitor = signed_in_client("dr.osei")
    for path in (f"/fhir/Patient/{world.joan}/$everything", "/fhir/metadata", f"/fhir/Consent?patient={world.joan}"):
        answer = visitor.get(f"{path}{'&' if '?' in path else '?'}{query}")
        assert answer.status_code == 406, path
        assert answer.headers["Content-Type"] == "application/fhir+json; charset=utf-8"
        assert answer.json()["issue"][0]["code"] == "not-supported"
    found = visitor.post(
        "/fhir/Consent/_search", f"patient={world.joan}&{query}", content_type="application/x-www-form-urlencoded"
    )
    assert found.status_code == 406
    assert visitor.get("/fhir/metadata", headers={"Accept": "application/fhir+xml"}).status_code == 406
    assert visitor.get("/fhir/metadata?_format=json", headers={"Accept": "application/fhir+xml"}).status_code == 200
    assert not Retrieval.objects.exists()


def test_how_a_client_gets_in_is_json_whatever_it_takes(world: World) -> None:
    answer = Client(headers={"host": "testserver"}).get(
        "/fhir/.well-known/smart-configuration", headers={"Accept": "text/html"}
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/fhir+json"),
        (b"", "text/plain"),
        (b'{"resourceType": "Parameters"}', "application/fhir+json; charset=utf-8"),
        (b'{"resourceType": "Parameters", "id": "1", "parameter": []}', "application/json"),
    ],
)
def test_everything_may_be_asked_for_by_post(world: World, body: bytes, kind: str) -> None:
    answer = signed_in_client("dr.osei").post(f"/fhir/Patient/{world.joan}/$everything", body, content_type=kind)
    assert answer.status_code == 202
    assert Retrieval.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (
            b'{"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": "X"}]}',
            "application/json",
            400,
        ),
        (b'{"resourceType": "Parameters", "parameter": {"name": "start"}}', "application/json", 400),
        (b'{"resourceType": "Parameters", "modifierExtension": [{"url": "x"}]}', "application/json", 400),
        (b'{"resourceType": "Parameters", "resourceType": "Parameters"}', "application/fhir+json", 400),
        (b'{"resourceType": "Patient"}', "application/fhir+json", 400),
        (b"[]", "application/fhir+json", 400),
        (b"\xff", "application/fhir+json", 400),
        (b"<Parameters/>", "application/fhir+xml", 415),
        (b"start=2020", "application/x-www-form-urlencoded", 415),
    ],
)
def test_what_is_asked_for_by_post_and_not_done_is_refused(world: World, body: bytes, kind: str, status: int) -> None:
    answer = signed_in_client("dr.osei").post(f"/fhir/Patient/{world.joan}/$everything", body, content_type=kind)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert not Retrieval.objects.exists()


def test_a_post_by_another_site_asks_no_source(world: World) -> None:
    visitor = signed_in_client("dr.osei")
    path = f"/fhir/Patient/{world.joan}/$everything"
    kind = "application/fhir+json"
    assert visitor.post(path, b"", content_type=kind, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    careful = Client(enforce_csrf_checks=True, headers={"host": "testserver"})
    careful.cookies = visitor.cookies
    assert careful.post(path, b"", content_type=kind).status_code == 403
    assert not Retrieval.objects.exists()


@pytest.mark.parametrize(
    "query", ["_type=Observation", "_since=2020-01-01", "start=2020-01-01", "_count=1", "_summary=count"]
)
def test_a_part_of_everything_is_refused_and_asks_no_source(world: World, query: str) -> None:
    visitor = signed_in_client("dr.osei")
    assert visitor.get(f"/fhir/Patient/{world.joan}/$everything?{query}").status_code == 400
    posted = visitor.post(f"/fhir/Patient/{world.joan}/$everything?{query}", b"", content_type="application/json")
    assert posted.status_code == 400
    assert not Retrieval.objects.exists()


@pytest.mark.parametrize(
    ("form", "charset"),
    [("a=1&" * 500, "utf-8"), ("patient=1", "utf-16"), ("patient=1", "nonsense"), ("patient=%FF%00", "utf-8")],
)
@pytest.mark.parametrize("resource_type", ["Consent", "AuditEvent"])
def test_a_form_that_cannot_be_read_is_no_fault_of_ours(
    world: World, form: str, charset: str, resource_type: str
) -> None:
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    for visitor in (
        signed_in_client("ms.lane"),
        Client(headers={"host": "testserver"}, enforce_csrf_checks=True),
    ):
        answer = visitor.generic("POST", f"/fhir/{resource_type}/_search", form, content_type=kind)
        assert 400 <= answer.status_code < 500
        assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("path", ["/fhir/Consent/_search", "/fhir/Consent", "/api/care-teams"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("a=1&" * 500, "application/x-www-form-urlencoded"),
        ("a=1", "application/x-www-form-urlencoded; charset=utf-16"),
        ("a=1", "multipart/form-data"),
        ("a=1", "multipart/form-data; boundary=\xff"),
    ],
)
def test_nor_is_one_in_which_the_token_of_a_session_would_stand(world: World, path: str, body: str, kind: str) -> None:
    visitor = signed_in_client("ms.lane")
    visitor.handler.enforce_csrf_checks = True
    assert visitor.generic("POST", path, body, content_type=kind).status_code == 400


@pytest.mark.parametrize(("path", "kind"), [("/fhir", "application/fhir+json"), ("/api", "application/problem+json")])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_door_without_its_slash_answers_as_with_it_and_leads_nowhere(
    world: World, path: str, kind: str, method: str
) -> None:
    for visitor in (signed_in_client("dr.osei"), Client(headers={"host": "testserver"})):
        with_slash, without = (
            visitor.generic(method, address, b"{}", content_type="application/fhir+json")
            for address in (f"{path}/", path)
        )
        assert (without.status_code, without.content) == (with_slash.status_code, with_slash.content)
        assert 400 <= without.status_code < 500
        assert without.headers["Content-Type"].startswith(kind)
