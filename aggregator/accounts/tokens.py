"""Access tokens of registered clients: sealed by this service, so that a forged one costs no query.

A token names its client, which is read again at each call: when a client is ended, so are its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.core.signing import BadSignature, Signer

from aggregator.accounts.scopes import Scopes, read_scopes
from aggregator.errors import Invalid

TOKEN_PATH = "/oauth/token"  # noqa: S105  a path
LIFETIME_S = 300
MAX_TOKEN_LENGTH = 4096
SALT = "longview.access-token"
SCHEME = "bearer"


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """What a token of ours says. `token_id` is its own, for the audit."""

    token_id: UUID
    client_id: UUID
    scopes: Scopes
    expires_at: datetime


def token_address() -> str:
    """Return where tokens are given out, from the settings: an assertion must be made for this address."""
    return f"{settings.PUBLIC_URL.rstrip('/')}{TOKEN_PATH}"


def new_token(*, client_id: UUID, scopes: Scopes, now: datetime) -> AccessToken:
    """Return what a new token of a client says."""
    return AccessToken(
        token_id=uuid4(), client_id=client_id, scopes=scopes, expires_at=now + timedelta(seconds=LIFETIME_S)
    )


def seal(*, token: AccessToken) -> str:
    """Return a token as it is sent. Source: RFC 6750, 2.1, for its characters."""
    said = [str(token.token_id), str(token.client_id), str(token.scopes), int(token.expires_at.timestamp())]
    return _signer().sign_object(said)


def read_token(*, text: str, now: datetime) -> AccessToken | None:
    """Return what a token says; None when this service did not make it, or it has expired."""
    if len(text) > MAX_TOKEN_LENGTH:
        return None
    try:
        token_id, client_id, scopes, expires_s = _signer().unsign_object(text)
        token = AccessToken(
            token_id=UUID(token_id),
            client_id=UUID(client_id),
            scopes=read_scopes(text=scopes),
            expires_at=datetime.fromtimestamp(expires_s, tz=UTC),
        )
    except (BadSignature, Invalid, ValueError, TypeError):
        return None
    return token if now < token.expires_at else None


def bearer_token(*, authorization: str) -> str | None:
    """Return the token in an Authorization header; None where it brings none. Source: RFC 6750, 2.1."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == SCHEME else None


def _signer() -> Signer:
    # A colon, Django's separator, may not stand in a bearer token.
    return Signer(salt=SALT, sep=".", algorithm="sha256")
