"""Emergency access, what officers made of it, and who users are. Triggers keep rows from being changed or deleted."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from aggregator.accounts.models import Membership, Organisation, User
from aggregator.break_glass.terms import LASTS, EmergencyReason, OfficerVerdict, ReviewedKind
from aggregator.mpi.models import Person


class BreakGlass(models.Model):
    """A user, in one membership, opens one person's record in an emergency, until it expires or an `AccessEnd`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=30, choices=[(reason.value, reason.value) for reason in EmergencyReason])
    note = models.TextField()
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "break_glass"
        indexes: ClassVar = [
            models.Index(fields=["person", "membership", "expires_at"], name="break_glass_standing"),
            models.Index(fields=["user", "opened_at"], name="break_glass_of_user"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(note=""), name="break_glass_with_a_note"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("opened_at"), expires_at__lte=F("opened_at") + LASTS),
                name="break_glass_lasts_so_long_at_most",
            ),
        ]


class UserJoin(models.Model):
    """That an account is that of a person in the index, until an `AccessEnd`: it gives no access to anything.

    `note`: how whoever joined them knew. `joined_by` None: an operator, by a command.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    note = models.TextField()
    joined_by = models.UUIDField(null=True)
    joined_at = models.DateTimeField()

    class Meta:
        db_table = "user_join"
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(note=""), name="user_join_with_a_note")]


class BreakGlassReview(models.Model):
    """What an officer made of a case: of emergency access, or of a claim, by its id. The last one counts."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=30, choices=[(kind.value, kind.value) for kind in ReviewedKind])
    of_id = models.UUIDField(db_index=True)
    verdict = models.CharField(max_length=30, choices=[(verdict.value, verdict.value) for verdict in OfficerVerdict])
    note = models.TextField()
    reviewed_by = models.UUIDField(null=True)
    reviewed_at = models.DateTimeField()

    class Meta:
        db_table = "break_glass_review"
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(note=""), name="break_glass_review_with_a_note"),
        ]
