"""Give a registered client an access token, against an assertion that it has signed.

Source: HL7 SMART App Launch 2.2, "Backend Services"; RFC 6749, 4.4 and 5.2; RFC 7523.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import redis

from aggregator.accounts.assertions import AssertionFault, AssertionRefused, read_assertion, verify
from aggregator.accounts.clients import OAUTH_ID, RegisteredClient
from aggregator.accounts.key_sets import KeySetRefused
from aggregator.accounts.once import use_once
from aggregator.accounts.queries import live_client_named
from aggregator.accounts.requester import anonymous
from aggregator.accounts.scopes import Scopes, invalid_scope, read_scopes
from aggregator.accounts.tokens import LIFETIME_S, new_token, seal, token_address
from aggregator.acting import Act, Needs, acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid, NotPermitted, TooMany

GRANT_TYPE = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RETRY_AFTER_S = 5


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """What a client sends, unread; "" for what it does not send, or sends more than once."""

    grant_type: str
    assertion_type: str
    assertion: str
    client_id: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """A token as it is sent, what it is for, and for how many seconds."""

    text: str
    scopes: Scopes
    lifetime_s: int


def issue_token(*, request: TokenRequest, now: datetime) -> IssuedToken:
    """Return a token for a client that proves who it is, within what it is registered for.

    Raises: Invalid, `invalid-request`, `unsupported-grant-type` or `invalid-scope`; NotPermitted, `invalid-client`,
    with the same words whatever is at fault; TooMany, `temporarily-unavailable`, while nobody can know whether the
    assertion has been used before.
    """
    with acting(anonymous(), Action.ISSUE_TOKEN, needs=Needs.NOTHING) as act:
        act.about_nothing_single()
        try:
            client = _proven_client(request, act=act, now=now)
        except AssertionRefused as refused:
            act.note(why=refused.fault)
            raise NotPermitted("The client could not be authenticated.", code="invalid-client") from None
        if not request.grant_type:
            raise Invalid("The grant type is missing.", code="invalid-request")
        if request.grant_type != GRANT_TYPE:
            raise Invalid("Only client_credentials is granted here.", code="unsupported-grant-type")
        asked = read_scopes(text=request.scope)
        if not client.scopes.includes(asked):
            raise invalid_scope("The client is not registered for all of these scopes.")
        token = new_token(client_id=client.id, scopes=asked, now=now)
        act.note(token=token.token_id, scopes=str(asked))
        return IssuedToken(text=seal(token=token), scopes=asked, lifetime_s=LIFETIME_S)


def _proven_client(request: TokenRequest, *, act: Act, now: datetime) -> RegisteredClient:
    """Return the client that signed the assertion, which is used up with that.

    Raises: AssertionRefused; TooMany.
    """
    if request.assertion_type != ASSERTION_TYPE or not request.assertion:
        raise AssertionRefused(AssertionFault.MISSING)
    assertion = read_assertion(text=request.assertion)
    is_id = OAUTH_ID.fullmatch(assertion.issuer) is not None
    client = live_client_named(oauth_id=assertion.issuer, now=now) if is_id else None
    if client is None or (request.client_id and request.client_id != client.oauth_id):
        raise AssertionRefused(AssertionFault.CLIENT)
    act.note(claimed=client.id)
    try:
        keys = client.keys()
    except KeySetRefused:
        raise AssertionRefused(AssertionFault.KEY_SET) from None
    proof = verify(
        assertion=assertion,
        oauth_id=client.oauth_id,
        keys=keys,
        key_set_url=client.key_set_url,
        audience=token_address(),
        now=now,
    )
    try:
        is_first = use_once(client_id=client.id, jti=proof.jti, expires_at=proof.expires_at, now=now)
    except redis.RedisError:
        words = "Tokens cannot be given out just now. Try again shortly, with the same assertion or another."
        raise TooMany(words, code="temporarily-unavailable", retry_after_s=RETRY_AFTER_S) from None
    if not is_first:
        raise AssertionRefused(AssertionFault.REPLAYED)
    act.identify(requester=client.requester(scopes=client.scopes))
    return client
