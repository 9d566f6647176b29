"""List the changes of access that wait to be confirmed, and those that were decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.changes.queries import ChangeLine, decided_changes, waiting_changes


@dataclass(frozen=True, kw_only=True)
class Changes:
    """`waiting`: oldest first. `decided`: most recent first."""

    waiting: tuple[ChangeLine, ...]
    decided: tuple[ChangeLine, ...]


def list_changes(*, requester: Requester, now: datetime) -> Changes:
    """Return the changes of the requester's organisation; of every one for who may act for any.

    Raises: NotPermitted.
    """
    with acting(requester, Action.LIST_CHANGES, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        organisation_id = None if requester.may(Permission.ANY_ORGANISATION) else requester.organisation_id
        changes = Changes(
            waiting=waiting_changes(reader_id=requester.user_id, organisation_id=organisation_id, now=now),
            decided=decided_changes(reader_id=requester.user_id, organisation_id=organisation_id),
        )
        act.note(waiting=len(changes.waiting))
        return changes
