"""Close an account, at once or at the end of a day: every role of it ends, and nobody signs in with it again."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts import directory
from aggregator.accounts.authority import check_not_own, check_organisation, check_role
from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.limits import checked_note
from aggregator.relationships.terms import end_at


def close_account(
    *, requester: Requester, user_id: UUID, last_day: date | None = None, reason: str, now: datetime
) -> None:
    """Close an account at once, or at the end of its last British day.

    Who has, or had, a role in another organisation or one that the programme gives is left to its administrators.
    Raises: NotPermitted; NotFound for an account that the requester may not act for; Invalid without a reason or for a
    day of the past.
    """
    with acting(requester, Action.CLOSE_ACCOUNT, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        act.note(user=user_id)
        found = directory.user(user_id=user_id, organisation_id=organisation_in_sight(requester=requester), now=now)
        if found is None:
            raise NotFound
        check_not_own(requester=requester, user_id=user_id)
        _, memberships = found
        for membership in memberships:
            check_organisation(requester=requester, organisation_id=membership.organisation_id)
            check_role(requester=requester, role=membership.role)
        ends_at = end_at(last_day=last_day, now=now)
        reason = checked_note(text=reason, ask="Enter why this account is closed", field="reason")
        act.ends(end=End(kind=Ends.ACCOUNT, of_id=user_id, ends_at=ends_at, reason=reason))
