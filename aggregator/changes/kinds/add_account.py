"""A new account, with one role in one organisation."""

from __future__ import annotations

import secrets
from datetime import datetime

from aggregator.accounts import operations
from aggregator.accounts.authority import check_organisation, check_role
from aggregator.accounts.emails import checked_email
from aggregator.accounts.models import User
from aggregator.accounts.queries import user_id_for
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission, Role
from aggregator.changes.kind import Applied, ChangeKind, Scope, Terms
from aggregator.changes.terms import organisation_of, role_of, start_of
from aggregator.errors import Invalid
from aggregator.limits import check_length

LABELS = {"username": "User name", "family": "Surname", "given": "First name", "prefix": "Title"}
OPTIONAL = {"prefix"}


def check(requester: Requester, terms: Terms, now: datetime) -> Scope:
    """Return whom this is about.

    Raises: Invalid, also where the user name is taken; NotPermitted.
    """
    for field, label in LABELS.items():
        value = terms.get(field, "")
        if not value.strip() and field not in OPTIONAL:
            raise Invalid(f"Enter the {label.lower()}", code="missing", field=field)
        check_length(model=User, field=field, value=value, label=label)
    checked_email(terms.get("email", ""))
    organisation, role = organisation_of(terms), role_of(terms)
    check_organisation(requester=requester, organisation_id=organisation.id)
    check_role(requester=requester, role=role)
    start_of(terms, now=now)
    if user_id_for(username=terms["username"].strip()) is not None:
        raise Invalid("Somebody has this user name already", code="taken", field="username")
    return Scope(organisation_id=organisation.id)


def words(terms: Terms) -> str:
    """Say what would change."""
    name = " ".join(filter(None, (terms.get("prefix", ""), terms["given"], terms["family"])))
    since = f" from {terms['from_date']}" if terms.get("from_date") else ""
    role = Role(terms["role"]).with_article
    told = f", told of alerts at {terms['email']}" if terms.get("email") else ""
    return f"Create an account, {terms['username']}, for {name}: {role} at {terms['organisation_ods']}{since}{told}"


def apply(requester: Requester, terms: Terms, now: datetime) -> Applied:
    """Create the account, and a password for its owner to be handed over."""
    password = secrets.token_urlsafe(12)
    user = operations.add_account(
        username=terms["username"].strip(),
        password=password,
        family=terms["family"].strip(),
        given=terms["given"].strip(),
        prefix=terms.get("prefix", "").strip(),
        email=checked_email(terms.get("email", "")),
    )
    operations.add_membership(
        user_id=user.id,
        organisation_id=organisation_of(terms).id,
        role=role_of(terms),
        from_at=start_of(terms, now=now),
        added_by=requester.user_id,
        now=now,
    )
    return Applied(made_id=user.id, secret=password)


KIND = ChangeKind(name="add-account", needs=Permission.MANAGE_USERS, check=check, words=words, apply=apply)
