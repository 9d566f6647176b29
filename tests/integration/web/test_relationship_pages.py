"""Pages about who cares for whom, as administrators and clinicians use them."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from aggregator.accounts.models import Organisation
from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Role
from aggregator.changes.models import ProposedChange
from aggregator.relationships.models import CareTeam, Relationship
from aggregator.services.add_user import NewUser, add_user
from tests.relationship_acts import claimed, ended, member, patient, recorded, team
from tests.world import PASSWORD, SURGERY_ODS, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

DAYS = {"day": "1", "month": "1", "year": "2020", "reason": "A letter."}


@pytest.fixture
def world() -> World:
    made = make_world()
    add_user(
        requester=operator(),
        user=NewUser(
            username="mr.moss",
            password=PASSWORD,
            family="Moss",
            given="Ian",
            organisation_ods=SURGERY_ODS,
            role=Role.ADMINISTRATOR,
        ),
        now=timezone.now(),
    )
    return made


def words(client: Client, path: str, *, status: int = 200) -> str:
    """Return what a page says, without its marks."""
    answer = client.get(path)
    assert answer.status_code == status, answer.status_code
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def confirm(*, by: str = "mr.moss") -> None:
    """Have a second administrator confirm what waits."""
    client = signed_in_client(by)
    change = ProposedChange.objects.get(decision=None)
    assert str(change.id) in client.get("/changes").content.decode()
    assert client.post(f"/changes/{change.id}/confirm").status_code == 302


def test_two_administrators_record_change_and_one_ends_who_cares_for_a_patient(world: World) -> None:
    administrator, clinician = signed_in_client("ms.lane"), signed_in_client("dr.osei")
    page = f"/people/{world.nobodys}/relationships"
    assert "Nobody is recorded as caring for this patient." in words(administrator, page)
    assert administrator.post(f"{page}/add", {**DAYS, "kind": "referred"}).headers["Location"] == "/changes"
    assert clinician.post(f"/people/{world.nobodys}/record").status_code == 403
    assert "See the patient" in words(signed_in_client("mr.moss"), "/changes")
    confirm()
    said = words(administrator, page)
    assert "The Surgery Referred A letter. 01-Jan-2020" in said
    assert "Only your own organisation is shown." in said
    assert clinician.post(f"/people/{world.nobodys}/record").status_code == 302
    referred = Relationship.objects.get(person=world.nobodys)
    form = administrator.get(f"{page}/{referred.id}/change").content.decode()
    assert 'value="referred" checked' in form
    assert 'id="year" name="year" type="text" inputmode="numeric" autocomplete="off" value="2020"' in form
    changed = administrator.post(f"{page}/{referred.id}/change", {**DAYS, "kind": "attended"})
    assert changed.headers["Location"] == "/changes"
    confirm()
    attended = Relationship.objects.get(person=world.nobodys, kind="attended")
    assert administrator.post(f"{page}/{attended.id}/end", {"reason": "Moved."}).headers["Location"] == page
    assert "Ended" in words(administrator, page)
    assert clinician.post(f"/people/{world.nobodys}/record").status_code == 403


@pytest.mark.parametrize(
    ("changes", "problem", "at"),
    [
        ({"kind": ""}, "Select how the organisation cares for the patient", "kind-1"),
        ({"kind": "self-claimed"}, "Select how the organisation cares for the patient", "kind-1"),
        ({"day": "31", "month": "2"}, "Enter a real date", "day"),
        ({"day": "", "month": "", "year": ""}, "Enter the first day", "day"),
        ({"until_day": "x"}, "Enter a real date", "until_day"),
        (
            {"until_day": "31", "until_month": "12", "until_year": "2019"},
            "The last day must not be before the first",
            "until_day",
        ),
        ({"reason": ""}, "Enter the reason for this change", "reason"),
        ({"reason": "x" * 2001}, "Enter the reason for this change, in 2,000 characters or fewer", "reason"),
    ],
)
def test_what_was_entered_wrongly_is_said_beside_the_field_and_on_top(
    world: World, changes: dict[str, str], problem: str, at: str
) -> None:
    administrator = signed_in_client("ms.lane")
    answer = administrator.post(f"/people/{world.nobodys}/relationships/add", {**DAYS, "kind": "referred", **changes})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert page.count(problem) >= 2
    assert f'href="#{at}"' in page
    assert f'id="{at}"' in page
    assert not ProposedChange.objects.exists()


def test_a_care_team_is_added_and_gets_a_member_and_a_patient(world: World) -> None:
    administrator, clinician = signed_in_client("ms.lane"), signed_in_client("dr.osei")
    assert administrator.post("/care-teams", {"name": ""}).status_code == 400
    page = administrator.post("/care-teams", {"name": "District nurses"}).headers["Location"]
    nurses = CareTeam.objects.get()
    assert administrator.post(f"{page}/members/add", {**DAYS, "username": "nobody"}).status_code == 400
    assert administrator.post(f"{page}/members/add", {**DAYS, "username": "dr.osei"}).status_code == 302
    assert "Give dr.osei a place in the care team District nurses" in words(signed_in_client("mr.moss"), "/changes")
    confirm()
    to_team = f"/people/{world.nobodys}/relationships/add-to-team"
    assert "District nurses" in words(administrator, to_team)
    assert administrator.post(to_team, {**DAYS, "team_id": str(nurses.id)}).status_code == 302
    confirm()
    assert clinician.post(f"/people/{world.nobodys}/record").status_code == 302
    said = words(administrator, page)
    assert "Members 1 now" in said
    assert "Ama Osei 01-Jan-2020 Current" in said
    assert "Nobody Patient 01-Jan-2020 Current" in said
    access = words(administrator, f"/people/{world.nobodys}/access")
    assert "1 user" in access
    assert "cared for by a team that this user belongs to" in access
    assert administrator.post(f"{page}/end", {"reason": "Disbanded."}).headers["Location"] == page
    assert clinician.post(f"/people/{world.nobodys}/record").status_code == 403


def test_each_part_of_a_team_is_ended_from_its_page(world: World) -> None:
    administrator = signed_in_client("ms.lane")
    nurses = team(world)
    page = f"/care-teams/{nurses}"
    place_id, patient_id = member(nurses), patient(world, nurses)
    for part in (f"members/{place_id}", f"patients/{patient_id}"):
        assert "Last day" in words(administrator, f"{page}/{part}/end")
        past = administrator.post(f"{page}/{part}/end", {**DAYS})
        assert (past.status_code, b"must be today or later" in past.content) == (400, True)
        assert administrator.post(f"{page}/{part}/end", {"reason": "Over."}).headers["Location"] == page
        assert administrator.post(f"{page}/{part}/end", {"reason": "Over."}).status_code == 409
    assert "Members 0 now" in words(administrator, page)


def test_who_is_refused_is_told_how_to_claim_and_what_it_entails(world: World) -> None:
    outsider = signed_in_client("dr.far")
    refused = outsider.post(f"/people/{world.joan}/record")
    assert f'href="/people/{world.joan}/claim"' in refused.content.decode()
    page = f"/people/{world.joan}/claim"
    said = words(outsider, page)
    assert "a privacy officer reviews every such claim" in said
    assert "for 24 hours" in said
    assert outsider.post(page, {"reason": ""}).status_code == 400
    assert outsider.post(page, {"reason": "On my ward."}).headers["Location"] == page
    assert "This patient is recorded as in your care" in words(outsider, page)
    assert outsider.post(f"/people/{world.joan}/record").status_code == 302
    assert "claim" not in signed_in_client("ms.lane").post(f"/people/{world.joan}/record").content.decode()


def test_an_administrator_sees_a_claim_and_may_end_it_but_not_change_it(world: World) -> None:
    surgery = Organisation.objects.get(ods_code=SURGERY_ODS)
    by_lane = claimed(world, by=replaced(world, organisation_id=surgery.id))
    administrator = signed_in_client("mr.moss")
    page = f"/people/{world.joan}/relationships"
    assert "Ama Osei, The Surgery Self claimed She is on my ward." in words(administrator, page)
    assert administrator.get(f"{page}/{by_lane}/change").status_code == 404
    assert administrator.post(f"{page}/{by_lane}/end", {"reason": "Not hers."}).status_code == 302


def test_what_a_user_can_reach_is_counted_by_relationship_and_named(world: World) -> None:
    administrator = signed_in_client("ms.lane")
    recorded(world)
    said = words(administrator, "/reach?username=dr.osei")
    assert "Ama Osei: 2 patients" in said
    assert "Registered: 2 Referred: 1" in said
    assert "FERRIS, Joan" in said
    assert "Nobody of that user name" in words(administrator, "/reach?username=dr.far", status=404)
    assert "What a user can reach" in words(administrator, "/reach")


def test_a_patient_who_objects_is_open_to_nobody_and_the_page_says_why(world: World) -> None:
    said = words(signed_in_client("ms.lane"), f"/people/{world.peter}/access")
    assert "0 users" in said
    assert "The patient has objected" in said
    ended(world, Relationship.objects.get(source_record__links__person=world.joan).id)
    assert "Nobody of your organisation could open the record now." in words(
        signed_in_client("ms.lane"), f"/people/{world.joan}/access"
    )


def replaced(world: World, *, organisation_id: UUID) -> Requester:
    """Return Ms Lane as a clinician of the surgery who does not care for Joan otherwise."""
    ended(world, Relationship.objects.get(source_record__links__person=world.joan).id)
    return replace(world.outsider, user_id=world.administrator.user_id, organisation_id=organisation_id)
