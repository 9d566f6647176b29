"""End a user's place in a care team, at once or after a last day."""

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
from aggregator.relationships.queries import care_team, member_of_team
from aggregator.relationships.terms import end_at


def end_care_team_member(
    *, requester: Requester, team_id: UUID, place_id: UUID, last_day: date | None, reason: str, now: datetime
) -> None:
    """End a place of a care team; `last_day` None: at once.

    Raises: NotPermitted; NotFound, also for a team of another organisation; Superseded when it has been ended already;
    Invalid naming the input.
    """
    with acting(requester, Action.END_CARE_TEAM_MEMBER, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.note(team=team_id)
        team = care_team(team_id=team_id, organisation_id=organisation_in_sight(requester=requester), now=now)
        part = member_of_team(team_id=team_id, place_id=place_id, now=now)
        if team is None or part is None:
            raise NotFound
        act.about_nothing_single()
        if part.terms.ends_at is not None and part.terms.ends_at <= now:
            raise Superseded("This has been ended already.")
        ends_at = end_at(last_day=last_day, now=now)
        note = checked_note(text=reason, ask="Enter why it ends", field="reason")
        act.ends(end=End(kind=Ends.CARE_TEAM_PLACE, of_id=place_id, ends_at=ends_at, reason=note))
