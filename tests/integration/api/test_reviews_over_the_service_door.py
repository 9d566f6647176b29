"""Doubts about identity over the service API: as at the page, and nothing newer is overlooked."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.mpi.models import LinkReview, SourceRecord
from aggregator.services.load_identities import load_identities
from tests.factories import person_of
from tests.world import JOAN_NUMBER, SOURCE_SLUG, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

LINES = ["local_id,family,given,birth_date,gender", "d,Ferris,Joan,1951-05-04,male"]


@pytest.fixture
def world() -> World:
    made = make_world()
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=LINES, now=timezone.now())
    return made


@pytest.fixture
def administrator(world: World) -> Client:
    return signed_in_client("ms.lane")


def path(rest: str = "") -> str:
    return f"/api/reviews/{LinkReview.objects.get(source_record__identifier_value='d').id}{rest}"


def settle(client: Client, **changes: Any) -> Any:
    body = {"decision": "join", "note": "Rang the surgery.", "seen": client.get(path()).json()["state"], **changes}
    return client.post(path("/settle"), body, content_type="application/json")


def test_two_people_are_listed_read_joined_and_parted(world: World, administrator: Client) -> None:
    listed = administrator.get("/api/reviews").json()
    assert (listed["open_count"], listed["settled_count"]) == (1, 0)
    assert listed["doubts"][0]["person"] == str(world.joan)
    assert JOAN_NUMBER not in str(listed)
    shown = administrator.get(path()).json()
    assert shown["decisions"] == ["noted", "end-link", "join"]
    assert (shown["against"], shown["may_not_join"]) == (["Gender"], False)
    assert {row["field"]: row["values"] for row in shown["rows"]}["Gender"] == ["male", "female"]
    record = SourceRecord.objects.get(identifier_value="d")
    assert settle(administrator).status_code == 204
    assert person_of(record=record).id == world.joan
    (decided,) = administrator.get(path()).json()["history"]
    assert (decided["decision"], decided["taken_back_at"]) == ("join", None)
    assert administrator.post(path("/take-back")).status_code == 204
    assert person_of(record=record).id != world.joan
    assert administrator.post(path("/take-back")).status_code == 409


def test_the_list_is_asked_for_by_state_cause_and_source(administrator: Client) -> None:
    (doubt,) = administrator.get("/api/reviews").json()["doubts"]
    (count,) = administrator.get("/api/reviews").json()["counts"]
    assert count == {"cause": doubt["cause"], "source_slug": SOURCE_SLUG, "open": 1, "settled": 0}

    def found(**asked: Any) -> tuple[int, list[str]]:
        page = administrator.get("/api/reviews", asked).json()
        return page["count"], [one["id"] for one in page["doubts"]]

    assert found(cause=doubt["cause"], source_slug=SOURCE_SLUG) == (1, [doubt["id"]])
    assert found(settled="true") == found(cause="same-number") == found(source_slug="nobody") == (0, [])
    assert settle(administrator, decision="noted").status_code == 204
    assert found() == (0, [])
    assert found(settled="true") == (1, [doubt["id"]])
    assert administrator.get("/api/reviews", {"page": 2}).status_code == 404
    assert administrator.get("/api/reviews", {"state": "open"}).status_code == 400


def test_what_has_changed_since_it_was_read_is_not_settled(world: World, administrator: Client) -> None:
    seen = administrator.get(path()).json()["state"]
    lines = [
        "local_id,nhs_number,nhs_number_status,family,given,birth_date",
        f"e,{JOAN_NUMBER},01,Ferris,Joan,1951-05-04",
    ]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    assert settle(administrator, seen=seen).status_code == 409
    assert settle(administrator, seen="").status_code == 400
    assert settle(administrator).status_code == 204


def test_nobody_else_reads_or_settles_a_doubt(world: World) -> None:
    clinician = signed_in_client("dr.osei")
    assert clinician.get("/api/reviews").status_code == 403
    assert clinician.get(path()).status_code == 403
    body = {"decision": "join", "note": "It is her.", "seen": "nothing"}
    assert clinician.post(path("/settle"), body, content_type="application/json").status_code == 403
    assert clinician.post(path("/take-back")).status_code == 403
