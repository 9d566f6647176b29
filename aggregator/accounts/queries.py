"""Reads of accounts: who may act as what, now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from aggregator.accounts.models import AccessEnd, Membership, Organisation, User
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission, Role, role_may


def has_ended(*, of: str, now: datetime) -> Exists:
    """Return the condition that what a row names by the field `of` has ended by `now`, or by the database's clock.

    Ends are recorded by the database's clock: one that has been committed is in force for every process, however
    its own clock stands.
    """
    return Exists(AccessEnd.objects.filter(Q(ends_at__lte=now) | Q(ends_at__lte=Now()), of_id=OuterRef(of)))


def live_memberships(*, now: datetime) -> QuerySet[Membership]:
    """Return the memberships that have begun and not ended, of accounts that have not been closed."""
    return Membership.objects.filter(
        ~has_ended(of="id", now=now), ~has_ended(of="user_id", now=now), from_at__lte=now, user__is_active=True
    )


def requesters_for(*, user_id: UUID, now: datetime) -> tuple[Requester, ...]:
    """Return as whom a user may act: one requester per live membership, by organisation and role.

    Who may see records acts for treatment, everybody else to run the service.
    Read again for every request, so that the end of a membership takes effect at once.
    """
    memberships = (
        live_memberships(now=now)
        .filter(user_id=user_id)
        .select_related("user", "organisation")
        .order_by("organisation__name", "organisation__ods_code", "role", "from_at", "id")
    )
    return tuple(
        Requester(
            user_id=membership.user.id,
            membership_id=membership.id,
            family=membership.user.family,
            given=membership.user.given,
            prefix=membership.user.prefix,
            sds_user_id=membership.user.sds_user_id,
            sds_role_profile_id=membership.sds_role_profile_id,
            organisation_id=membership.organisation.id,
            organisation_ods=membership.organisation.ods_code,
            organisation_name=membership.organisation.name,
            role=Role(membership.role),
            purpose=_purpose_of(Role(membership.role)),
        )
        for membership in memberships
    )


def user_id_for(*, username: str) -> UUID | None:
    """Return the account of this name, open or closed."""
    return User.objects.filter(username=username).values_list("id", flat=True).first()


def names_of_users(*, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the given and family names of accounts, open or closed, by id."""
    return {user.id: f"{user.given} {user.family}" for user in User.objects.filter(id__in=list(user_ids))}


def name_of_user(*, user_id: UUID) -> str:
    """Return the given and family name of an account, open or closed; "" for none."""
    return names_of_users(user_ids=[user_id]).get(user_id, "")


def earliest_end(*, of_id: UUID) -> datetime | None:
    """Return when something ends that gives access; None while no end is known."""
    return AccessEnd.objects.filter(of_id=of_id).order_by("ends_at").values_list("ends_at", flat=True).first()


def membership_by_id(*, membership_id: UUID) -> Membership | None:
    """Return a membership, whether or not it has ended."""
    return Membership.objects.filter(id=membership_id).first()


def names_of_organisations(*, ods_codes: Iterable[str]) -> dict[str, str]:
    """Return the names of organisations by their ODS codes."""
    rows = Organisation.objects.filter(ods_code__in=list(ods_codes))
    return {row.ods_code: row.name for row in rows}


def organisation_by_code(*, ods_code: str) -> Organisation | None:
    """Return the organisation with an ODS code."""
    return Organisation.objects.filter(ods_code=ods_code).first()


def _purpose_of(role: Role) -> PurposeOfUse:
    sees_records = role_may(role=role, permission=Permission.VIEW_RECORD)
    return PurposeOfUse.TREATMENT if sees_records else PurposeOfUse.OPERATIONS
