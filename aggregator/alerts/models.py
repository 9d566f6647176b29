"""The outbox: alerts, to whom each is delivered, and the webhooks that are told.

Alerts and webhooks take new rows only, and a delivery that has ended is never changed, as triggers see to. Ids of
accounts are no foreign keys: an act that raises an alert is not to wait for somebody who signs in.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from aggregator.accounts.models import Organisation
from aggregator.alerts.terms import AlertMedium, DeliveryFault, DeliveryState

_WAITS = Q(state=DeliveryState.WAITING.value)


class Alert(models.Model):
    """Something that somebody has to look at. `organisation` None: it is about the whole programme.

    Of one subject there is one alert of a kind for each `occasion`, which tells apart what happens more than once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=30)  # an AlertKind: a new one needs no migration
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    subject_id = models.UUIDField()
    occasion = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "alert"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "subject_id", "occasion"], name="alert_once_for_an_occasion"),
        ]


class Webhook(models.Model):
    """Where alerts are posted, until an `AccessEnd` of it. `organisation` None: those of every organisation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    url = models.CharField(max_length=500)
    kinds = models.JSONField()
    sealed_secret = models.BinaryField()
    registered_at = models.DateTimeField()
    registered_by = models.UUIDField(null=True)

    class Meta:
        db_table = "webhook"


class AlertDelivery(models.Model):
    """An alert on its way to one user, or to one webhook. Its id goes with every attempt.

    `next_at` is when it may be attempted; whoever does sets it to the end of their lease, and `claim` to a mark of
    theirs. `fault` is why the last attempt failed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="deliveries")
    medium = models.CharField(max_length=10, choices=[(medium.value, medium.value) for medium in AlertMedium])
    recipient_id = models.UUIDField()
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in DeliveryState],
        default=DeliveryState.WAITING.value,
    )
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    claim = models.UUIDField(null=True)
    fault = models.CharField(max_length=20, blank=True, choices=[(fault.value, fault.value) for fault in DeliveryFault])
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alert_delivery"
        indexes: ClassVar = [
            models.Index(fields=["medium", "recipient_id", "next_at"], condition=_WAITS, name="alert_delivery_waits"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert", "medium", "recipient_id"], name="alert_delivery_once"),
            models.CheckConstraint(condition=_WAITS ^ Q(ended_at__isnull=False), name="alert_delivery_waits_or_ended"),
        ]
