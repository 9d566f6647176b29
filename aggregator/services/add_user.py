"""Make a local account."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from aggregator.accounts.operations import ensure_organisation, put_user
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission, Role
from aggregator.audit import trail
from aggregator.errors import Invalid, NotPermitted
from aggregator.services.sign_in import MAX_PASSWORD_LENGTH

ACTION = "add-user"
SIGN_IN_ROLES = frozenset({Role.CLINICIAN, Role.ADMINISTRATOR})


@dataclass(frozen=True, kw_only=True)
class NewUser:
    username: str
    password: str
    family: str
    given: str
    prefix: str = ""
    organisation_ods: str
    role: Role


def add_user(*, requester: Requester, user: NewUser) -> None:
    """Make a local account, or give the one of that name a new password.

    Raises: NotPermitted; Invalid for a weak password, one too long to sign in with, or a role that does not sign in.
    """
    if not requester.may(Permission.MANAGE_USERS):
        raise trail.refuse(requester=requester, action=ACTION, error=NotPermitted("You may not make accounts."))
    try:
        validate_password(user.password)
        if len(user.password) > MAX_PASSWORD_LENGTH:
            raise Invalid(f"A password has {MAX_PASSWORD_LENGTH} characters at most.", field="password")
        if user.role not in SIGN_IN_ROLES:
            raise Invalid(f"The role {user.role} does not sign in.", field="role")
    except (ValidationError, Invalid) as error:
        problem = error if isinstance(error, Invalid) else Invalid(" ".join(error.messages), field="password")
        raise trail.refuse(requester=requester, action=ACTION, error=problem, outcome=trail.FAILED) from None
    with transaction.atomic():
        made = put_user(
            username=user.username,
            password=user.password,
            family=user.family,
            given=user.given,
            prefix=user.prefix,
            organisation=ensure_organisation(ods_code=user.organisation_ods, name=""),
            role=user.role,
        )
        trail.append(requester=requester, action=ACTION, detail={"user": made.id, "role": user.role})
