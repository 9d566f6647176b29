"""The service API: what it takes and refuses, in problem JSON, and that it does what the pages do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from drf_spectacular.validation import validate_schema

from aggregator.accounts.models import AccessEnd, User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import Requester
from aggregator.api.service.urls import urlpatterns
from aggregator.changes.models import ProposedChange
from aggregator.relationships.models import CareTeam
from aggregator.services.changes.confirm_change import confirm_change
from tests.world import PASSWORD, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

RELATIONSHIP = {"kind": "referred", "from_date": "2020-01-01", "reason": "A letter."}


@pytest.fixture
def world() -> World:
    return make_world()


def post(client: Client, path: str, body: object) -> Any:
    sent = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(f"/api/{path}", sent, content_type="application/json")


def problem(answer: Any, *, status: int) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    said: dict[str, Any] = answer.json()
    assert (said["status"], bool(said["title"])) == (status, True)
    return said


def confirmed(answer: Any) -> UUID:
    """Return the id of what a proposal made, once somebody else has confirmed it."""
    assert answer.status_code == 202
    made = confirm_change(requester=somebody_else(), change_id=UUID(answer.json()["change"]), now=timezone.now())
    return made.made_id


def somebody_else() -> Requester:
    (requester,) = requesters_for(user_id=User.objects.get(username="ms.lane").id, now=timezone.now())
    return replace(requester, user_id=uuid4())


def test_a_relationship_is_recorded_listed_changed_and_ended(world: World) -> None:
    administrator = signed_in_client("ms.lane")
    people = f"people/{world.nobodys}"
    recorded = confirmed(post(administrator, f"{people}/relationships", RELATIONSHIP))
    (listed,) = administrator.get(f"/api/{people}/relationships").json()["relationships"]
    assert listed == {
        "id": str(recorded),
        "kind": "referred",
        "organisation": "The Surgery",
        "user": "",
        "from_date": "2020-01-01",
        "until_date": None,
        "expires_or_ends_at": None,
        "state": "current",
        "reason": "A letter.",
        "end_reason": "",
        "care_team": None,
    }
    access = administrator.get(f"/api/{people}/access").json()
    assert [(user["user_name"], user["relationships"]) for user in access["users"]] == [("Ama Osei", ["referred"])]
    assert (access["count"], access["is_whole"]) == (1, False)
    changes = {**RELATIONSHIP, "kind": "attended", "until_date": "2999-01-01"}
    changed = confirmed(post(administrator, f"relationships/{recorded}/change", changes))
    ended = post(administrator, f"relationships/{changed}/end", {"reason": "Moved."})
    assert (ended.status_code, ended.content) == (204, b"")
    again = post(administrator, f"relationships/{changed}/end", {"reason": "Moved."})
    assert problem(again, status=409)["code"] == "superseded"
    assert administrator.get(f"/api/{people}/access").json()["users"] == []


def test_a_care_team_is_added_filled_read_and_emptied(world: World) -> None:
    administrator = signed_in_client("ms.lane")
    team = post(administrator, "care-teams", {"name": "District nurses"}).json()["id"]
    said = {"from_date": "2020-01-01", "reason": "New here."}
    place = confirmed(post(administrator, f"care-teams/{team}/members", {"username": "dr.osei", **said}))
    patient = confirmed(post(administrator, f"care-teams/{team}/patients", {"person": str(world.nobodys), **said}))
    reach = administrator.get("/api/reach?username=dr.osei").json()
    assert (reach["count"], reach["by_kind"]) == (3, {"registered": 2, "care-team": 1})
    assert {"person": str(world.nobodys), "relationships": ["care-team"]} in reach["people"]
    view = administrator.get(f"/api/care-teams/{team}").json()
    assert [part["id"] for part in (*view["members"], *view["patients"])] == [str(place), str(patient)]
    for path in (f"members/{place}/end", f"patients/{patient}/end", "end"):
        assert post(administrator, f"care-teams/{team}/{path}", {"reason": "Over."}).status_code == 204
    (listed,) = administrator.get("/api/care-teams").json()
    assert (listed["members"], listed["patients"], bool(listed["ends_at"])) == (0, 0, True)
    assert AccessEnd.objects.count() == 3


def test_a_clinician_claims_a_patient_and_then_may_open_the_record(world: World) -> None:
    outsider = signed_in_client("dr.far")
    assert outsider.post(f"/people/{world.joan}/record").status_code == 403
    assert post(outsider, f"people/{world.joan}/claims", {"reason": "On my ward."}).status_code == 201
    assert outsider.post(f"/people/{world.joan}/record").status_code == 302
    refused = post(signed_in_client("ms.lane"), f"people/{world.joan}/claims", {"reason": "I want to."})
    assert problem(refused, status=403)["code"] == "not-permitted"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**RELATIONSHIP, "kind": 5}, "kind"),
        ({**RELATIONSHIP, "kind": ["referred"]}, "kind"),
        ({**RELATIONSHIP, "kind": "care-team"}, "kind"),
        ({**RELATIONSHIP, "kind": None}, "kind"),
        ({**RELATIONSHIP, "from_date": 20200101}, "from_date"),
        ({**RELATIONSHIP, "from_date": "01/01/2020"}, "from_date"),
        ({**RELATIONSHIP, "from_date": "2020-02-30"}, "from_date"),
        ({**RELATIONSHIP, "until_date": {"to": "2020-01-01"}}, "until_date"),
        ({**RELATIONSHIP, "until_date": "2019-12-31"}, "until_date"),
        ({**RELATIONSHIP, "reason": ""}, "reason"),
        ({**RELATIONSHIP, "reason": True}, "reason"),
        ({key: value for key, value in RELATIONSHIP.items() if key != "from_date"}, "from_date"),
        ({**RELATIONSHIP, "user": str(uuid4())}, ""),
        ({**RELATIONSHIP, "expires_at": "2999-01-01T00:00:00Z"}, ""),
        ({**RELATIONSHIP, "organisation_id": str(uuid4())}, ""),
        ({**RELATIONSHIP, "recorded_by": str(uuid4())}, ""),
        ({**RELATIONSHIP, "organisation": {"id": 1}}, "organisation"),
    ],
)
def test_t20_a_field_that_there_is_not_or_of_another_type_is_refused_and_nothing_is_written(
    world: World, body: dict[str, object], field: str
) -> None:
    answer = post(signed_in_client("ms.lane"), f"people/{world.joan}/relationships", body)
    assert set(problem(answer, status=400)["fields"]) == {field}
    assert not ProposedChange.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b'{"name": "a", "name": "b"}',
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"name": 1e999}',
        b'{"name": NaN}',
        b'{"a":' * 2000,
        b'{"name": "\xff"}',
        b'{"name": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_means_nothing_or_two_things_is_refused_as_not_valid(world: World, body: bytes) -> None:
    problem(post(signed_in_client("ms.lane"), "care-teams", body), status=400)
    assert not CareTeam.objects.exists()


def test_a_name_is_neither_cut_nor_echoed(world: World) -> None:
    administrator = signed_in_client("ms.lane")
    assert problem(post(administrator, "care-teams", {"name": "x" * 101}), status=400)["fields"].keys() == {"name"}
    assert b"marked" not in post(administrator, "care-teams", {"marked": "marked"}).content


@pytest.mark.parametrize("query", ["page=0", "page=abc", "page=²", "page=%00", f"page={'9' * 400}", "limit=1", "page="])
def test_a_parameter_that_there_is_not_or_makes_no_sense_is_refused(world: World, query: str) -> None:
    problem(signed_in_client("ms.lane").get(f"/api/people/{world.joan}/access?{query}"), status=400)


def test_every_error_is_a_problem(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    administrator, nobody = signed_in_client("ms.lane"), Client(headers={"host": "testserver"})
    problem(nobody.get("/api/care-teams"), status=401)
    problem(administrator.get("/api/nothing"), status=404)
    problem(administrator.get("/api/people/not-an-id/access"), status=404)
    problem(administrator.get(f"/api/people/{world.joan}/access?page=7"), status=404)
    problem(administrator.put("/api/care-teams"), status=405)
    problem(administrator.post("/api/care-teams", {"name": "a"}), status=415)
    problem(administrator.get(f"/api/care-teams?{'&'.join('a' * 300)}"), status=400)
    administrator.raise_request_exception = False
    for error, status in ((RuntimeError("secret words"), 500), (OperationalError("secret words"), 503)):

        def fails(error: Exception = error, **_: object) -> None:
            raise error

        monkeypatch.setattr("aggregator.api.service.care_teams.list_care_teams", fails)
        assert "secret" not in str(problem(administrator.get("/api/care-teams"), status=status))


def test_t09_a_write_without_the_token_of_the_session_is_refused(world: World) -> None:
    client = Client(headers={"host": "testserver"}, enforce_csrf_checks=True)
    token = client.get("/sign-in").cookies["csrftoken"].value
    signed_in = client.post("/sign-in", {"username": "ms.lane", "password": PASSWORD, "csrfmiddlewaretoken": token})
    assert signed_in.status_code == 302
    assert client.get("/api/care-teams").status_code == 200
    problem(post(client, "care-teams", {"name": "Nurses"}), status=403)
    assert not CareTeam.objects.exists()
    with_token = client.post(
        "/api/care-teams",
        json.dumps({"name": "Nurses"}),
        content_type="application/json",
        headers={"x-csrftoken": client.cookies["csrftoken"].value},
    )
    assert with_token.status_code == 201


def test_the_description_names_every_route_and_what_it_takes(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    described = signed_in_client("ms.lane").get("/api/schema/").json()
    assert capsys.readouterr().err == ""  # nothing had to be guessed
    assert described["openapi"].startswith("3.")
    assert len(described["paths"]) == len(urlpatterns) - 2  # but itself, and what is not there
    assert all(path.startswith("/api/") for path in described["paths"])
    taken = described["components"]["schemas"]["RelationshipInput"]
    assert set(taken["properties"]) == {"kind", "from_date", "until_date", "reason", "organisation"}
    assert set(taken["required"]) == {"kind", "from_date", "reason"}
    assert taken["additionalProperties"] is False


def test_the_description_says_how_a_request_may_fail_and_what_a_write_needs(world: World) -> None:
    described = signed_in_client("ms.lane").get("/api/schema/").json()
    validate_schema(described)
    names = [name for group in described["components"].values() for name in group]
    assert [name for name in names if not re.fullmatch(r"[a-zA-Z0-9._-]+", name)] == []  # OpenAPI 3.0.3, Components
    operations = {
        (method, path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    for (method, path), operation in operations.items():
        expected = {"400", "401", "403", "406", "429", "500", "503"}
        expected |= {"404"} if "{" in path else set()
        expected |= {"409", "413", "415"} if method == "post" else set()
        assert expected <= set(operation["responses"]), (method, path)
        (needed,) = operation["security"]
        is_report = path == "/api/sources/{source_id}/health"
        assert set(needed) == ({"report-token"} if is_report else {"session", *(["csrf-token"] * (method == "post"))})
    problem = described["components"]["responses"]["Problem429"]
    assert list(problem["content"]) == ["application/problem+json"]
    assert "Retry-After" in problem["headers"]


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_there_is_nothing_at_an_address_that_is_not_described_whatever_the_method(world: World, method: str) -> None:
    assert getattr(signed_in_client("ms.lane"), method)("/api/users/0/person").status_code == 404
