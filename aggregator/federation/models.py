"""Retrievals and how each source in them ended."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from aggregator.mpi.models import Person
from aggregator.sources.models import Source
from connectors.contract.outcomes import Outcome


class RetrievalState(models.TextChoices):
    PLANNED = "planned"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"  # our fault: the task could not be sent, or broke


class Retrieval(models.Model):
    """One request for one person's record, by one requester.

    `asker_id` is the membership that its user acted in, or the client: it is shown to nobody else. `asker` names the
    user to the sources, for their own audit. `wrapped_key` is the key that seals the answers, itself
    sealed by the master key: once it is erased, they cannot be read.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    user_id = models.UUIDField(null=True)
    asker_id = models.UUIDField(null=True)
    organisation_ods = models.CharField(max_length=20)
    role = models.CharField(max_length=30)
    purpose = models.CharField(max_length=20)
    asker = models.JSONField()
    categories = models.JSONField()
    state = models.CharField(max_length=20, choices=RetrievalState.choices, default=RetrievalState.PLANNED)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)  # when a worker took it
    deadline_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    wrapped_key = models.BinaryField()

    class Meta:
        db_table = "retrieval"
        indexes: ClassVar = [
            models.Index(fields=["person", "user_id", "-created_at"], name="retrieval_person_user"),
        ]


class SourceOutcome(models.Model):
    """How one planned source ended. `outcome` is null while the source is awaited, and is then set once.

    `joins` points to the same question that another retrieval asks or has asked, whose outcome and answer this one
    shares: one in flight, or one that was answered in whole shortly before. `flight_key` names the question: source,
    person and, where the source's answers may not serve others, who asks. `asked_under` names what the answer is judged
    by and how the source was asked (`question.py`). `is_whole`: nothing is missing from the answer, as far as is known,
    and nothing of it was set aside. `asked_at` is when the source was first asked, null while it has not been.
    `by_identifier` says how the request under each identifier ended, by source record.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    retrieval = models.ForeignKey(Retrieval, on_delete=models.CASCADE, related_name="outcomes")
    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    joins = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="joined_by")
    flight_key = models.CharField(max_length=64)
    asked_under = models.CharField(max_length=64, blank=True)
    deadline_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, null=True, choices=[(o.value, o.value) for o in Outcome])
    reason = models.CharField(max_length=60, blank=True)
    is_whole = models.BooleanField(default=False)
    since_at = models.DateTimeField(null=True)  # from when a source rests that was not asked for that
    item_count = models.PositiveIntegerField(default=0)
    by_identifier = models.JSONField(default=list)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "source_outcome"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retrieval", "source"], name="source_outcome_one_a_source"),
            # Single flight: the same question is asked once at a time.
            models.UniqueConstraint(
                fields=["flight_key"],
                condition=Q(outcome__isnull=True, joins__isnull=True),
                name="source_outcome_single_flight",
            ),
            models.CheckConstraint(
                condition=Q(outcome__isnull=True, ended_at__isnull=True)
                | Q(outcome__isnull=False, ended_at__isnull=False),
                name="source_outcome_ended_when_known",
            ),
            models.CheckConstraint(
                condition=Q(joins__isnull=True) | Q(outcome__isnull=True),
                name="source_outcome_joined_has_none_of_its_own",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["source", "-ended_at"], name="source_outcome_last"),
            models.Index(
                fields=["flight_key", "-deadline_at"], name="source_outcome_question", condition=Q(joins__isnull=True)
            ),
        ]
