"""How each source is: one row that says it now, and rows that say what it was made of.

A check leaves a row of its own where it ended otherwise than the one before, a report where its status is another: a
source that stays as it is costs no more than one row. All but the row that says how it is now take new rows only, as
triggers see to. Ids of accounts are no foreign keys.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from aggregator.health.terms import ReportedStatus, SourceCondition
from aggregator.sources.models import Source
from connectors.contract.outcomes import Outcome

_CONDITIONS = [(condition.value, condition.value) for condition in SourceCondition]
_STATUSES = [(status.value, status.value) for status in ReportedStatus]
_OUTCOMES = [(outcome.value, outcome.value) for outcome in Outcome]


class SourceHealth(models.Model):
    """How a source is now, since when and why, and the newest of all that says so.

    `told` is the condition of which operators were told last: one that flickers is not told of with every change.
    `held_back_at`: when its trouble was last taken for one of our own network, and nobody of its own told; null: never.
    `anew_at`: since when it is asked as it is now, after a pause or a change of its settings; null: it always was.
    `next_check_at` is when it is to be checked; whoever takes a check sets it to when the one after is due.
    `recent_checks` says of each of the last checks whether it went well, the newest last; `check_outcome` "": well.
    `report_statuses` are those of the last reports, the newest last; `reports_in_time` counts those in a row that
    came in time. The figures are those of real traffic.
    """

    source = models.OneToOneField(Source, primary_key=True, on_delete=models.PROTECT, related_name="health")
    condition = models.CharField(max_length=10, choices=_CONDITIONS, default=SourceCondition.UNKNOWN.value)
    reasons = models.JSONField(default=list)
    since = models.DateTimeField()
    told = models.CharField(max_length=10, choices=_CONDITIONS, default=SourceCondition.UNKNOWN.value)
    held_back_at = models.DateTimeField(null=True)
    anew_at = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(db_index=True)
    recent_checks = models.JSONField(default=list)
    checked_at = models.DateTimeField(null=True)
    check_outcome = models.CharField(max_length=20, blank=True, choices=_OUTCOMES)
    check_reason = models.CharField(max_length=60, blank=True)
    check_took_ms = models.PositiveIntegerField(null=True)
    checked_well_at = models.DateTimeField(null=True)
    report_statuses = models.JSONField(default=list)
    reported_at = models.DateTimeField(null=True)
    report_interval_s = models.PositiveIntegerField(null=True)
    report_message = models.CharField(max_length=200, blank=True)
    report_counters = models.JSONField(default=dict)
    reports_in_time = models.PositiveIntegerField(default=0)
    success = models.FloatField(null=True)
    p50_ms = models.FloatField(null=True)
    p95_ms = models.FloatField(null=True)
    breaker = models.CharField(max_length=10, blank=True)
    failure = models.CharField(max_length=60, blank=True)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "source_health"


class SourceConditionChange(models.Model):
    """From a moment on a source was in another condition, and why."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    condition = models.CharField(max_length=10, choices=_CONDITIONS)
    reasons = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        db_table = "source_condition_change"
        indexes: ClassVar = [models.Index(fields=["source", "-at"], name="source_condition_change_last")]


class SourceCheck(models.Model):
    """A check of a source that ended otherwise than the one before. `outcome` "": it went well."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=20, blank=True, choices=_OUTCOMES)
    reason = models.CharField(max_length=60, blank=True)
    took_ms = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "source_check"
        indexes: ClassVar = [models.Index(fields=["source", "-at"], name="source_check_last")]


class SourceReport(models.Model):
    """A report of a source about itself whose status is another than before. `message` is what this report said."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=_STATUSES)
    message = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "source_report"
        indexes: ClassVar = [models.Index(fields=["source", "-at"], name="source_report_last")]


class SourcePause(models.Model):
    """Somebody paused a source, or (`is_resumed`) had it asked again, and why. `by`: None for a command."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    is_resumed = models.BooleanField()
    reason = models.TextField()
    by = models.UUIDField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "source_pause"
        indexes: ClassVar = [models.Index(fields=["source", "-at"], name="source_pause_last")]


class ReportToken(models.Model):
    """What a source proves itself with when it reports, until an `AccessEnd` of it. The token itself is not kept."""

    id = models.UUIDField(primary_key=True, editable=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    token_hash = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    made_by = models.UUIDField(null=True)

    class Meta:
        db_table = "report_token"


class SourceTrial(models.Model):
    """A call of a source that somebody asked for, to see step by step how it goes.

    `settings` are those of a source that is not registered yet, or is to be changed; None for one as it is registered.
    `replaces` is the mark of the settings that they may replace, "" where the source is to be new.
    It is changed until it has ended, and then no more. `holds` are what the source says that it may have.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, null=True, on_delete=models.PROTECT, related_name="+")
    settings = models.JSONField(null=True)
    replaces = models.CharField(max_length=64, blank=True)
    asked_by = models.UUIDField(null=True)
    asker_organisation = models.UUIDField(null=True)
    asked_at = models.DateTimeField()
    steps = models.JSONField(default=list)
    is_good = models.BooleanField(null=True)
    description = models.CharField(max_length=200, blank=True)
    holds = models.JSONField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "source_trial"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(source__isnull=False) | Q(settings__isnull=False), name="source_trial_of_something"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, is_good__isnull=True)
                | Q(ended_at__isnull=False, is_good__isnull=False),
                name="source_trial_ended_when_known",
            ),
        ]
