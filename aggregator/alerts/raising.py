"""Raise an alert, in the transaction of the act that is its cause: neither is there without the other."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from aggregator.accounts.queries import users_who_may
from aggregator.alerts import operations, tasks
from aggregator.alerts.queries import webhooks_for
from aggregator.alerts.terms import AlertKind, AlertMedium


def raise_alert(
    *, kind: AlertKind, subject_id: UUID, organisation_id: UUID | None, now: datetime, occasion: str = ""
) -> None:
    """Put an alert into the outbox, once for each occasion, for the users and webhooks that are told of its kind.

    Must run in a transaction. Nobody is told before it has been committed.
    """
    alert_id = operations.record_alert(
        kind=kind, subject_id=subject_id, occasion=occasion, organisation_id=organisation_id, now=now
    )
    if alert_id is None:
        return
    users = users_who_may(permission=kind.told, organisation_id=organisation_id, now=now) if kind.told else frozenset()
    webhooks = webhooks_for(kind=kind, organisation_id=organisation_id, now=now)
    to = [
        *((AlertMedium.EMAIL, user_id) for user_id in sorted(users)),
        *((AlertMedium.WEBHOOK, webhook_id) for webhook_id in webhooks),
    ]
    operations.hasten_earlier(subject_id=subject_id, to=to, now=now)
    _put(alert_id=alert_id, to=to, now=now)


def raise_test(*, webhook_id: UUID, organisation_id: UUID | None, now: datetime) -> None:
    """Put a test for one webhook into the outbox. Must run in a transaction."""
    alert_id = operations.record_alert(
        kind=AlertKind.TEST,
        subject_id=webhook_id,
        occasion=now.isoformat(),
        organisation_id=organisation_id,
        now=now,
    )
    if alert_id is not None:
        _put(alert_id=alert_id, to=[(AlertMedium.WEBHOOK, webhook_id)], now=now)


def _put(*, alert_id: UUID, to: list[tuple[AlertMedium, UUID]], now: datetime) -> None:
    operations.add_deliveries(alert_id=alert_id, to=to, now=now)
    media = sorted({medium for medium, _ in to})
    transaction.on_commit(partial(tasks.send, media=media))
