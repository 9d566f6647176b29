"""Create a local account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from aggregator.accounts.emails import checked_email
from aggregator.accounts.models import Organisation, User
from aggregator.accounts.operations import ensure_organisation, put_user
from aggregator.accounts.passwords import MAX_PASSWORD_LENGTH
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import MEMBERSHIP_ROLES, Permission, Role
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid
from aggregator.limits import check_length


@dataclass(frozen=True, kw_only=True)
class NewUser:
    username: str
    password: str
    family: str
    given: str
    prefix: str = ""
    email: str = ""
    organisation_ods: str
    role: Role


def add_user(*, requester: Requester, user: NewUser, now: datetime) -> None:
    """Create a local account, or give an existing account of that name a new password.

    Raises: NotPermitted; Invalid for a weak password, one too long to sign in with, a field that is too long, or a role
    that cannot sign in.
    """
    with acting(requester, Action.ADD_USER, needs=Permission.MANAGE_USERS) as act:
        _check(user)
        email = checked_email(user.email)
        act.begin()
        account = put_user(
            username=user.username,
            password=user.password,
            family=user.family,
            given=user.given,
            prefix=user.prefix,
            organisation=ensure_organisation(ods_code=user.organisation_ods, name=""),
            role=user.role,
            now=now,
            email=email,
        )
        act.about_nothing_single()
        act.note(user=account.id, role=user.role)


def _check(user: NewUser) -> None:
    labels = {"username": "User name", "family": "Surname", "given": "First name", "prefix": "Title"}
    for field, label in labels.items():
        check_length(model=User, field=field, value=getattr(user, field), label=label)
    check_length(
        model=Organisation,
        field="ods_code",
        value=user.organisation_ods,
        label="Organisation code",
        as_field="organisation_ods",
    )
    try:
        validate_password(user.password)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="password") from None
    if len(user.password) > MAX_PASSWORD_LENGTH:
        raise Invalid(f"Password must be {MAX_PASSWORD_LENGTH} characters or fewer.", field="password")
    if user.role not in MEMBERSHIP_ROLES:
        raise Invalid(f"An account cannot have the role {user.role}.", field="role")
