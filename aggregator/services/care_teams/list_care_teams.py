"""List the care teams."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.relationships.listing import CareTeamSummary
from aggregator.relationships.queries import care_teams


def list_care_teams(*, requester: Requester, now: datetime) -> tuple[CareTeamSummary, ...]:
    """Return the care teams of the requester's organisation, or of all, by name. The list names no patient.

    Raises: NotPermitted.
    """
    with acting(requester, Action.LIST_CARE_TEAMS, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.about_nothing_single()
        teams = tuple(care_teams(organisation_id=organisation_in_sight(requester=requester), now=now))
        act.note(teams=len(teams))
        return teams
