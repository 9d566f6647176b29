"""Writes to organisations and accounts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.sessions.models import Session

from aggregator.accounts.models import Membership, Organisation, User
from aggregator.accounts.roles import Role


def ensure_organisation(*, ods_code: str, name: str) -> Organisation:
    """Return the organisation with this ODS code, adding it if necessary; a new name replaces the old one."""
    organisation, created = Organisation.objects.get_or_create(ods_code=ods_code, defaults={"name": name or ods_code})
    if not created and name and organisation.name != name:
        organisation.name = name
        organisation.save(update_fields=["name"])
    return organisation


def put_user(
    *, username: str, password: str, family: str, given: str, prefix: str, organisation: Organisation, role: Role
) -> User:
    """Add a local account with one membership, or give the one of that name a new password."""
    user, _ = User.objects.get_or_create(
        username=username, defaults={"family": family, "given": given, "prefix": prefix}
    )
    user.set_password(password)
    user.save(update_fields=["password"])
    Membership.objects.get_or_create(user=user, organisation=organisation, role=role)
    return user


def make_room_for_session(*, user_id: UUID, most: int, now: datetime) -> bool:
    """End the account's oldest sessions until there is room for one more; return False if the account is closed.

    The account stays locked until the transaction ends, so that of two who sign in at once the second counts the first.
    """
    user = User.objects.select_for_update().filter(id=user_id, is_active=True).first()
    if user is None:
        return False
    alive = set(
        Session.objects.filter(session_key__in=user.session_keys, expire_date__gt=now).values_list(
            "session_key", flat=True
        )
    )
    standing = [key for key in user.session_keys if key in alive]
    kept = standing[max(0, len(standing) - most + 1) :]
    Session.objects.filter(session_key__in=set(user.session_keys) - set(kept)).delete()
    _list_sessions(user, keys=kept)
    return True


def add_session(*, user_id: UUID, session_key: str) -> None:
    """Note a session as the account's."""
    user = User.objects.select_for_update().get(id=user_id)
    _list_sessions(user, keys=[*user.session_keys, session_key])


def remove_session(*, user_id: UUID, session_key: str) -> None:
    """Note that a session has ended."""
    user = User.objects.select_for_update().get(id=user_id)
    _list_sessions(user, keys=[key for key in user.session_keys if key != session_key])


def _list_sessions(user: User, *, keys: Iterable[str]) -> None:
    user.session_keys = list(keys)
    user.save(update_fields=["session_keys"])
