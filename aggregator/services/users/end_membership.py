"""End somebody's role, at once or at the end of a day. Their sessions in it end with it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.authority import check_not_own, check_role, may_act_for
from aggregator.accounts.ends import End, Ends
from aggregator.accounts.queries import membership_by_id
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission, Role
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.limits import checked_note
from aggregator.relationships.terms import end_at


def end_membership(
    *, requester: Requester, membership_id: UUID, last_day: date | None = None, reason: str, now: datetime
) -> None:
    """End a membership at once, or at the end of its last British day.

    Raises: NotPermitted; NotFound, also for one of another organisation; Invalid without a reason or for a day of the
    past.
    """
    with acting(requester, Action.END_MEMBERSHIP, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        membership = membership_by_id(membership_id=membership_id)
        if membership is None:
            raise NotFound
        act.note(user=membership.user_id, role=membership.role, organisation=membership.organisation_id)
        if not may_act_for(requester=requester, organisation_id=membership.organisation_id):
            raise NotFound
        check_role(requester=requester, role=Role(membership.role))
        check_not_own(requester=requester, user_id=membership.user_id)
        ends_at = end_at(last_day=last_day, now=now)
        reason = checked_note(text=reason, ask="Enter why this role ends", field="reason")
        act.ends(end=End(kind=Ends.MEMBERSHIP, of_id=membership_id, ends_at=ends_at, reason=reason))
