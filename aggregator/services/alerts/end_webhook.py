"""End a webhook: it is told nothing more, not even what waits to be told."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.alerts.queries import webhook_by_id
from aggregator.audit.events import Action
from aggregator.errors import NotFound, Superseded
from aggregator.limits import checked_note


def end_webhook(*, requester: Requester, webhook_id: UUID, reason: str, now: datetime) -> None:
    """End a webhook now.

    Raises: NotPermitted; NotFound, also for one of another organisation; Invalid without a reason; Superseded when it
    has ended already.
    """
    with acting(requester, Action.END_WEBHOOK, needs=Permission.MANAGE_ALERTS) as act:
        act.about_nothing_single()
        act.note(webhook=webhook_id)
        webhook = webhook_by_id(webhook_id=webhook_id)
        if webhook is None or organisation_in_sight(requester=requester) not in {None, webhook.organisation_id}:
            raise NotFound
        note = checked_note(text=reason, ask="Enter why the webhook is ended", field="reason")
        if webhook.has_ended(now=now):
            raise Superseded("This webhook has been ended already.")
        act.ends(end=End(kind=Ends.WEBHOOK, of_id=webhook_id, ends_at=now, reason=note))
