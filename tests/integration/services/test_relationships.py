"""Relationships as administrators and clinicians manage them: what each gives, to whom, and when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from aggregator.accounts.models import AccessEnd
from aggregator.accounts.requester import PurposeOfUse, Requester, operator
from aggregator.accounts.roles import Permission, Role
from aggregator.audit.models import AuditEvent
from aggregator.consent.queries import decide
from aggregator.errors import Invalid, NotFound, NotPermitted, Superseded
from aggregator.record.item import Item
from aggregator.record.merge import LongitudinalRecord, merge
from aggregator.relationships.models import CareTeamPatient, CareTeamPlace, Relationship
from aggregator.relationships.terms import RelationshipKind, end_of_day, london_day
from aggregator.services.care_teams.end_care_team import end_care_team
from aggregator.services.changes.confirm_change import confirm_change
from aggregator.services.changes.propose_change import propose_change
from aggregator.services.open_record import open_record
from aggregator.services.relationships.claim_relationship import claim_relationship
from aggregator.services.relationships.end_relationship import end_relationship
from aggregator.services.relationships.list_relationships import list_relationships
from aggregator.services.relationships.load_relationships import load_relationships
from aggregator.services.relationships.prepare_claim import prepare_claim
from aggregator.services.view_record import view_record
from tests.relationship_acts import (
    changed,
    claimed,
    end_member,
    end_patient,
    end_team,
    ended,
    member,
    patient,
    recorded,
    team,
)
from tests.world import HOSPITAL_ODS, SOURCE_SLUG, SURGERY_ODS, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def may_see(who: Requester, person_id: UUID) -> bool:
    return decide(requester=who, permission=Permission.VIEW_RECORD, person_id=person_id, now=timezone.now()).permitted


def reason_for(who: Requester, person_id: UUID) -> str:
    """Return what the gate of relationships says."""
    decision = decide(requester=who, permission=Permission.VIEW_RECORD, person_id=person_id, now=timezone.now())
    return next(result.answer.reason for result in decision.results if result.gate.name == "relationship")


def colleague(world: World) -> Requester:
    """Return another clinician of the surgery, who is not Dr Osei."""
    return replace(world.clinician, user_id=world.administrator.user_id)


# Recorded by an administrator


def test_what_an_administrator_records_gives_their_organisation_access_at_once(world: World) -> None:
    assert not may_see(world.clinician, world.nobodys)
    before = timezone.now()
    row = Relationship.objects.get(id=recorded(world, person_id=world.nobodys))
    assert row.recorded_at is not None
    assert before <= row.recorded_at <= timezone.now()
    assert reason_for(world.clinician, world.nobodys) == "The patient is referred to your organisation."
    assert may_see(colleague(world), world.nobodys)
    assert not may_see(world.outsider, world.nobodys)


def test_to_record_the_same_again_records_nothing_and_after_an_end_it_does(world: World) -> None:
    first = recorded(world, person_id=world.nobodys)
    assert recorded(world, person_id=world.nobodys) == first
    ended(world, first)
    assert not may_see(world.clinician, world.nobodys)
    assert recorded(world, person_id=world.nobodys) != first
    assert may_see(world.clinician, world.nobodys)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "care-team"}, "kind"),
        ({"kind": "self-claimed"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"from_date": ""}, "from_date"),
        ({"from_date": "01/01/2020"}, "from_date"),
        ({"until_date": "2019-12-31"}, "until_date"),
        ({"until_date": "soon"}, "until_date"),
        ({"organisation_ods": "X0"}, "organisation_ods"),
        ({"organisation_ods": ""}, "organisation_ods"),
    ],
)
def test_what_makes_no_sense_is_refused_and_records_nothing(
    world: World, changes: dict[str, object], field: str
) -> None:
    before = Relationship.objects.count()
    with pytest.raises(Invalid) as refused:
        recorded(world, **changes)
    assert refused.value.field == field
    assert Relationship.objects.count() == before


@pytest.mark.parametrize("person_id", [uuid4(), "nobody"])
def test_of_nobody_nothing_is_recorded(world: World, person_id: object) -> None:
    with pytest.raises(NotFound):
        recorded(world, person_id=person_id)


def proposed(world: World, *, by: Requester, ods: str) -> UUID:
    """Propose that an organisation cares for the patient who is in nobody's care."""
    terms = {
        "person_id": str(world.nobodys),
        "organisation_ods": ods,
        "kind": "attended",
        "from_date": "2020-01-01",
    }
    change = propose_change(
        requester=by, kind="record-relationship", terms=terms, reason="A letter.", now=timezone.now()
    )
    assert change.change_id
    return change.change_id


def test_what_a_user_records_counts_once_somebody_else_has_confirmed_it(world: World) -> None:
    change_id = proposed(world, by=world.administrator, ods=SURGERY_ODS)
    assert not may_see(world.clinician, world.nobodys)
    with pytest.raises(NotPermitted):
        confirm_change(requester=world.administrator, change_id=change_id, now=timezone.now())
    other = replace(world.administrator, user_id=world.outsider.user_id)
    confirm_change(requester=other, change_id=change_id, now=timezone.now())
    assert may_see(world.clinician, world.nobodys)
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.person_id) == ("confirm-change", world.nobodys)


def test_an_administrator_acts_for_their_own_organisation_and_a_programme_administrator_for_any(world: World) -> None:
    programme = replace(world.administrator, role=Role.PROGRAMME_ADMINISTRATOR)
    with pytest.raises(NotPermitted):
        proposed(world, by=world.administrator, ods=HOSPITAL_ODS)
    assert proposed(world, by=programme, ods=HOSPITAL_ODS)
    at_hospital = recorded(world, person_id=world.nobodys, organisation_ods=HOSPITAL_ODS)
    with pytest.raises(NotFound):
        ended(world, at_hospital)
    own = list_relationships(requester=world.administrator, person_id=world.nobodys, now=timezone.now())
    assert (own.relationships, own.is_whole) == ((), False)
    seen = list_relationships(requester=programme, person_id=world.nobodys, now=timezone.now())
    assert ([each.id for each in seen.relationships], seen.is_whole) == ([at_hospital], True)


# Ended and changed


def test_an_end_at_a_date_counts_from_british_midnight_on(world: World) -> None:
    relationship_id = recorded(world, person_id=world.nobodys)
    today = london_day(timezone.now())
    end_relationship(
        requester=world.administrator,
        relationship_id=relationship_id,
        last_day=today,
        reason="Moved.",
        now=timezone.now(),
    )
    midnight = end_of_day(today)
    with time_machine.travel(midnight - timedelta(seconds=1), tick=False):
        assert may_see(world.clinician, world.nobodys)
    with time_machine.travel(midnight, tick=False):
        assert not may_see(world.clinician, world.nobodys)


def test_an_end_is_a_row_with_its_reason_and_its_event_and_nothing_is_changed(world: World) -> None:
    relationship_id = recorded(world, person_id=world.nobodys)
    before = Relationship.objects.filter(id=relationship_id).values().get()
    ended(world, relationship_id)
    assert Relationship.objects.filter(id=relationship_id).values().get() == before
    row = AccessEnd.objects.get(of_id=relationship_id)
    assert (row.kind, row.reason, row.recorded_by) == (
        "relationship",
        "Joan Ferris moved.",
        world.administrator.user_id,
    )
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.outcome, event.person_id) == ("end-relationship", "success", world.nobodys)
    with pytest.raises(Superseded):
        ended(world, relationship_id)


def test_a_change_ends_what_was_and_records_what_is_in_one_act(world: World) -> None:
    relationship_id = recorded(world, person_id=world.nobodys)
    changed(relationship_id)
    assert reason_for(world.clinician, world.nobodys).startswith("The patient is attending your organisation")
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.person_id) == ("propose-change", world.nobodys)
    assert event.detail["id"] == str(relationship_id)
    with pytest.raises(Superseded):
        changed(relationship_id)


def test_a_change_of_nothing_is_refused_and_ends_nothing(world: World) -> None:
    changed(recorded(world, person_id=world.nobodys))
    current = Relationship.objects.get(person_id=world.nobodys, kind="attended")
    with pytest.raises(Invalid):
        changed(current.id)
    assert not AccessEnd.objects.filter(of_id=current.id).exists()


def test_what_an_administrator_has_ended_no_file_brings_back(world: World) -> None:
    loaded = Relationship.objects.get(source_record__links__person=world.joan)
    ended(world, loaded.id)
    assert not may_see(world.clinician, world.joan)
    lines = ["local_id,kind,from_date", "1,registered,2010-01-01"]
    again = load_relationships(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    assert (again.recorded, again.ended, again.rejected) == (1, 1, ())
    assert not may_see(world.clinician, world.joan)


def test_a_file_with_junk_loses_no_good_line_and_names_each_other(world: World) -> None:
    lines = ["local_id,kind,from_date", "3,attended,2020-01-01", "3,nonsense,2020-01-01", "9,attended,2020-01-01"]
    for _ in range(2):
        loaded = load_relationships(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
        assert (loaded.recorded, loaded.unknown) == (1, 1)
        assert [line.line for line in loaded.rejected] == [3, 4]
    assert may_see(world.clinician, world.nobodys)
    assert Relationship.objects.filter(source_record__identifier_value="3").count() == 1


# Claimed by a user


def test_a_claim_opens_the_record_to_whoever_claims_and_for_a_limited_time(world: World) -> None:
    claimed(world, by=world.outsider)
    assert reason_for(world.outsider, world.joan) == "The patient is in your care, as you have said yourself."
    assert not may_see(replace(world.outsider, user_id=uuid4()), world.joan)
    assert not may_see(replace(world.outsider, organisation_id=uuid4()), world.joan)
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.person_id, event.detail["for_review"]) == ("claim-relationship", world.joan, True)
    over = timezone.now() + timedelta(hours=settings.SELF_CLAIM_HOURS)
    with time_machine.travel(over - timedelta(minutes=1), tick=False):
        assert may_see(world.outsider, world.joan)
    with time_machine.travel(over, tick=False):
        assert not may_see(world.outsider, world.joan)


def test_a_claim_that_is_sent_twice_is_one_and_does_not_last_longer(world: World) -> None:
    first = claimed(world, by=world.outsider)
    expires_at = Relationship.objects.get(id=first).expires_at
    assert claimed(world, by=world.outsider) == first
    assert Relationship.objects.get(kind=RelationshipKind.SELF_CLAIMED).expires_at == expires_at


def test_a_claim_goes_past_no_other_gate(world: World) -> None:
    claim_relationship(requester=world.outsider, person_id=world.peter, reason="On my ward.", now=timezone.now())
    decision = decide(
        requester=world.outsider, permission=Permission.VIEW_RECORD, person_id=world.peter, now=timezone.now()
    )
    assert [result.gate.name for result in decision.refusals] == ["consent"]


@pytest.mark.parametrize(
    "changes",
    [
        {"role": Role.RECEPTIONIST},
        {"role": Role.ADMINISTRATOR},
        {"role": Role.PRIVACY_OFFICER},
        {"role": Role.CLIENT},
        {"user_id": None},
        {"organisation_id": None},
        {"purpose": PurposeOfUse.OPERATIONS},
    ],
)
def test_who_may_not_claim_is_refused(world: World, changes: dict[str, object]) -> None:
    with pytest.raises(NotPermitted):
        claimed(world, by=replace(world.outsider, **changes))  # type: ignore[arg-type]
    assert not Relationship.objects.filter(kind=RelationshipKind.SELF_CLAIMED).exists()


def test_a_claim_needs_a_reason_a_patient_and_a_need(world: World) -> None:
    for who, person_id, reason, error in (
        (world.outsider, world.joan, " ", Invalid),
        (world.outsider, uuid4(), "On my ward.", NotFound),
        (world.clinician, world.joan, "On my ward.", Invalid),
    ):
        with pytest.raises(error):
            claim_relationship(requester=who, person_id=person_id, reason=reason, now=timezone.now())
    assert prepare_claim(requester=world.outsider, person_id=world.joan, now=timezone.now()).is_needed
    assert not prepare_claim(requester=world.clinician, person_id=world.joan, now=timezone.now()).is_needed


# Care teams


def test_a_care_team_gives_its_members_access_to_its_patients_and_nobody_else(world: World) -> None:
    nurses = team(world)
    member(nurses)
    assert not may_see(world.clinician, world.nobodys)
    patient(world, nurses, person_id=world.nobodys)
    assert reason_for(world.clinician, world.nobodys) == "The patient is cared for by a team that you belong to."
    assert not may_see(colleague(world), world.nobodys)
    assert not may_see(replace(world.clinician, organisation_id=world.outsider.organisation_id), world.nobodys)


def test_the_end_of_a_place_of_the_care_or_of_the_team_counts_at_once(world: World) -> None:
    for what in ("member", "patient", "team"):
        nurses = team(world)
        place_id, patient_id = member(nurses), patient(world, nurses, person_id=world.nobodys)
        assert (member(nurses), patient(world, nurses, person_id=world.nobodys)) == (place_id, patient_id)
        assert may_see(world.clinician, world.nobodys)
        match what:
            case "member":
                end_member(world, nurses, place_id)
            case "patient":
                end_patient(world, nurses, patient_id)
            case _:
                end_team(world, nurses)
        assert not may_see(world.clinician, world.nobodys), what
    with pytest.raises(Superseded):
        end_team(world, nurses)
    with pytest.raises(Invalid):
        member(nurses)
    with pytest.raises(Invalid):
        patient(world, nurses)


def test_who_sees_no_records_there_gets_no_place_and_others_teams_are_not_there(world: World) -> None:
    nurses = team(world)
    for username in ("ms.lane", "dr.far", "nobody", ""):
        with pytest.raises(Invalid) as refused:
            member(nurses, username=username)
        assert refused.value.field == "username"
    elsewhere = replace(world.administrator, organisation_id=world.outsider.organisation_id)
    with pytest.raises(NotFound):
        end_care_team(requester=elsewhere, team_id=nurses, last_day=None, reason="Mine.", now=timezone.now())
    other = team(world)
    place_id = member(nurses)
    with pytest.raises(NotFound):
        end_member(world, other, place_id)
    assert not AccessEnd.objects.exists()
    assert (CareTeamPlace.objects.count(), CareTeamPatient.objects.count()) == (1, 0)


# While a record is shown


def test_access_that_ends_while_a_record_is_made_ready_ends_before_it_is_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    relationship_id = recorded(world, person_id=world.nobodys)
    retrieval_id = open_record(requester=world.clinician, person_id=world.nobodys, now=timezone.now())
    assert view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())

    def end_meanwhile(*, items: Iterable[Item]) -> LongitudinalRecord:
        ended(world, relationship_id)
        return merge(items=items)

    monkeypatch.setattr("aggregator.services.view_record.merge.merge", end_meanwhile)
    with pytest.raises(NotPermitted):
        view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
    events = AuditEvent.objects.filter(person_id=world.nobodys).order_by("-seq")[:2]
    assert [(event.action, event.outcome) for event in events] == [
        ("view-record", "refused"),
        ("end-relationship", "success"),
    ]
    monkeypatch.undo()
    with pytest.raises(NotPermitted):
        view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
