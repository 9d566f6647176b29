"""Send a test to a webhook, by the way that alerts take."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.alerts.queries import webhook_by_id
from aggregator.alerts.raising import raise_test
from aggregator.audit.events import Action
from aggregator.errors import NotFound, Superseded


def try_webhook(*, requester: Requester, webhook_id: UUID, now: datetime) -> None:
    """Put a test into the outbox; whether it was delivered is seen where alerts are listed.

    Raises: NotPermitted; NotFound, also for one of another organisation; Superseded when it has ended.
    """
    with acting(requester, Action.TRY_WEBHOOK, needs=Permission.MANAGE_ALERTS) as act:
        act.about_nothing_single()
        act.note(webhook=webhook_id)
        webhook = webhook_by_id(webhook_id=webhook_id)
        if webhook is None or organisation_in_sight(requester=requester) not in {None, webhook.organisation_id}:
            raise NotFound
        if webhook.has_ended(now=now):
            raise Superseded("This webhook has been ended.")
        act.begin()
        raise_test(webhook_id=webhook_id, organisation_id=webhook.organisation_id, now=now)
