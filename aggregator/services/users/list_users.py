"""List who has an account."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts import directory
from aggregator.accounts.directory import UserPage
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action


def list_users(
    *, requester: Requester, search: str = "", is_unused: bool = False, page: int = 1, now: datetime
) -> UserPage:
    """Return a page of the accounts of the requester's organisation; of every one for who may act for any.

    `is_unused`: only those who have not signed in for 90 days.
    Raises: NotPermitted.
    """
    with acting(requester, Action.LIST_USERS, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        organisation_id = None if requester.may(Permission.ANY_ORGANISATION) else requester.organisation_id
        found = directory.users(organisation_id=organisation_id, search=search, is_unused=is_unused, page=page, now=now)
        act.note(found=found.count)
        return found
