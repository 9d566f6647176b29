"""Writes to organisations and accounts."""

from __future__ import annotations

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
    user.save()
    Membership.objects.get_or_create(user=user, organisation=organisation, role=role)
    return user
