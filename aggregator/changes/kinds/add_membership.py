"""A further role for somebody who has an account."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts import operations
from aggregator.accounts.authority import check_not_own, check_organisation, check_role
from aggregator.accounts.queries import live_memberships, name_of_user, user_id_for
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission, Role
from aggregator.changes.kind import Applied, ChangeKind, Scope, Terms
from aggregator.changes.terms import organisation_of, role_of, start_of
from aggregator.errors import Invalid


def check(requester: Requester, terms: Terms, now: datetime) -> Scope:
    """Return whom this is about.

    Raises: Invalid, also where the user has this role already; NotPermitted.
    """
    user_id = user_id_for(username=terms.get("username", ""))
    if user_id is None:
        raise Invalid("Nobody has this user name.", code="username", field="username")
    organisation, role = organisation_of(terms), role_of(terms)
    check_not_own(requester=requester, user_id=user_id)
    check_organisation(requester=requester, organisation_id=organisation.id)
    check_role(requester=requester, role=role)
    start = start_of(terms, now=now)
    live = live_memberships(now=start).filter(user_id=user_id, organisation_id=organisation.id, role=role)
    if live.exists():
        raise Invalid("This user has that role in that organisation already", code="has-it", field="role")
    return Scope(organisation_id=organisation.id, user_id=user_id)


def words(terms: Terms) -> str:
    """Say what would change."""
    user_id = user_id_for(username=terms["username"])
    name = name_of_user(user_id=user_id) if user_id else terms["username"]
    since = f" from {terms['from_date']}" if terms.get("from_date") else ""
    return f"Make {name} ({terms['username']}) {Role(terms['role']).with_article} at {terms['organisation_ods']}{since}"


def apply(requester: Requester, terms: Terms, now: datetime) -> Applied:
    """Add the membership."""
    scope = check(requester, terms, now)
    assert scope.user_id is not None  # noqa: S101  for the type checker: `check` has found the user
    made = operations.add_membership(
        user_id=scope.user_id,
        organisation_id=scope.organisation_id,
        role=role_of(terms),
        from_at=start_of(terms, now=now),
        added_by=requester.user_id,
        now=now,
    )
    return Applied(made_id=made)


KIND = ChangeKind(name="add-membership", needs=Permission.MANAGE_USERS, check=check, words=words, apply=apply)
