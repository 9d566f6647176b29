"""Reads of accounts: who may act as what, now."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from aggregator.accounts.models import AccessEnd, Membership, User
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Role


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


def requesters_for(
    *, user_id: UUID, now: datetime, purpose: PurposeOfUse = PurposeOfUse.TREATMENT
) -> tuple[Requester, ...]:
    """Return as whom a user may act: one requester per live membership, by organisation and role.

    Read again for every request, so that the end of a membership takes effect at once.
    """
    return _requesters(live_memberships(now=now).filter(user_id=user_id), purpose=purpose)


def requesters_of_organisation(*, organisation_id: UUID, now: datetime) -> tuple[Requester, ...]:
    """Return as whom the users of an organisation may act there, for treatment."""
    memberships = live_memberships(now=now).filter(organisation_id=organisation_id)
    return _requesters(memberships, purpose=PurposeOfUse.TREATMENT)


def _requesters(memberships: QuerySet[Membership], /, *, purpose: PurposeOfUse) -> tuple[Requester, ...]:
    rows = memberships.select_related("user", "organisation").order_by(
        "organisation__name", "organisation__ods_code", "role", "from_at", "id"
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
            purpose=purpose,
        )
        for membership in rows
    )


def user_id_for(*, username: str) -> UUID | None:
    """Return the account of this name, open or closed."""
    return User.objects.filter(username=username).values_list("id", flat=True).first()


def name_of_user(*, user_id: UUID) -> str:
    """Return the given and family name of an account, open or closed; "" for none."""
    user = User.objects.filter(id=user_id).first()
    return f"{user.given} {user.family}" if user else ""
