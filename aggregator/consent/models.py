"""Consent policies."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from aggregator.consent.terms import BasePolicy
from aggregator.mpi.models import Person


class Policy(models.Model):
    """One decision of a person about the shared record, which holds until an `AccessEnd` of it. Source: IHE PCF.

    Never changed or deleted, as a trigger sees to; several may be in force. `written` is what it says beside its base
    (`written_terms`), `sent` the FHIR Consent that it came as. `load_id` names the file that it was loaded from.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="policies")
    base = models.CharField(max_length=30, choices=[(base.value, base.value) for base in BasePolicy])
    written = models.JSONField(default=dict)
    note = models.TextField(blank=True)
    recorded_by = models.UUIDField(null=True)
    recorded_at = models.DateTimeField()
    replaces_id = models.UUIDField(null=True)
    sent = models.JSONField(null=True)
    load_id = models.UUIDField(null=True)

    class Meta:
        db_table = "policy"
        indexes: ClassVar = [
            models.Index(fields=["load_id"], name="policy_load", condition=models.Q(load_id__isnull=False))
        ]
