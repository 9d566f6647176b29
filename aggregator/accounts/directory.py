"""Reads of accounts for administrators: who there is, in which roles, and since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from aggregator.accounts.models import AccessEnd, FormerName, Membership, User
from aggregator.accounts.queries import has_ended, names_of_users
from aggregator.accounts.roles import Role

PAGE_SIZE = 50
# Who has not signed in for so long may not need their account any more.
UNUSED_AFTER = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class MembershipLine:
    """A role of somebody. `ends_at` None: no end is known. `is_live`: it has begun and not ended."""

    membership_id: UUID
    role: Role
    organisation_id: UUID
    organisation_name: str
    organisation_ods: str
    from_at: datetime
    added_by: str
    ends_at: datetime | None
    ended_by: str
    end_reason: str
    is_live: bool


@dataclass(frozen=True, kw_only=True)
class UserLine:
    """An account. `is_open`: it has not been closed. `memberships` are those that have not ended."""

    user_id: UUID
    username: str
    name: str
    email: str
    last_sign_in_at: datetime | None
    is_open: bool
    memberships: tuple[MembershipLine, ...]


@dataclass(frozen=True, kw_only=True)
class UserPage:
    """One page of accounts, of `count` in all."""

    users: tuple[UserLine, ...]
    count: int
    page: int
    pages: int


def users(*, organisation_id: UUID | None, search: str, is_unused: bool, page: int, now: datetime) -> UserPage:
    """Return open accounts by name, with a role in one organisation or in any.

    `search` is a part of a name or user name; `is_unused`: those who have not signed in for 90 days.
    """
    standing = Membership.objects.filter(~has_ended(of="id", now=now), user_id=OuterRef("id"))
    if organisation_id is not None:
        standing = standing.filter(organisation_id=organisation_id)
    found: QuerySet[User] = User.objects.filter(Exists(standing), ~has_ended(of="id", now=now), is_active=True)
    for word in search.split():
        found = found.filter(Q(family__icontains=word) | Q(given__icontains=word) | Q(username__icontains=word))
    if is_unused:
        found = found.filter(Q(last_login__isnull=True) | Q(last_login__lt=now - UNUSED_AFTER))
    count = found.count()
    pages = max(1, -(-count // PAGE_SIZE))
    page = min(max(page, 1), pages)
    rows = found.order_by("family", "given", "username")[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    lines = _lines(rows, organisation_id=organisation_id, now=now)
    return UserPage(users=lines, count=count, page=page, pages=pages)


def user(
    *, user_id: UUID, organisation_id: UUID | None, now: datetime
) -> tuple[UserLine, tuple[MembershipLine, ...]] | None:
    """Return an account, and every role that it ever had, the latest first.

    None when there is none, or it never had a role in `organisation_id`; `organisation_id` None: wherever it acts.
    """
    rows = User.objects.filter(id=user_id)
    if organisation_id is not None:
        rows = rows.filter(Exists(Membership.objects.filter(user_id=OuterRef("id"), organisation_id=organisation_id)))
    row = rows.first()
    if row is None:
        return None
    memberships = _memberships([row.id], now=now)[row.id]
    return _line(row, memberships=memberships, closed=_closed([row.id], now=now)), tuple(memberships)


def former_names(*, user_id: UUID) -> tuple[str, ...]:
    """Return the names that an account had before, the latest first."""
    rows = FormerName.objects.filter(user_id=user_id).order_by("-id")
    return tuple(" ".join(filter(None, (row.prefix, row.given, row.family))) for row in rows)


def _lines(rows: Iterable[User], *, organisation_id: UUID | None, now: datetime) -> tuple[UserLine, ...]:
    """Return accounts with their roles in one organisation, or in all."""
    rows = list(rows)
    ids = [row.id for row in rows]
    memberships, closed = _memberships(ids, now=now), _closed(ids, now=now)
    own = {
        user_id: [line for line in lines if organisation_id in (None, line.organisation_id)]
        for user_id, lines in memberships.items()
    }
    return tuple(_line(row, memberships=own.get(row.id, ()), closed=closed) for row in rows)


def _line(row: User, *, memberships: Iterable[MembershipLine], closed: set[UUID]) -> UserLine:
    return UserLine(
        user_id=row.id,
        username=row.username,
        name=" ".join(filter(None, (row.prefix, row.given, row.family))),
        email=row.email,
        last_sign_in_at=row.last_login,
        is_open=row.is_active and row.id not in closed,
        memberships=tuple(line for line in memberships if line.is_live),
    )


def _closed(user_ids: Iterable[UUID], *, now: datetime) -> set[UUID]:
    return set(User.objects.filter(has_ended(of="id", now=now), id__in=list(user_ids)).values_list("id", flat=True))


def _memberships(user_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, list[MembershipLine]]:
    """Return every role of these users, by user, the latest first."""
    rows = list(
        Membership.objects.filter(user_id__in=list(user_ids))
        .select_related("organisation")
        .annotate(has_ended=has_ended(of="id", now=now))
        .order_by("-from_at", "organisation__name", "role")
    )
    ends: dict[UUID, AccessEnd] = {}
    for found in AccessEnd.objects.filter(of_id__in=[row.id for row in rows]).order_by("-ends_at", "-id"):
        ends[found.of_id] = found  # the earliest last
    by = {row.added_by for row in rows} | {end.recorded_by for end in ends.values()}
    names = names_of_users(user_ids=[user_id for user_id in by if user_id])
    lines: dict[UUID, list[MembershipLine]] = defaultdict(list)
    for row in rows:
        end = ends.get(row.id)
        lines[row.user_id].append(
            MembershipLine(
                membership_id=row.id,
                role=Role(row.role),
                organisation_id=row.organisation_id,
                organisation_name=row.organisation.name,
                organisation_ods=row.organisation.ods_code,
                from_at=row.from_at,
                added_by=_name(row.added_by, names=names),
                ends_at=end.ends_at if end else None,
                ended_by=_name(end.recorded_by, names=names) if end else "",
                end_reason=end.reason if end else "",
                is_live=row.from_at <= now and not row.has_ended,
            )
        )
    return lines


def _name(user_id: UUID | None, *, names: dict[UUID, str]) -> str:
    return names.get(user_id, "") if user_id else "an operator, by a command"
