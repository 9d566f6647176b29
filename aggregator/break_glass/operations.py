"""Writes of emergency access, of its reviews and of which person a user is. An end is recorded by `acting`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.models import Membership, User
from aggregator.break_glass.models import BreakGlass, BreakGlassReview, UserJoin
from aggregator.break_glass.queries import as_joined, join_of, open_access, reviews_of
from aggregator.break_glass.terms import (
    LASTS,
    EmergencyAccess,
    EmergencyReason,
    JoinedUser,
    OfficerVerdict,
    ReviewedAccess,
)
from aggregator.mpi.models import Person


def record_access(
    *,
    user_id: UUID,
    membership_id: UUID,
    organisation_id: UUID,
    person_id: UUID,
    reason: EmergencyReason,
    note: str,
    now: datetime,
) -> EmergencyAccess:
    """Record emergency access and return it, or that which still stands.

    Must run in a transaction: the membership's row is locked, so that a form that is sent twice breaks the glass once.
    """
    Membership.objects.select_for_update().get(id=membership_id)
    standing = open_access(person_id=person_id, membership_id=membership_id, now=now)
    if standing is not None:
        return standing
    row = BreakGlass.objects.create(
        user_id=user_id,
        membership_id=membership_id,
        organisation_id=organisation_id,
        person_id=person_id,
        reason=reason,
        note=note,
        opened_at=now,
        expires_at=now + LASTS,
    )
    return EmergencyAccess(
        id=row.id,
        membership_id=membership_id,
        person_id=person_id,
        reason=reason,
        opened_at=now,
        ends_at=row.expires_at,
    )


def record_join(
    *, user_id: UUID, person_id: UUID, note: str, joined_by: UUID | None, now: datetime
) -> JoinedUser | None:
    """Record that an account is that of a person; return None, and record nothing, where it is joined already.

    Must run in a transaction: the account's row is locked, so that two administrators cannot cross.
    """
    User.objects.select_for_update().get(id=user_id)
    if join_of(user_id=user_id, now=now) is not None:
        return None
    row = UserJoin.objects.create(user_id=user_id, person_id=person_id, note=note, joined_by=joined_by, joined_at=now)
    return as_joined(row)


def record_review(
    *, of: ReviewedAccess, verdict: OfficerVerdict, note: str, reviewed_by: UUID | None, now: datetime
) -> bool:
    """Record what an officer made of a case; return False, and record nothing, where it has been closed already.

    Must run in a transaction: the person's row is locked, so that two officers cannot cross.
    """
    Person.objects.select_for_update(of=("self",)).get(id=of.person_id)
    before = reviews_of(ids=[of.id])[of.id]
    if before and before[-1].verdict.closes:
        return False
    BreakGlassReview.objects.create(
        kind=of.kind, of_id=of.id, verdict=verdict, note=note, reviewed_by=reviewed_by, reviewed_at=now
    )
    return True
