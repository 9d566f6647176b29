"""A call of each service about relationships and care teams that goes well, and one that is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

from django.utils import timezone

from aggregator.accounts.requester import Requester, operator
from aggregator.services.care_teams.add_care_team import add_care_team
from aggregator.services.care_teams.end_care_team import end_care_team
from aggregator.services.care_teams.end_care_team_member import end_care_team_member
from aggregator.services.care_teams.end_care_team_patient import end_care_team_patient
from aggregator.services.care_teams.list_care_teams import list_care_teams
from aggregator.services.care_teams.load_care_teams import load_care_teams
from aggregator.services.care_teams.read_care_team import read_care_team
from aggregator.services.changes.propose_change import propose_change
from aggregator.services.relationships.claim_relationship import claim_relationship
from aggregator.services.relationships.end_relationship import end_relationship
from aggregator.services.relationships.list_access import list_access
from aggregator.services.relationships.list_reach import list_reach
from aggregator.services.relationships.list_relationships import list_relationships
from aggregator.services.relationships.prepare_claim import prepare_claim
from tests.world import SURGERY_ODS, World

LONG_AGO = date(2020, 1, 1)


def made(change: str, /, **terms: object) -> UUID:
    """Carry a change out, as a command of the service's own machine does; return the id of what it made."""
    texts = {name: str(value) for name, value in terms.items()}
    done = propose_change(requester=operator(), kind=change, terms=texts, reason="Joan asked.", now=timezone.now())
    assert done.made_id
    return done.made_id


def recorded(world: World, *, person_id: UUID | None = None, **changes: object) -> UUID:
    """Record that the surgery was referred Joan, or somebody else."""
    terms = {"organisation_ods": SURGERY_ODS, "kind": "referred", "from_date": LONG_AGO, "reason": "A letter."}
    return made("record-relationship", **{**terms, "person_id": person_id or world.joan, **changes})


def changed(relationship_id: UUID) -> UUID:
    """Change what is recorded to an attendance."""
    terms = {"kind": "attended", "from_date": LONG_AGO, "reason": "She came."}
    return made("change-relationship", relationship_id=relationship_id, **terms)


def ended(world: World, relationship_id: UUID) -> None:
    """End a relationship at once."""
    end_relationship(
        requester=world.administrator,
        relationship_id=relationship_id,
        last_day=None,
        reason="Joan Ferris moved.",
        now=timezone.now(),
    )


def claimed(world: World, *, by: Requester) -> UUID:
    """Have somebody say that Joan is in their care."""
    return claim_relationship(requester=by, person_id=world.joan, reason="She is on my ward.", now=timezone.now())


def colleague_of_outsider(world: World) -> Requester:
    """Return another clinician of the hospital, so that the outsider stays one."""
    return replace(world.outsider, user_id=world.administrator.user_id)


def team(world: World) -> UUID:
    """Add a care team of the surgery."""
    return add_care_team(requester=world.administrator, name="District nurses", now=timezone.now())


def member(team_id: UUID, *, username: str = "dr.osei") -> UUID:
    """Give Dr Osei, or somebody else, a place in a team."""
    return made("add-care-team-member", team_id=team_id, username=username, from_date=LONG_AGO)


def patient(world: World, team_id: UUID, *, person_id: UUID | None = None) -> UUID:
    """Record that a team cares for Joan, or somebody else."""
    return made("add-care-team-patient", team_id=team_id, person_id=person_id or world.joan, from_date=LONG_AGO)


def end_member(world: World, team_id: UUID, place_id: UUID) -> None:
    """End a place at once."""
    end_care_team_member(
        requester=world.administrator,
        team_id=team_id,
        place_id=place_id,
        last_day=None,
        reason="Left.",
        now=timezone.now(),
    )


def end_patient(world: World, team_id: UUID, patient_id: UUID) -> None:
    """End a team's care for a patient at once."""
    end_care_team_patient(
        requester=world.administrator,
        team_id=team_id,
        patient_id=patient_id,
        last_day=None,
        reason="Discharged.",
        now=timezone.now(),
    )


def end_team(world: World, team_id: UUID) -> None:
    """End a team at once."""
    end_care_team(
        requester=world.administrator, team_id=team_id, last_day=None, reason="Disbanded.", now=timezone.now()
    )


def read_team(world: World) -> None:
    """Read a team that has a patient."""
    team_id = team(world)
    patient(world, team_id)
    read_care_team(requester=world.administrator, team_id=team_id, now=timezone.now())


def ended_member(world: World) -> None:
    """Make a team with a member, and end the member's place."""
    team_id = team(world)
    end_member(world, team_id, member(team_id))


def ended_patient(world: World) -> None:
    """Make a team with a patient, and end its care for them."""
    team_id = team(world)
    end_patient(world, team_id, patient(world, team_id))


CALLS: dict[str, Callable[[World], object]] = {
    "add_care_team": team,
    "claim_relationship": lambda world: claimed(world, by=colleague_of_outsider(world)),
    "end_care_team": lambda world: end_team(world, team(world)),
    "end_care_team_member": ended_member,
    "end_care_team_patient": ended_patient,
    "end_relationship": lambda world: ended(world, recorded(world)),
    "list_access": lambda world: list_access(requester=operator(), person_id=world.joan, now=timezone.now()),
    "list_care_teams": lambda world: list_care_teams(requester=world.administrator, now=timezone.now()),
    "load_care_teams": lambda world: load_care_teams(
        requester=operator(), lines=["organisation_ods,team,username,from_date"], now=timezone.now()
    ),
    "list_reach": lambda world: list_reach(requester=operator(), username="dr.osei", now=timezone.now()),
    "list_relationships": lambda world: list_relationships(
        requester=world.administrator, person_id=world.joan, now=timezone.now()
    ),
    "prepare_claim": lambda world: prepare_claim(requester=world.outsider, person_id=world.joan, now=timezone.now()),
    "read_care_team": read_team,
}

REFUSED: dict[str, Callable[[World], object]] = {
    "add_care_team": lambda world: add_care_team(requester=world.clinician, name="Mine", now=timezone.now()),
    "claim_relationship": lambda world: claimed(world, by=world.administrator),
    "end_care_team": lambda world: end_team(world, uuid4()),
    "end_care_team_member": lambda world: end_member(world, uuid4(), uuid4()),
    "end_care_team_patient": lambda world: end_patient(world, uuid4(), uuid4()),
    "end_relationship": lambda world: ended(world, uuid4()),
    "list_access": lambda world: list_access(requester=world.clinician, person_id=world.joan, now=timezone.now()),
    "list_care_teams": lambda world: list_care_teams(requester=world.clinician, now=timezone.now()),
    "load_care_teams": lambda world: load_care_teams(requester=world.administrator, lines=[], now=timezone.now()),
    "list_reach": lambda world: list_reach(requester=world.administrator, username="dr.far", now=timezone.now()),
    "list_relationships": lambda world: list_relationships(
        requester=world.clinician, person_id=world.joan, now=timezone.now()
    ),
    "prepare_claim": lambda world: prepare_claim(
        requester=world.administrator, person_id=world.joan, now=timezone.now()
    ),
    "read_care_team": lambda world: read_care_team(requester=world.administrator, team_id=uuid4(), now=timezone.now()),
}

# Which of these name a person, when they go well and when they are refused.
ABOUT_A_PERSON = {
    *("claim_relationship", "end_care_team_patient", "end_relationship", "list_access", "list_relationships"),
    *("prepare_claim", "read_care_team"),
}
REFUSED_ABOUT_A_PERSON = {"claim_relationship", "list_access", "list_relationships", "prepare_claim"}
