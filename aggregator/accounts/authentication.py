"""A signed-in user becomes a Requester; one way for both doors."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest

from aggregator.accounts.models import Membership, User
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Role

SIGNED_IN_AT = "signed_in_at"


def signed_in_requester(*, request: HttpRequest, now: datetime) -> Requester | None:
    """Return who has signed in; None when nobody has, when that was too long ago, or when the account ended it."""
    began = request.session.get(SIGNED_IN_AT)
    if not isinstance(request.user, User) or began is None:
        return None
    if request.session.session_key not in request.user.session_keys:
        return None
    if now - datetime.fromisoformat(began) > settings.SESSION_LIMIT:
        return None
    return requester_for(user_id=request.user.pk)


def user_for_password(*, request: HttpRequest, username: str, password: str) -> User | None:
    """Return the active user whose password this is."""
    user = authenticate(request, username=username, password=password)
    return user if isinstance(user, User) else None


def user_id_for(*, username: str) -> UUID | None:
    """Return the account of this name, open or closed."""
    return User.objects.filter(username=username).values_list("id", flat=True).first()


def requester_for(*, user_id: UUID, purpose: PurposeOfUse = PurposeOfUse.TREATMENT) -> Requester | None:
    """Return the requester for a signed-in user, or None when the account is closed or belongs nowhere.

    Read again for every request, so that the end of a membership takes effect at once.
    """
    membership = (
        Membership.objects.select_related("user", "organisation")
        .filter(user_id=user_id, user__is_active=True)
        .order_by("organisation__ods_code", "role")
        .first()
    )
    if membership is None:
        return None
    return Requester(
        user_id=membership.user.id,
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
