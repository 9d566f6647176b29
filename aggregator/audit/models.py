"""The audit trail's table. Made by migrations in SQL, so that the database itself refuses all but inserts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AuditEvent(models.Model):
    """One act, refusal or failure, in the terms of FHIR AuditEvent (IHE BALP). No foreign keys: a row outlives what it
    names.

    Rows are written by `audit_append()` alone. The caller gives `writer`, `n`, `body` and `mac`; the database sets
    `seq`, `at` and `xid`, and reads all other columns from `body`, so that they cannot disagree with what is sealed.
    Order is by `seq`, never by `at`. `writer` is one thread of one process, and `n` counts its events without a gap.
    `mac` is empty until events are sealed. `xid`, the transaction, has no field here: Django has no type for it.
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    writer = models.UUIDField()
    n = models.BigIntegerField()
    body = models.BinaryField()
    mac = models.BinaryField()
    action = models.TextField()
    outcome = models.TextField()
    user_id = models.UUIDField(null=True)
    client_id = models.UUIDField(null=True)
    organisation_ods = models.TextField()
    role = models.TextField()
    purpose = models.TextField()
    person_id = models.UUIDField(null=True)
    source_id = models.UUIDField(null=True)
    retrieval_id = models.UUIDField(null=True)
    entry = models.TextField(null=True)
    detail = models.JSONField()

    class Meta:
        db_table = "audit_event"
        managed = False
        ordering: ClassVar = ["seq"]
