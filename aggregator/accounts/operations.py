"""Writes to organisations and accounts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction

from aggregator.accounts.models import Client, FormerName, Membership, Organisation, User
from aggregator.accounts.queries import live_memberships
from aggregator.accounts.registration import CheckedClient, taken
from aggregator.accounts.roles import Role


def ensure_organisation(*, ods_code: str, name: str) -> Organisation:
    """Return the organisation with this ODS code, adding it if necessary; a new name replaces the old one."""
    organisation, created = Organisation.objects.get_or_create(ods_code=ods_code, defaults={"name": name or ods_code})
    if not created and name and organisation.name != name:
        organisation.name = name
        organisation.save(update_fields=["name"])
    return organisation


def put_user(
    *,
    username: str,
    password: str,
    family: str,
    given: str,
    prefix: str,
    organisation: Organisation,
    role: Role,
    now: datetime,
    email: str = "",
) -> User:
    """Add a local account with one membership, or give the one of that name a new password.

    An `email` is where alerts are sent from now on; "" changes nothing.

    Must run in a transaction.
    """
    user, _ = User.objects.get_or_create(
        username=username, defaults={"family": family, "given": given, "prefix": prefix}
    )
    user.set_password(password)
    user.email = email or user.email
    user.save(update_fields=["password", "email"])
    add_membership(user_id=user.id, organisation_id=organisation.id, role=role, from_at=now, added_by=None, now=now)
    return user


def add_account(*, username: str, password: str, family: str, given: str, prefix: str, email: str = "") -> User:
    """Add a local account; it may do nothing until it has a membership."""
    user = User(username=username, family=family, given=given, prefix=prefix, email=email)
    user.set_password(password)
    user.save(force_insert=True)
    return user


def set_email(*, user_id: UUID, email: str) -> None:
    """Say where alerts to an account are sent; "" is nowhere."""
    User.objects.filter(id=user_id).update(email=email)


def change_name(
    *, user_id: UUID, prefix: str, given: str, family: str, reason: str, changed_by: UUID | None, now: datetime
) -> None:
    """Give an account another name, and keep the one that it had. Must run in a transaction: the account is locked."""
    user = User.objects.select_for_update().get(id=user_id)
    FormerName.objects.create(
        user=user,
        prefix=user.prefix,
        given=user.given,
        family=user.family,
        reason=reason,
        changed_by=changed_by,
        changed_at=now,
    )
    user.prefix, user.given, user.family = prefix, given, family
    user.save(update_fields=["prefix", "given", "family"])


def add_membership(
    *, user_id: UUID, organisation_id: UUID, role: Role, from_at: datetime, added_by: UUID | None, now: datetime
) -> UUID:
    """Give a user a role in an organisation from a moment on; return its id, or that of the one that is live already.

    Must run in a transaction: the account is locked, so that two administrators cannot cross.
    """
    User.objects.select_for_update().get(id=user_id)
    live = live_memberships(now=max(from_at, now)).filter(user_id=user_id, organisation_id=organisation_id, role=role)
    if (membership := live.first()) is not None:
        return membership.id
    return Membership.objects.create(
        user_id=user_id, organisation_id=organisation_id, role=role, from_at=from_at, added_at=now, added_by=added_by
    ).id


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


def replace_session(*, user_id: UUID, old_key: str, new_key: str) -> None:
    """Note that a session goes on under another key."""
    user = User.objects.select_for_update().get(id=user_id)
    _list_sessions(user, keys=[*(key for key in user.session_keys if key != old_key), new_key])


def remove_session(*, user_id: UUID, session_key: str) -> None:
    """Note that a session has ended."""
    user = User.objects.select_for_update().get(id=user_id)
    _list_sessions(user, keys=[key for key in user.session_keys if key != session_key])


def _list_sessions(user: User, *, keys: Iterable[str]) -> None:
    user.session_keys = list(keys)
    user.save(update_fields=["session_keys"])


def add_client(*, checked: CheckedClient, registered_by: UUID | None, now: datetime) -> UUID:
    """Register a client and return its id. Must run in a transaction.

    Raises: Invalid when one goes by this `oauth_id` already.
    """
    client = checked.new
    organisation = ensure_organisation(ods_code=client.organisation_ods, name=client.organisation_name)
    try:
        with transaction.atomic():
            return Client.objects.create(
                oauth_id=client.oauth_id,
                name=client.name,
                organisation=organisation,
                key_set=checked.key_set,
                key_set_url=client.key_set_url,
                scopes=str(checked.scopes),
                registered_at=now,
                registered_by=registered_by,
            ).id
    except IntegrityError:
        raise taken() from None
