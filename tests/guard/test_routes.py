"""Every route needs a sign-in, save the few named here; and what each role gets at each route."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.world import World, make_world, signed_in_client

OPEN_ROUTES = {"sign-in", "livez", "readyz", "fhir-metadata"}
# Fixed, since they are part of the tests' names: helpers that run tests side by side must find the same ones.
SAMPLE = {
    "person_id": UUID(int=1),
    "resource_id": UUID(int=1),
    "retrieval_id": UUID(int=2),
    "entry_key": "abc",
    "section": "allergies",
    "review_id": UUID(int=3),
    "policy_id": UUID(int=4),
    "number": 1,
}


def every_route() -> Iterator[tuple[str, str]]:
    """Yield the name and a sample path of every route."""
    yield from _below(get_resolver(), prefix="/")


def _below(resolver: URLResolver, *, prefix: str) -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _below(pattern, prefix=prefix + str(pattern.pattern))
            continue
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        for name, value in SAMPLE.items():
            for converter in ("uuid", "str", "slug", "int"):
                route = route.replace(f"<{converter}:{name}>", str(value))
        yield pattern.name or "", prefix + route.replace(".*", "anything")


ROUTES = sorted(every_route())


def test_every_route_has_a_name_and_a_sample_path() -> None:
    assert ROUTES
    for name, path in ROUTES:
        assert name, path
        assert "<" not in path, path


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "path"), [route for route in ROUTES if route[0] not in OPEN_ROUTES])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_without_a_sign_in_nothing_is_given(name: str, path: str, method: str) -> None:
    answer = getattr(Client(headers={"host": "testserver"}), method)(path)
    sent_to_sign_in = answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in")
    assert sent_to_sign_in or answer.status_code in {401, 403, 405}, answer.status_code


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "path"), [route for route in ROUTES if route[0] in OPEN_ROUTES])
def test_an_open_route_answers(name: str, path: str) -> None:
    assert Client(headers={"host": "testserver"}).get(path).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "path"), ROUTES)
def test_no_answer_may_be_kept_by_a_cache(name: str, path: str) -> None:
    answer = Client(headers={"host": "testserver"}).get(path)
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# user -> (method, path) -> status; {joan} is in the clinician's care, {peter} objects, {nobodys} is in nobody's care.
ROLE_TABLE = [
    ("dr.osei", "get", "/", 200),
    ("dr.osei", "post", "/people/{joan}/record", 302),
    ("dr.osei", "post", "/people/{peter}/record", 403),
    ("dr.osei", "post", "/people/{nobodys}/record", 403),
    ("dr.osei", "post", "/people/{unknown}/record", 404),
    ("dr.osei", "get", "/people/{joan}/record", 405),
    ("dr.osei", "get", "/records/{unknown}", 404),
    ("dr.osei", "get", "/records/{unknown}/sections/allergies", 404),
    ("dr.osei", "get", "/records/{unknown}/sections/anything", 404),
    ("ms.lane", "get", "/records/{unknown}/sections/allergies", 404),
    ("dr.osei", "get", "/records/{unknown}/entries/aaaaaaaaaaaaaaaaaaaa/documents/1", 404),
    ("dr.osei", "get", "/records/{unknown}/entries/aaaaaaaaaaaaaaaaaaaa/documents/1/content", 404),
    ("ms.lane", "get", "/records/{unknown}/entries/aaaaaaaaaaaaaaaaaaaa/documents/1/content", 404),
    ("dr.osei", "get", "/people/{joan}/consent", 403),
    ("dr.osei", "get", "/people/{joan}/consent/decide", 403),
    ("dr.osei", "post", "/people/{joan}/consent/decide", 403),
    ("dr.osei", "get", "/people/{joan}/consent/{unknown}/change", 403),
    ("dr.osei", "post", "/people/{joan}/consent/{unknown}/withdraw", 403),
    ("dr.osei", "get", "/people/{joan}/consent/preview", 403),
    ("dr.osei", "post", "/people/{joan}/consent/preview", 403),
    ("dr.osei", "get", "/fhir/Consent?patient={joan}", 403),
    ("dr.osei", "get", "/fhir/Consent/{unknown}", 403),
    ("dr.osei", "post", "/fhir/Consent", 415),
    ("dr.osei", "put", "/fhir/Consent/{unknown}", 415),
    ("dr.osei", "delete", "/fhir/Consent/{unknown}", 405),
    ("dr.osei", "get", "/sources", 403),
    ("dr.osei", "get", "/reviews", 403),
    ("dr.osei", "get", "/reviews/{unknown}", 403),
    ("dr.osei", "post", "/reviews/{unknown}/take-back", 403),
    ("dr.osei", "get", "/fhir/Patient/{joan}/$everything", 202),
    ("dr.osei", "get", "/fhir/Patient/{peter}/$everything", 403),
    ("dr.osei", "get", "/fhir/Patient/{unknown}/$everything", 404),
    ("dr.osei", "get", "/fhir/Patient/not-an-id/$everything", 404),
    ("dr.osei", "get", "/fhir/Patient/{joan}/$everything?_type=Condition", 400),
    ("dr.osei", "post", "/fhir/Patient/{joan}/$everything", 405),
    ("dr.osei", "get", "/fhir/Observation", 404),
    ("dr.far", "post", "/people/{joan}/record", 403),
    ("dr.far", "get", "/fhir/Patient/{joan}/$everything", 403),
    ("ms.lane", "post", "/people/{joan}/record", 403),
    ("ms.lane", "get", "/fhir/Patient/{joan}/$everything", 403),
    ("ms.lane", "get", "/people/{joan}/consent", 200),
    ("ms.lane", "get", "/people/{unknown}/consent", 404),
    ("ms.lane", "post", "/people/{joan}/consent", 405),
    ("ms.lane", "get", "/people/{joan}/consent/decide", 200),
    ("ms.lane", "post", "/people/{joan}/consent/decide", 400),
    ("ms.lane", "get", "/people/{unknown}/consent/decide", 404),
    ("ms.lane", "get", "/people/{joan}/consent/{unknown}/change", 404),
    ("ms.lane", "post", "/people/{joan}/consent/{unknown}/change", 404),
    ("ms.lane", "get", "/people/{joan}/consent/{unknown}/withdraw", 404),
    ("ms.lane", "post", "/people/{joan}/consent/{unknown}/withdraw", 404),
    ("ms.lane", "get", "/people/{joan}/consent/preview", 200),
    ("ms.lane", "post", "/people/{joan}/consent/preview", 400),
    ("ms.lane", "get", "/fhir/Consent?patient={joan}", 200),
    ("ms.lane", "get", "/fhir/Consent", 400),
    ("ms.lane", "post", "/fhir/Consent/_search", 400),
    ("ms.lane", "get", "/fhir/Consent/{unknown}", 404),
    ("ms.lane", "get", "/sources", 200),
    ("ms.lane", "get", "/reviews", 200),
    ("ms.lane", "get", "/reviews/{unknown}", 404),
    ("ms.lane", "post", "/reviews/{unknown}/take-back", 404),
    ("ms.lane", "get", "/reviews/{unknown}/take-back", 405),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("username", "method", "path", "status"), ROLE_TABLE)
def test_each_role_gets_what_the_table_says(username: str, method: str, path: str, status: int) -> None:
    world: World = make_world()
    client = signed_in_client(username)
    filled = path.format(joan=world.joan, peter=world.peter, nobodys=world.nobodys, unknown=uuid4())
    assert getattr(client, method)(filled).status_code == status


@pytest.mark.django_db
def test_somebody_elses_retrieval_is_answered_as_one_that_does_not_exist() -> None:
    world = make_world()
    clinician, outsider = signed_in_client("dr.osei"), signed_in_client("dr.far")
    location = clinician.post(f"/people/{world.joan}/record").headers["Location"]
    theirs, nothing = outsider.get(location), outsider.get(f"/records/{uuid4()}")
    assert theirs.status_code == nothing.status_code == 404
    assert clinician.get(location).status_code == 200


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused() -> None:
    make_world()
    client = Client(enforce_csrf_checks=True, headers={"host": "testserver"})
    assert client.post("/sign-in", {"username": "dr.osei", "password": "x"}).status_code == 403
