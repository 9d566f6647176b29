"""A system that may read records by itself, as its organisation."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts import operations
from aggregator.accounts.authority import check_organisation
from aggregator.accounts.key_sets import read_key_set
from aggregator.accounts.registration import CheckedClient, NewClient, check_client
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.changes.kind import Applied, ChangeKind, Scope, Terms
from aggregator.changes.terms import organisation_of


def check(requester: Requester, terms: Terms, now: datetime) -> Scope:
    """Return whom this is about. Keys at an address are not fetched: that was done before it was proposed.

    Raises: Invalid; NotPermitted.
    """
    organisation = organisation_of(terms)
    check_organisation(requester=requester, organisation_id=organisation.id)
    _checked(terms)
    return Scope(organisation_id=organisation.id)


def words(terms: Terms) -> str:
    """Say what would change."""
    if terms.get("key_set_url"):
        keys = f"with its keys at {terms['key_set_url']}"
    else:
        marks = read_key_set(body=terms["key_set"].encode()).thumbprints()
        keys = f"with the keys {', '.join(f'{key_id} ({mark})' for key_id, mark in marks.items())}"
    return (
        f"Register a system, {terms['name']} ({terms['oauth_id']}), that reads records for "
        f"{terms['organisation_ods']} by itself, within {terms['scopes']}, {keys}"
    )


def apply(requester: Requester, terms: Terms, now: datetime) -> Applied:
    """Register the client."""
    return Applied(made_id=operations.add_client(checked=_checked(terms), registered_by=requester.user_id, now=now))


def _checked(terms: Terms) -> CheckedClient:
    fields = ("oauth_id", "name", "organisation_ods", "key_set", "key_set_url", "scopes")
    return check_client(client=NewClient(**{field: terms.get(field, "") for field in fields}))


KIND = ChangeKind(name="register-client", needs=Permission.MANAGE_CLIENTS, check=check, words=words, apply=apply)
