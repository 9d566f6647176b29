"""End a care team, at once or after a last day: nobody sees a record by it from then on."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound, Superseded
from aggregator.limits import checked_note
from aggregator.relationships.queries import care_team
from aggregator.relationships.terms import end_at


def end_care_team(*, requester: Requester, team_id: UUID, last_day: date | None, reason: str, now: datetime) -> None:
    """End a care team; `last_day` None: at once.

    Raises: NotPermitted; NotFound, also for a team of another organisation; Superseded when it has been ended already;
    Invalid naming the input.
    """
    with acting(requester, Action.END_CARE_TEAM, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.note(team=team_id)
        act.about_nothing_single()
        team = care_team(team_id=team_id, organisation_id=organisation_in_sight(requester=requester), now=now)
        if team is None:
            raise NotFound
        if team.has_ended:
            raise Superseded("This has been ended already.")
        ends_at = end_at(last_day=last_day, now=now)
        note = checked_note(text=reason, ask="Enter why it ends", field="reason")
        act.ends(end=End(kind=Ends.CARE_TEAM, of_id=team_id, ends_at=ends_at, reason=note))
