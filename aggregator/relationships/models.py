"""Who cares for whom: relationships, and care teams with their members and patients. Nothing is deleted: it ends.

An end is a row of `AccessEnd`, by the id of what it ends.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from aggregator.accounts.models import Organisation, User
from aggregator.mpi.models import Person, SourceRecord
from aggregator.relationships.terms import RelationshipKind


class Relationship(models.Model):
    """An organisation, or one user where they act for it, cares for a person.

    One that was loaded with a source's people is about a source record, and follows the record's link; any other is
    about a person. `until_date` is what was said first: what a later file says is a `LastDay`. `recorded_at` None: it
    was loaded before that was kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source_record = models.ForeignKey(SourceRecord, null=True, on_delete=models.PROTECT, related_name="relationships")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="relationships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=30, choices=[(kind.value, kind.value) for kind in RelationshipKind])
    from_date = models.DateField()
    until_date = models.DateField(null=True)
    expires_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    recorded_at = models.DateTimeField(null=True)
    recorded_by = models.UUIDField(null=True)

    class Meta:
        db_table = "relationship"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source_record", "organisation", "kind", "from_date"], name="relationship_once"
            ),
            models.CheckConstraint(
                condition=Q(source_record=None, person__isnull=False) | Q(source_record__isnull=False, person=None),
                name="relationship_of_a_record_or_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(kind=RelationshipKind.CARE_TEAM.value), name="relationship_no_care_team"
            ),
            models.CheckConstraint(
                condition=Q(
                    ~Q(reason=""),
                    kind=RelationshipKind.SELF_CLAIMED.value,
                    user__isnull=False,
                    person__isnull=False,
                    expires_at__isnull=False,
                )
                | Q(~Q(kind=RelationshipKind.SELF_CLAIMED.value), user=None, expires_at=None),
                name="relationship_claimed_by_a_user",
            ),
        ]


class LastDay(models.Model):
    """What a later file said of the last day of a relationship that came by file. The latest row counts.

    `until_date` None: still open. Rows are never changed or deleted, as triggers see to.
    """

    id = models.BigAutoField(primary_key=True)
    relationship = models.ForeignKey(Relationship, on_delete=models.PROTECT, related_name="last_days")
    until_date = models.DateField(null=True)
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "relationship_last_day"


class CareTeam(models.Model):
    """People of one organisation who care for the same patients."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    recorded_at = models.DateTimeField()
    recorded_by = models.UUIDField(null=True)

    class Meta:
        db_table = "care_team"


class CareTeamPlace(models.Model):
    """A user's place in a care team. It counts where they act for the team's organisation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(CareTeam, on_delete=models.PROTECT, related_name="places")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    from_date = models.DateField()
    until_date = models.DateField(null=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.UUIDField(null=True)

    class Meta:
        db_table = "care_team_place"


class CareTeamPatient(models.Model):
    """A person whom a care team cares for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(CareTeam, on_delete=models.PROTECT, related_name="patients")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    from_date = models.DateField()
    until_date = models.DateField(null=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.UUIDField(null=True)

    class Meta:
        db_table = "care_team_patient"


class CareRelation(models.Model):
    """Everything by which somebody cares for a person, of whatever kind: one row each, whether current or not.

    A view over the tables above, over live links and ends. `id` is the relationship's, or that of the person's place
    with the care team. `user` None: everybody who acts for the organisation. `ended_at` is the first of its ends.
    """

    id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.DO_NOTHING, related_name="care_relations")
    organisation = models.ForeignKey(Organisation, on_delete=models.DO_NOTHING, related_name="care_relations")
    user = models.ForeignKey(User, null=True, on_delete=models.DO_NOTHING, related_name="+")
    kind = models.CharField(max_length=30)
    from_date = models.DateField()
    until_date = models.DateField(null=True)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "care_relation"
        managed = False
