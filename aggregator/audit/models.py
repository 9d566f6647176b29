"""The audit trail's table. Made by a migration in SQL, so that the database itself refuses all but inserts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AuditEvent(models.Model):
    """One act, refusal or failure, in the terms of FHIR AuditEvent (IHE BALP). No foreign keys: a row outlives what it
    names. Rows are written by `audit_append()` alone, which sets `seq` and `at`; order is by `seq`.
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    outcome = models.CharField(max_length=20)
    user_id = models.UUIDField(null=True)
    organisation_ods = models.CharField(max_length=20)
    role = models.CharField(max_length=30)
    purpose = models.CharField(max_length=20)
    person_id = models.UUIDField(null=True)
    detail = models.JSONField()

    class Meta:
        db_table = "audit_event"
        managed = False
        ordering: ClassVar = ["seq"]
