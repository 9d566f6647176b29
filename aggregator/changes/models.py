"""Changes that one administrator proposes, and how another decided."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from aggregator.accounts.models import Organisation


class ProposedChange(models.Model):
    """A change that would give somebody more rights. Its kind reads `terms`; `user_id` is whose rights would grow.

    It lapses at `expires_at`. Nothing of it is changed: how it was decided is a row of its own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    terms = models.JSONField()
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    user_id = models.UUIDField(null=True)
    reason = models.TextField()
    proposed_by = models.UUIDField()
    proposed_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "proposed_change"
        indexes: ClassVar = [models.Index(fields=["organisation", "-proposed_at"], name="proposed_change_waiting")]


class ChangeDecision(models.Model):
    """How a proposed change was decided, once. `made_id` is what a confirmed one made."""

    change = models.OneToOneField(ProposedChange, on_delete=models.PROTECT, primary_key=True, related_name="decision")
    is_confirmed = models.BooleanField()
    made_id = models.UUIDField(null=True)
    reason = models.TextField(blank=True)
    decided_by = models.UUIDField()
    decided_at = models.DateTimeField()

    class Meta:
        db_table = "change_decision"
