"""Writes of alerts, of their deliveries and of webhooks. The end of a webhook is recorded by `acting`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from aggregator.alerts.backoff import CAP_S
from aggregator.alerts.models import Alert, AlertDelivery, Webhook
from aggregator.alerts.terms import AlertKind, AlertMedium, Claim, DeliveryFault, DeliveryState, Told

# For how long a delivery is one process's alone. Longer than an attempt can take; when the process dies during one,
# another makes the next after this.
LEASE = timedelta(seconds=180)
# An attempt that is due later than that was set before the clock was put back: a pause is half as long at most, and no
# two machines' clocks are so far apart.
LATEST = timedelta(seconds=2 * CAP_S)


def record_alert(
    *, kind: AlertKind, subject_id: UUID, occasion: str, organisation_id: UUID | None, now: datetime
) -> UUID | None:
    """Record an alert and return its id; None where it has been recorded before. Must run in a transaction."""
    alert, is_new = Alert.objects.get_or_create(
        kind=kind,
        subject_id=subject_id,
        occasion=occasion,
        defaults={"organisation_id": organisation_id, "created_at": now},
    )
    return alert.id if is_new else None


def add_deliveries(*, alert_id: UUID, to: Iterable[tuple[AlertMedium, UUID]], now: datetime) -> None:
    """Put an alert into the outbox, for each of those who are to be told."""
    AlertDelivery.objects.bulk_create(
        AlertDelivery(alert_id=alert_id, medium=medium, recipient_id=recipient_id, next_at=now)
        for medium, recipient_id in to
    )


def hasten_earlier(*, subject_id: UUID, to: Iterable[tuple[AlertMedium, UUID]], now: datetime) -> None:
    """Have what the same people still are to be told of a subject attempted now: something newer waits behind it."""
    recipients = {recipient_id for _, recipient_id in to}
    AlertDelivery.objects.filter(
        alert__subject_id=subject_id,
        recipient_id__in=recipients,
        state=DeliveryState.WAITING,
        claim__isnull=True,
        next_at__gt=now,
    ).update(next_at=now)


def claim_due(*, medium: AlertMedium, most: int, busy: Collection[UUID], now: datetime) -> list[Claim]:
    """Take deliveries that are due, the oldest of each recipient who is not busy, for the length of a lease.

    Of one subject nobody is told anything before what was earlier: one that is waiting or under way is not overtaken.
    What another process is taking at this moment is passed over, so that no two of them send the same.
    """
    is_time = Q(next_at__lte=now) | Q(next_at__gt=now + LATEST)
    # Of a kind that a newer process has raised, and this one does not know, there is nothing to say.
    due = AlertDelivery.objects.filter(
        is_time, medium=medium, state=DeliveryState.WAITING, alert__kind__in=list(AlertKind)
    )
    earlier = AlertDelivery.objects.filter(
        medium=OuterRef("medium"),
        recipient_id=OuterRef("recipient_id"),
        state=DeliveryState.WAITING,
        alert__subject_id=OuterRef("alert__subject_id"),
        alert__created_at__lt=OuterRef("alert__created_at"),
    ).exclude(alert__kind=AlertKind.TEST)
    due = due.filter(~Exists(earlier))
    first = due.exclude(recipient_id__in=busy).order_by("recipient_id", "next_at", "id").distinct("recipient_id")
    with transaction.atomic():
        # What is asked of a row is asked again once it is locked: it may have been taken meanwhile.
        rows = list(
            due.filter(id__in=first.values("id"))
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("alert")
            .order_by("next_at", "id")[:most]
        )
        return [_claimed(row, now=now) for row in rows]


def record_delivered(*, claim: Claim, now: datetime) -> None:
    """Record that somebody has been told. That is known, whoever has claimed the delivery since."""
    AlertDelivery.objects.filter(id=claim.delivery_id, state=DeliveryState.WAITING).update(
        state=DeliveryState.DELIVERED, ended_at=now, fault="", claim=None
    )


def record_failed(*, claim: Claim, fault: DeliveryFault, next_at: datetime | None, now: datetime) -> None:
    """Record why an attempt failed, and when the next is due; None: never. A later claim is left alone."""
    mine = AlertDelivery.objects.filter(id=claim.delivery_id, state=DeliveryState.WAITING, claim=claim.claim_id)
    if next_at is None:
        mine.update(state=DeliveryState.GIVEN_UP, ended_at=now, fault=fault, claim=None)
    else:
        mine.update(next_at=next_at, fault=fault, claim=None)


def add_webhook(
    *,
    webhook_id: UUID,
    name: str,
    organisation_id: UUID | None,
    url: str,
    kinds: Iterable[AlertKind],
    sealed_secret: bytes,
    registered_by: UUID | None,
    now: datetime,
) -> None:
    """Register a webhook."""
    Webhook.objects.create(
        id=webhook_id,
        name=name,
        organisation_id=organisation_id,
        url=url,
        kinds=sorted(kinds),
        sealed_secret=sealed_secret,
        registered_at=now,
        registered_by=registered_by,
    )


def _claimed(row: AlertDelivery, /, *, now: datetime) -> Claim:
    row.attempts += 1
    row.claim = uuid4()
    row.next_at = now + LEASE
    row.save(update_fields=["attempts", "claim", "next_at"])
    alert = row.alert
    return Claim(
        delivery_id=row.id,
        claim_id=row.claim,
        medium=AlertMedium(row.medium),
        recipient_id=row.recipient_id,
        attempts=row.attempts,
        told=Told(
            alert_id=alert.id,
            kind=AlertKind(alert.kind),
            subject_id=alert.subject_id,
            organisation_id=alert.organisation_id,
            created_at=alert.created_at,
        ),
    )
