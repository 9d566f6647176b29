"""A user has a place in a care team: they may see its patients' records, where they act for its organisation."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts.authority import check_not_own
from aggregator.accounts.queries import requesters_for, user_id_for
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.changes.kind import Applied, ChangeKind, Scope, Terms
from aggregator.changes.terms import days_of, days_words, id_of, team_of
from aggregator.errors import Invalid
from aggregator.relationships import operations
from aggregator.relationships.queries import care_team_name


def check(requester: Requester, terms: Terms, now: datetime) -> Scope:
    """Return whom this is about.

    Raises: Invalid, also where the user sees no records for the team's organisation; NotFound; NotPermitted, also for
    oneself.
    """
    team = team_of(terms, requester=requester, now=now)
    user_id = user_id_for(username=terms.get("username", "").strip())
    roles = requesters_for(user_id=user_id, now=now) if user_id else ()
    sees_records = any(
        role.organisation_id == team.organisation_id and role.may(Permission.VIEW_RECORD) for role in roles
    )
    if user_id is None or not sees_records:
        raise Invalid("Nobody of that user name sees records for the team's organisation.", field="username")
    check_not_own(requester=requester, user_id=user_id)
    days_of(terms)
    return Scope(organisation_id=team.organisation_id, user_id=user_id)


def words(terms: Terms) -> str:
    """Say what would change."""
    team_name = care_team_name(team_id=id_of(terms, "team_id"))
    return f"Give {terms['username']} a place in the care team {team_name}{days_words(terms)}"


def apply(requester: Requester, terms: Terms, now: datetime) -> Applied:
    """Give the place."""
    user_id = user_id_for(username=terms["username"].strip())
    assert user_id is not None  # noqa: S101  `check` has seen to it
    from_date, until_date = days_of(terms)
    return Applied(
        made_id=operations.add_care_team_member(
            team_id=id_of(terms, "team_id"),
            user_id=user_id,
            from_date=from_date,
            until_date=until_date,
            recorded_by=requester.user_id,
            now=now,
        )
    )


KIND = ChangeKind(
    name="add-care-team-member", needs=Permission.MANAGE_RELATIONSHIPS, check=check, words=words, apply=apply
)
