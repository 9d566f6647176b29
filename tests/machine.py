"""A registered system in the small world: the surgery's ward system, its token and its requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.test import Client
from django.utils import timezone

from aggregator.accounts.queries import client_named
from aggregator.accounts.registration import NewClient
from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.scopes import read_scopes
from aggregator.services.clients.issue_token import ASSERTION_TYPE, GRANT_TYPE
from aggregator.services.clients.register_client import register_client
from tests.signing import CLIENT, claims, key_set, signed
from tests.world import SURGERY_ODS

EVERYTHING = "system/*.rs"


def new_client(*, oauth_id: str = CLIENT, **changes: Any) -> NewClient:
    """Return a system of the surgery to register, by default for everything, with its keys by file."""
    values = {
        "oauth_id": oauth_id,
        "name": "Ward system",
        "organisation_ods": SURGERY_ODS,
        "scopes": EVERYTHING,
        **({} if "key_set_url" in changes else {"key_set": key_set()}),
        **changes,
    }
    return NewClient(**values)


def register(*, oauth_id: str = CLIENT, **changes: Any) -> UUID:
    """Register a system of the surgery and return its id."""
    client = new_client(oauth_id=oauth_id, **changes)
    return register_client(requester=operator(), client=client, now=timezone.now())


def requester(*, oauth_id: str = CLIENT, scopes: str = EVERYTHING) -> Requester:
    """Return who asks when a registered system does."""
    client = client_named(oauth_id=oauth_id)
    assert client is not None
    return client.requester(scopes=read_scopes(text=scopes))


def token_form(assertion: str | None = None, **changes: str) -> dict[str, str]:
    """Return what a system sends for a token, by default with a good assertion; what is changed to "" is left out."""
    form = {
        "grant_type": GRANT_TYPE,
        "scope": EVERYTHING,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed(claims(timezone.now())) if assertion is None else assertion,
        **changes,
    }
    return {name: value for name, value in form.items() if value}


def post_form(form: Mapping[str, str | list[str]], *, visitor: Client | None = None) -> Any:
    """Return the answer of the token endpoint to a form."""
    visitor = visitor or Client(headers={"host": "testserver"})
    body = urlencode(form, doseq=True)
    return visitor.post("/oauth/token", body, content_type="application/x-www-form-urlencoded")


def ask_for_token(assertion: str | None = None, **changes: str) -> Any:
    """Return the answer of the token endpoint."""
    return post_form(token_form(assertion, **changes))


def bearer(scope: str = EVERYTHING, **changes: Any) -> dict[str, str]:
    """Return the headers of a request by a system that has just got its token; `changes` are of its claims."""
    answer = ask_for_token(signed(claims(timezone.now(), **changes)), scope=scope)
    assert answer.status_code == 200, answer.content
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
