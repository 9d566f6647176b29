"""Reject a proposed change, or withdraw one's own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action
from aggregator.changes import operations
from aggregator.changes.kinds import KINDS
from aggregator.errors import NotPermitted
from aggregator.limits import checked_note


def reject_change(*, requester: Requester, change_id: UUID, reason: str, now: datetime) -> None:
    """Decide that a proposed change will not be made.

    Raises: NotPermitted; NotFound, also for one of another organisation; Superseded when it was decided or has lapsed;
    Invalid without a reason.
    """
    with acting(requester, Action.REJECT_CHANGE, needs=Needs.NOTHING) as act:
        act.about_nothing_single()
        act.note(change=change_id)
        act.begin()
        organisation_id = organisation_in_sight(requester=requester)
        change = operations.lock(change_id=change_id, organisation_id=organisation_id)
        act.note(kind=change.kind, user=change.user_id)
        if requester.user_id is None or not requester.may(KINDS[change.kind].needs):
            raise NotPermitted(f"You may not {Action.REJECT_CHANGE.words}.")
        operations.check_waiting(change=change, now=now)
        operations.decide(
            change=change,
            is_confirmed=False,
            made_id=None,
            reason=checked_note(text=reason, ask="Enter why this is rejected", field="reason"),
            decided_by=requester.user_id,
            now=now,
        )
