"""The master patient index: people, what each source says about them, and the links between the two."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from aggregator.mpi.death import MAX_DATE_LENGTH
from aggregator.sources.models import Source


class Person(models.Model):
    """One person. The golden record is derived from links by `golden`, never edited.

    `joined_to`: who has had all of this person's records since a human joined the two, also over several decisions.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField()
    nhs_number = models.CharField(max_length=10, blank=True)
    nhs_number_is_verified = models.BooleanField(default=False)
    unusable_number = models.CharField(max_length=40, blank=True)
    family = models.CharField(max_length=200, blank=True)
    given = models.CharField(max_length=200, blank=True)
    birth_date = models.DateField(null=True)
    sex = models.CharField(max_length=20, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    address_line = models.CharField(max_length=300, blank=True)
    phone = models.CharField(max_length=60, blank=True)
    deceased = models.BooleanField(null=True)  # None: nobody says
    death_date = models.CharField(max_length=MAX_DATE_LENGTH, blank=True)  # as sent: it may be a part of a date
    is_whereabouts_restricted = models.BooleanField(default=False, db_default=False)
    joined_to = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="joined", db_index=False)

    class Meta:
        db_table = "person"
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(joined_to=F("id")), name="person_not_joined_to_themselves"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["joined_to"], name="person_joined", condition=Q(joined_to__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.id)


class SourceRecord(models.Model):
    """A person as one source holds them, by that source's own identifier; as sent, and cleaned for comparing.

    `nhs_number_sent` may be no NHS number at all; `nhs_number` holds it only when it is a valid one. `first_said` is
    who the source first said this is, kept from the first change on: changes are measured against it as well.
    `restricted`: whether the source says, by file, that the person's whereabouts are not to be told; None: it does not
    say. `answer_restricts`: its last answer was marked so.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    identifier_value = models.CharField(max_length=200)
    nhs_number_sent = models.CharField(max_length=40, blank=True)
    nhs_number = models.CharField(max_length=10, blank=True)
    nhs_number_status = models.CharField(max_length=4, blank=True)
    family = models.CharField(max_length=200, blank=True)
    given = models.CharField(max_length=200, blank=True)
    family_clean = models.CharField(max_length=200, blank=True)
    given_clean = models.CharField(max_length=200, blank=True)
    birth_date = models.DateField(null=True)
    sex = models.CharField(max_length=20, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    address_line = models.CharField(max_length=300, blank=True)
    phone = models.CharField(max_length=60, blank=True)
    deceased = models.BooleanField(null=True)
    death_date = models.CharField(max_length=MAX_DATE_LENGTH, blank=True)
    restricted = models.BooleanField(null=True)
    answer_restricts = models.BooleanField(default=False, db_default=False)
    first_said = models.JSONField(default=dict)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "source_record"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "identifier_value"], name="source_record_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["nhs_number"], name="source_record_number", condition=~Q(nhs_number="")),
            models.Index(fields=["birth_date", "family_clean"], name="source_record_birth_family"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Link(models.Model):
    """Joins a source record to a person. Never deleted: it ends."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source_record = models.ForeignKey(SourceRecord, on_delete=models.PROTECT, related_name="links")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="links")
    grade = models.CharField(max_length=20)
    rule = models.CharField(max_length=60)
    rules_version = models.CharField(max_length=30)
    evidence = models.JSONField(default=dict)
    decided_by = models.UUIDField(null=True)  # None: by rule
    decided_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "link"
        constraints: ClassVar = [
            # A source record belongs to one person at a time.
            models.UniqueConstraint(
                fields=["source_record"], condition=Q(ended_at__isnull=True), name="link_one_live_a_source_record"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["person"], name="link_person_live", condition=Q(ended_at__isnull=True)),
        ]


class LinkReview(models.Model):
    """A doubt for a human to settle: is this source record this person? `evidence` says what agrees, never values.

    `proposed` holds the demographics that a source sent in place of what it said before, until somebody decides.
    While such a doubt is open the record is not asked for, not searched and not part of the golden record.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source_record = models.ForeignKey(SourceRecord, on_delete=models.PROTECT, related_name="reviews")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reviews")
    reason = models.CharField(max_length=60)
    evidence = models.JSONField(default=dict)
    proposed = models.JSONField(default=dict)
    raised_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "link_review"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source_record", "person", "reason"],
                condition=Q(settled_at__isnull=True),
                name="link_review_open_once",
            ),
        ]


class LinkDecision(models.Model):
    """How a doubt was settled, by whom, when and why. Never deleted: one that is taken back ends.

    What it changed is kept here, so that it can be undone completely: the link that ended and the one that was created,
    and what the source record held before and after. Where it joined two people: who was joined to whom, with a
    `LinkMove` for each link; other doubts about the same two were `settled_with` it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    review = models.ForeignKey(LinkReview, on_delete=models.PROTECT, related_name="decisions")
    decision = models.CharField(max_length=30)
    fields = models.JSONField(default=list)
    note = models.TextField()
    decided_by = models.UUIDField(null=True)  # None: by a command on the service's own machine
    decided_at = models.DateTimeField()
    ended_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    link_ended = models.ForeignKey(Link, null=True, on_delete=models.PROTECT, related_name="+")
    link_made = models.ForeignKey(Link, null=True, on_delete=models.PROTECT, related_name="+")
    record_before = models.JSONField(null=True)
    record_after = models.JSONField(null=True)
    person_joined = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    person_kept = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    settled_with = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="settled_by_it")

    class Meta:
        db_table = "link_decision"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["review"], condition=Q(ended_at__isnull=True), name="link_decision_one_live_per_review"
            ),
            # Nobody is joined twice at a time.
            models.UniqueConstraint(
                fields=["person_joined"],
                condition=Q(ended_at__isnull=True, person_joined__isnull=False),
                name="link_decision_joined_once",
            ),
        ]


class LinkMove(models.Model):
    """A link that ended, and the one made in its place, where a decision joined two people."""

    id = models.BigAutoField(primary_key=True)
    decision = models.ForeignKey(LinkDecision, on_delete=models.PROTECT, related_name="moves")
    link_ended = models.ForeignKey(Link, on_delete=models.PROTECT, related_name="+")
    link_made = models.ForeignKey(Link, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "link_move"
