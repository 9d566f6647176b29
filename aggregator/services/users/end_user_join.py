"""End that a user is joined to a person: it was the wrong one. From then on nothing is judged by it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts import directory
from aggregator.accounts.authority import check_may_say_who
from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.break_glass.queries import join_of
from aggregator.errors import NotFound, Superseded
from aggregator.limits import checked_note


def end_user_join(*, requester: Requester, user_id: UUID, reason: str, now: datetime) -> None:
    """End a user's join. That there was one stays on record, and officers are told that it has ended.

    Raises: NotPermitted, also for the requester's own; NotFound for an account that they may not see; Superseded where
    it is joined to nobody; Invalid without a reason.
    """
    with acting(requester, Action.END_USER_JOIN, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        act.note(user=user_id)
        in_sight = organisation_in_sight(requester=requester)
        found = directory.user(user_id=user_id, organisation_id=in_sight, now=now)
        if found is None:
            raise NotFound
        organisation_ids = [membership.organisation_id for membership in found[1]]
        check_may_say_who(requester=requester, user_id=user_id, organisation_ids=organisation_ids)
        words = checked_note(text=reason, ask="Enter why this ends", field="reason")
        join = join_of(user_id=user_id, now=now)
        if join is None:
            raise Superseded("This account is joined to nobody.")
        act.about(person_id=join.person_id)
        act.ends(end=End(kind=Ends.USER_JOIN, of_id=join.id, ends_at=now, reason=words))
