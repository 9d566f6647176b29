"""Pages by which a record is opened in an emergency, and by which officers review that."""

from __future__ import annotations

import html
import re

import pytest
import redis
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.break_glass.models import BreakGlass
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.break_glass.prepare_break_glass import COSTS
from aggregator.services.view_record import RecordView
from tests.break_glass_acts import broken
from tests.factories import allergy, condition, restricted
from tests.integration.services.test_showing import answered, held_redis
from tests.integration.web.test_still_shown import check, pages
from tests.unit.record.test_files import letter
from tests.world import PASSWORD, SURGERY_ODS, World, make_world, signed_in_client

__all__ = ["held_redis"]
pytestmark = pytest.mark.django_db
ENTERED = {"reason": "unconscious", "note": "Brought in by ambulance.", "password": PASSWORD}


@pytest.fixture
def world() -> World:
    cache.clear()  # of failures that other tests counted
    return make_world()


@pytest.fixture
def view(world: World, held_redis: redis.Redis) -> RecordView:
    """Joan's record, of which a problem is withheld."""
    sent = letter({"contentType": "text/plain", "data": "SGVsbG8="})
    return answered(world, held_redis, condition(), allergy(meta=restricted()), sent)


def words(client: Client, path: str, *, status: int = 200) -> str:
    """Return what a page says, without its marks."""
    answer = client.get(path)
    assert answer.status_code == status, answer.status_code
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def test_a_refusal_leads_to_it_and_the_page_says_first_what_it_costs(world: World) -> None:
    client = signed_in_client("dr.far")
    refusal = client.post(f"/people/{world.joan}/record").content.decode()
    path = f"/people/{world.joan}/emergency"
    assert f'href="{path}"' in refusal
    assert "contact the organisations" not in refusal
    said = words(client, path)
    for cost in COSTS:
        assert cost in said
    for cost in ("are recorded", "privacy officer", "The patient can see", "30 minutes", "this patient only", "never"):
        assert cost in said
    assert said.index("Before you do") < said.index("Your password")
    answer = client.post(path, ENTERED)
    assert answer.status_code == 302
    assert "Open in an emergency until" in words(client, answer.headers["Location"])
    again = client.get(path).content.decode()
    assert "You have opened this record in an emergency" in again
    assert f'action="/emergencies/{BreakGlass.objects.get().id}/end"' in again
    # Nobody else is offered it, and where it would not help nobody is.
    assert "emergency" not in signed_in_client("ms.lane").post(f"/people/{world.joan}/record").content.decode()
    refused = signed_in_client("dr.osei").post(f"/people/{world.peter}/record").content.decode()
    assert "/emergency" not in refused
    assert "In an emergency, contact the organisations that treat them." in refused


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reason": ""}, "Select why you need this record now"),
        ({"reason": "curious"}, "Select why you need this record now"),
        ({"note": " "}, "Enter what has happened"),
        ({"password": ""}, "Enter your password"),
        ({"password": "wrong"}, "The password is incorrect."),
    ],
)
def test_what_is_missing_or_wrong_is_said_beside_its_field(world: World, changed: dict[str, str], said: str) -> None:
    answer = signed_in_client("dr.far").post(f"/people/{world.joan}/emergency", {**ENTERED, **changed})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert page.count(said) == 2
    assert PASSWORD not in page
    assert not BreakGlass.objects.exists()


def test_every_page_of_the_record_says_that_it_is_open_and_until_when(world: World, view: RecordView) -> None:
    client = signed_in_client("dr.osei")
    record = f"/records/{view.retrieval_id}"
    assert f'href="/people/{world.joan}/emergency"' in client.get(record).content.decode()
    access = broken(world, by=world.clinician)
    for address in pages(view):
        page = client.get(address).content.decode()
        assert "Open in an emergency until" in page, address
        assert f"/emergencies/{access.id}/end" in page
        assert f"/check?emergency={access.id}" in page
    assert "/emergency" not in client.get(record).content.decode()
    assert client.get(f"{record}/check?emergency={access.id}").status_code == 204
    assert client.post(f"/emergencies/{access.id}/end").status_code == 302
    # The open page is fetched anew, and no longer has what only the emergency showed.
    ended = client.get(f"{record}/check?emergency={access.id}", headers={"HX-Request": "true"})
    assert (ended.status_code, ended.headers["HX-Refresh"]) == (403, "true")
    assert check(client, view.retrieval_id)[0] == 204
    assert "Open in an emergency" not in client.get(record).content.decode()
    assert client.get(f"{record}/check?emergency=x").status_code == 404


@pytest.fixture
def officers(world: World) -> Client:
    """A privacy officer of the surgery."""
    added = NewUser(
        username="ms.howe",
        password=PASSWORD,
        family="Howe",
        given="Ruth",
        organisation_ods=SURGERY_ODS,
        role=Role.PRIVACY_OFFICER,
    )
    add_user(requester=operator(), user=added, now=timezone.now())
    return signed_in_client("ms.howe")


def test_an_officer_works_the_queue(world: World, officers: Client) -> None:
    access = broken(world, by=world.clinician)
    assert "Access to review" in words(officers, "/")
    listed = words(officers, "/emergencies")
    assert "Ama Osei" in listed
    assert "FERRIS, Joan" in listed
    assert "Nothing that is known here. Not everything could be looked at." in listed
    path = f"/emergencies/{access.id}"
    case = words(officers, path)
    for said in (
        "Brought in by ambulance.",
        "Unconscious, or too unwell to be asked",
        "still open",
        "nobody has joined the user",
        "another way of writing the same address is not recognised",
    ):
        assert said in case
    for missing in ({"verdict": ""}, {"note": ""}, {"verdict": "fine"}):
        answer = officers.post(path, {"verdict": "appropriate", "note": "Asked the ward.", **missing})
        assert answer.status_code == 400
    assert officers.post(path, {"verdict": "appropriate", "note": "Asked the ward."}).status_code == 302
    assert "Nothing waits for you." in words(officers, "/emergencies")
    assert "Appropriate" in words(officers, "/emergencies?closed=1")
    assert "Asked the ward." in words(officers, path)


def test_an_officer_works_the_queue_over_the_service_api(world: World, officers: Client) -> None:
    access = broken(world, by=world.clinician)
    (case,) = officers.get("/api/emergencies").json()["cases"]
    assert (case["id"], case["kind"], case["reviews"]) == (str(access.id), "break-glass", [])
    assert officers.get(f"/api/emergencies/{access.id}").json() == case
    verdict = {"verdict": "not-appropriate", "note": "Curious."}
    path = f"/api/emergencies/{access.id}/review"
    assert officers.post(path, {**verdict, "verdict": "x"}, content_type="application/json").status_code == 400
    assert officers.post(path, verdict, content_type="application/json").status_code == 204
    assert officers.get("/api/emergencies").json()["count"] == 0
    (case,) = officers.get("/api/emergencies?closed=true").json()["cases"]
    assert [review["note"] for review in case["reviews"]] == ["Curious."]
