"""Reads of alerts: who is to be told, how each delivery stands, and the webhooks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from aggregator.accounts.queries import first_end, has_ended, names_of_users
from aggregator.alerts.models import Alert, AlertDelivery, Webhook
from aggregator.alerts.terms import OVERDUE_AFTER, AlertKind, AlertMedium, DeliveryFault, DeliveryState

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations  # for the type checker alone


class _End(TypedDict):
    end: datetime | None


@dataclass(frozen=True, kw_only=True)
class RegisteredWebhook:
    """A webhook as it was registered. `ends_at` is when it ends or has ended, None while nobody has said."""

    id: UUID
    name: str
    organisation_id: UUID | None
    organisation_name: str
    url: str
    kinds: tuple[AlertKind, ...]
    sealed_secret: bytes
    registered_at: datetime
    ends_at: datetime | None

    def has_ended(self, *, now: datetime) -> bool:
        """Return whether it is told nothing any more."""
        return self.ends_at is not None and self.ends_at <= now


@dataclass(frozen=True, kw_only=True)
class DeliveryLine:
    """How somebody was told. `recipient` is their name or the webhook's; `fault` is why the last attempt failed."""

    medium: AlertMedium
    recipient: str
    state: DeliveryState
    attempts: int
    fault: DeliveryFault | None
    next_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class AlertLine:
    """One alert with its deliveries. `organisation_name` is "" for one about the whole programme."""

    id: UUID
    kind: AlertKind
    subject_id: UUID
    organisation_name: str
    created_at: datetime
    deliveries: tuple[DeliveryLine, ...]


def webhooks_for(*, kind: AlertKind, organisation_id: UUID | None, now: datetime) -> list[UUID]:
    """Return the webhooks that are told of a kind of alert of an organisation; None: of the whole programme's."""
    whose = Q(organisation__isnull=True)
    if organisation_id is not None:
        whose |= Q(organisation_id=organisation_id)
    rows = Webhook.objects.filter(whose, ~has_ended(of="id", now=now), kinds__contains=[kind.value])
    return list(rows.values_list("id", flat=True))


def webhook_by_id(*, webhook_id: UUID) -> RegisteredWebhook | None:
    """Return a webhook, ended or not."""
    row = _webhooks().filter(id=webhook_id).first()
    return _as_webhook(row) if row else None


def webhooks_of(*, organisation_id: UUID | None) -> list[RegisteredWebhook]:
    """Return every webhook that was ever registered for an organisation; None: for any, and for all of them."""
    rows = _webhooks() if organisation_id is None else _webhooks().filter(organisation_id=organisation_id)
    return [_as_webhook(row) for row in rows.order_by("name", "registered_at", "id")]


def alerts_of(*, organisation_id: UUID | None, is_failing: bool) -> QuerySet[Alert]:
    """Return the alerts of an organisation, or (None) of all, the latest first.

    `is_failing`: only those of which somebody could not be told, at all or yet, or of which nobody was to be told.
    """
    rows = Alert.objects.order_by("-created_at", "-id")
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    if is_failing:
        of_it = AlertDelivery.objects.filter(alert_id=OuterRef("id"))
        failing = of_it.filter(Q(state=DeliveryState.GIVEN_UP) | Q(state=DeliveryState.WAITING) & ~Q(fault=""))
        rows = rows.filter(Exists(failing) | ~Exists(of_it))
    return rows


def lines_of(*, alerts: Iterable[Alert]) -> list[AlertLine]:
    """Return alerts with how each was delivered."""
    alerts = list(alerts)
    rows = list(AlertDelivery.objects.filter(alert__in=alerts).order_by("medium", "id"))
    users = [row.recipient_id for row in rows if row.medium == AlertMedium.EMAIL]
    webhooks = [row.recipient_id for row in rows if row.medium == AlertMedium.WEBHOOK]
    names = {
        **names_of_users(user_ids=users),
        **dict(Webhook.objects.filter(id__in=webhooks).values_list("id", "name")),
    }
    deliveries: dict[UUID, list[DeliveryLine]] = defaultdict(list)
    for row in rows:
        deliveries[row.alert_id].append(
            DeliveryLine(
                medium=AlertMedium(row.medium),
                recipient=names.get(row.recipient_id, "somebody whose account is not known any more"),
                state=DeliveryState(row.state),
                attempts=row.attempts,
                fault=DeliveryFault(row.fault) if row.fault else None,
                next_at=row.next_at,
                ended_at=row.ended_at,
            )
        )
    return [
        AlertLine(
            id=alert.id,
            kind=AlertKind(alert.kind),
            subject_id=alert.subject_id,
            organisation_name=alert.organisation.name if alert.organisation else "",
            created_at=alert.created_at,
            deliveries=tuple(deliveries[alert.id]),
        )
        for alert in alerts
    ]


def count_untried(*, now: datetime) -> int:
    """Return how many deliveries have been due for long while nobody delivers anything by the same medium.

    Where somebody does, they wait for their turn.
    """
    waiting = AlertDelivery.objects.filter(state=DeliveryState.WAITING)
    under_way = waiting.filter(claim__isnull=False, next_at__gt=now).values("medium")
    return waiting.filter(next_at__lt=now - OVERDUE_AFTER).exclude(medium__in=under_way).count()


def _webhooks() -> QuerySet[WithAnnotations[Webhook, _End]]:
    return Webhook.objects.select_related("organisation").annotate(end=first_end())


def _as_webhook(row: WithAnnotations[Webhook, _End]) -> RegisteredWebhook:
    return RegisteredWebhook(
        id=row.id,
        name=row.name,
        organisation_id=row.organisation_id,
        organisation_name=row.organisation.name if row.organisation else "",
        url=row.url,
        kinds=tuple(AlertKind(kind) for kind in row.kinds),
        sealed_secret=bytes(row.sealed_secret),
        registered_at=row.registered_at,
        ends_at=row.end,
    )
