"""Reads of emergency access: what is open now, what was, how it was reviewed, and which person a user is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Least, Now

from aggregator.accounts.models import Membership
from aggregator.accounts.queries import first_end, has_ended, members_at
from aggregator.break_glass.models import BreakGlass, BreakGlassReview, UserJoin
from aggregator.break_glass.terms import (
    EmergencyAccess,
    EmergencyReason,
    JoinedUser,
    OfficerReview,
    OfficerVerdict,
    ReviewedAccess,
    ReviewedKind,
)
from aggregator.composed import composed_once
from aggregator.mpi.queries import live_links, remaining, same_person

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations  # for the type checker alone


class _Until(TypedDict):
    ends_at: datetime


def open_access(*, person_id: UUID, membership_id: UUID | None, now: datetime) -> EmergencyAccess | None:
    """Return the emergency access to a person's record that stands in a membership now, the one that lasts longest."""
    if membership_id is None:
        return None
    # This is asked at every decision, and almost nobody has: a plain question shows that at less cost than the whole.
    if not _has_any(person_id=person_id, membership_id=membership_id):
        return None
    rows = _standing(membership_id=membership_id, now=now).filter(person_id__in=same_person(person_id=person_id))
    row = rows.order_by("-ends_at", "id").first()
    return _access(row) if row else None


@composed_once
def _has_any(*, person_id: UUID, membership_id: UUID) -> QuerySet[BreakGlass, UUID]:
    rows = BreakGlass.objects.filter(person_id__in=same_person(person_id=person_id), membership_id=membership_id)
    return rows.values_list("id", flat=True)[:1]


def open_accesses(*, membership_id: UUID | None, now: datetime) -> list[EmergencyAccess]:
    """Return all emergency access that stands in a membership now."""
    if membership_id is None:
        return []
    return [_access(row) for row in _standing(membership_id=membership_id, now=now).order_by("opened_at", "id")]


def open_to(*, person_id: UUID, organisation_id: UUID | None, now: datetime) -> list[ReviewedAccess]:
    """Return by which emergency access a person's record is open now; `organisation_id` None: of every organisation."""
    rows = _open(now=now).filter(person_id__in=same_person(person_id=person_id))
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    return [_reviewed(row) for row in _with_end(rows).order_by("opened_at", "id")]


def access_of(*, access_id: UUID, membership_id: UUID | None) -> EmergencyAccess | None:
    """Return emergency access that was taken in a membership, whether or not it still stands."""
    if membership_id is None:
        return None
    row = _with_end(BreakGlass.objects.filter(id=access_id, membership_id=membership_id)).first()
    return _access(row) if row else None


def reviewed_access(*, access_id: UUID) -> ReviewedAccess | None:
    """Return emergency access as an officer reviews it."""
    row = _with_end(BreakGlass.objects.filter(id=access_id)).first()
    return _reviewed(row) if row else None


def accesses_in_queue(*, organisation_id: UUID | None, is_closed: bool) -> list[ReviewedAccess]:
    """Return emergency access that waits for an officer, or that has been closed; `organisation_id` None: of all."""
    closed = closed_ids(kind=ReviewedKind.BREAK_GLASS)
    rows = BreakGlass.objects.all()
    rows = rows.filter(id__in=closed) if is_closed else rows.exclude(id__in=closed)
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    return [_reviewed(row) for row in _with_end(rows)]


def closed_ids(*, kind: ReviewedKind) -> set[UUID]:
    """Return the ids of cases of a kind that have been closed."""
    verdicts = BreakGlassReview.objects.filter(kind=kind).order_by("id").values_list("of_id", "verdict")
    return {of_id for of_id, verdict in dict(verdicts).items() if OfficerVerdict(verdict).closes}


def reviews_of(*, ids: Iterable[UUID]) -> dict[UUID, list[OfficerReview]]:
    """Return what officers made of cases, by case, in order."""
    reviews: dict[UUID, list[OfficerReview]] = defaultdict(list)
    for row in BreakGlassReview.objects.filter(of_id__in=list(ids)).order_by("id"):
        reviews[row.of_id].append(
            OfficerReview(
                of_id=row.of_id,
                verdict=OfficerVerdict(row.verdict),
                note=row.note,
                reviewed_by=row.reviewed_by,
                reviewed_at=row.reviewed_at,
            )
        )
    return reviews


def count_opened(*, user_id: UUID, after: datetime, until: datetime) -> int:
    """Return how often a user has broken the glass after one moment and until another."""
    return BreakGlass.objects.filter(user_id=user_id, opened_at__gt=after, opened_at__lte=until).count()


def join_of(*, user_id: UUID, now: datetime) -> JoinedUser | None:
    """Return which person a user is, where somebody has said so and nobody has ended that."""
    row = _joins(now=now).filter(user_id=user_id).first()
    return as_joined(row) if row else None


def are_one(*, user_id: UUID, other_id: UUID, now: datetime) -> bool:
    """Return whether two accounts are one, or are known to be the same person's."""
    if user_id == other_id:
        return True
    one, other = join_of(user_id=user_id, now=now), join_of(user_id=other_id, now=now)
    if one is None or other is None:
        return False
    return remaining(person_id=one.person_id) == remaining(person_id=other.person_id)


def was_joined(*, user_id: UUID) -> bool:
    """Return whether a user was ever joined to a person, also where that has ended."""
    return UserJoin.objects.filter(user_id=user_id).exists()


def is_colleague(*, of: ReviewedAccess, now: datetime) -> bool:
    """Return whether the patient is known now to be another user, who had a role in the organisation at that time."""
    person_id = remaining(person_id=of.person_id)
    joined = _joins(now=now).filter(person_id__in=same_person(person_id=person_id)).values("user_id")
    return _others(of).filter(user_id__in=joined).exists()


def colleagues_are_joined(*, of: ReviewedAccess, now: datetime) -> bool:
    """Return whether it is known now of all others who had a role in the organisation at that time who each is.

    Who is joined to somebody of whom no source holds a record any more is not.
    """
    held = live_links().values("person_id")
    known = _joins(now=now).filter(Q(person_id__in=held) | Q(person__joined_to__in=held)).values("user_id")
    return not _others(of).exclude(user_id__in=known).exists()


def as_joined(row: UserJoin, /) -> JoinedUser:
    """Return a row's values."""
    return JoinedUser(
        id=row.id,
        user_id=row.user_id,
        person_id=row.person_id,
        note=row.note,
        joined_by=row.joined_by,
        joined_at=row.joined_at,
    )


def _joins(*, now: datetime) -> QuerySet[UserJoin]:
    """Return the joins that have not been ended.

    A user is the same person whenever that was recorded, so a case of before is judged by them as well.
    """
    return UserJoin.objects.filter(~has_ended(of="id", now=now))


def _others(of: ReviewedAccess, /) -> QuerySet[Membership]:
    return members_at(organisation_id=of.organisation_id, at=of.began_at).exclude(user_id=of.user_id)


def _standing(*, membership_id: UUID, now: datetime) -> QuerySet[WithAnnotations[BreakGlass, _Until]]:
    return _with_end(_open(now=now).filter(membership_id=membership_id))


def _open(*, now: datetime) -> QuerySet[BreakGlass]:
    """Return what has neither expired nor been ended, by `now` and by the database's clock."""
    unexpired = Q(expires_at__gt=now) & Q(expires_at__gt=Now())
    return BreakGlass.objects.filter(~has_ended(of="id", now=now), unexpired, opened_at__lte=now)


def _with_end(rows: QuerySet[BreakGlass]) -> QuerySet[WithAnnotations[BreakGlass, _Until]]:
    return rows.annotate(ends_at=Least("expires_at", first_end()))


def _access(row: WithAnnotations[BreakGlass, _Until]) -> EmergencyAccess:
    return EmergencyAccess(
        id=row.id,
        membership_id=row.membership_id,
        person_id=row.person_id,
        reason=EmergencyReason(row.reason),
        opened_at=row.opened_at,
        ends_at=row.ends_at,
    )


def _reviewed(row: WithAnnotations[BreakGlass, _Until]) -> ReviewedAccess:
    return ReviewedAccess(
        id=row.id,
        kind=ReviewedKind.BREAK_GLASS,
        person_id=row.person_id,
        user_id=row.user_id,
        organisation_id=row.organisation_id,
        reason=EmergencyReason(row.reason).words,
        note=row.note,
        began_at=row.opened_at,
        ends_at=row.ends_at,
    )
