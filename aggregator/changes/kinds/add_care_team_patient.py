"""A care team cares for a person: its members may see their record."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.changes.kind import Applied, ChangeKind, Scope, Terms
from aggregator.changes.terms import days_of, days_words, id_of, person_of, team_of
from aggregator.relationships import operations
from aggregator.relationships.queries import care_team_name


def check(requester: Requester, terms: Terms, now: datetime) -> Scope:
    """Return whom this is about.

    Raises: Invalid; NotFound.
    """
    team = team_of(terms, requester=requester, now=now)
    days_of(terms)
    return Scope(organisation_id=team.organisation_id, person_id=person_of(terms))


def words(terms: Terms) -> str:
    """Say what would change."""
    team_name = care_team_name(team_id=id_of(terms, "team_id"))
    return f"Add a patient to the care team {team_name}{days_words(terms)}"


def apply(requester: Requester, terms: Terms, now: datetime) -> Applied:
    """Record the patient."""
    from_date, until_date = days_of(terms)
    return Applied(
        made_id=operations.add_care_team_patient(
            team_id=id_of(terms, "team_id"),
            person_id=person_of(terms),
            from_date=from_date,
            until_date=until_date,
            recorded_by=requester.user_id,
            now=now,
        )
    )


KIND = ChangeKind(
    name="add-care-team-patient", needs=Permission.MANAGE_RELATIONSHIPS, check=check, words=words, apply=apply
)
