"""Writes of emergency access and of its reviews. An end is recorded by `acting`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.models import Membership
from aggregator.break_glass.models import BreakGlass, BreakGlassReview
from aggregator.break_glass.queries import open_access
from aggregator.break_glass.terms import LASTS, EmergencyAccess, EmergencyReason, OfficerVerdict, ReviewedKind


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


def record_review(
    *, kind: ReviewedKind, of_id: UUID, verdict: OfficerVerdict, note: str, reviewed_by: UUID | None, now: datetime
) -> None:
    """Record what an officer made of a case."""
    BreakGlassReview.objects.create(
        kind=kind, of_id=of_id, verdict=verdict, note=note, reviewed_by=reviewed_by, reviewed_at=now
    )
