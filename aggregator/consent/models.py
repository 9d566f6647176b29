"""Consent policies."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from aggregator.consent.terms import BasePolicy
from aggregator.mpi.models import Person


class Policy(models.Model):
    """A person's own decision about the shared record. Ended, never changed or deleted. Source: IHE PCF, Consent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="policies")
    base = models.CharField(max_length=30, choices=[(base.value, base.value) for base in BasePolicy])
    note = models.TextField(blank=True)
    recorded_by = models.UUIDField(null=True)
    recorded_at = models.DateTimeField()
    ended_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "policy"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at__isnull=True), name="policy_one_live_a_person"
            ),
        ]
