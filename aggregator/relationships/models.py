"""The relationships by which organisations care for people."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from aggregator.accounts.models import Organisation
from aggregator.mpi.models import SourceRecord
from aggregator.relationships.terms import RelationshipKind


class Relationship(models.Model):
    """An organisation cares for the person whom a source record is about: it follows the record's link."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source_record = models.ForeignKey(SourceRecord, on_delete=models.PROTECT, related_name="relationships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    kind = models.CharField(max_length=30, choices=[(kind.value, kind.value) for kind in RelationshipKind])
    from_date = models.DateField()
    until_date = models.DateField(null=True)

    class Meta:
        db_table = "relationship"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source_record", "organisation", "kind", "from_date"], name="relationship_once"
            ),
        ]
