"""What a source proves itself with when it reports. This service seals it, so that a forged one costs no query.

A token names its source, and is good for that one's reports alone. Only a hash of it is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.core.signing import BadSignature, Signer

SALT = "longview.report-token"
MAX_TOKEN_LENGTH = 300
SECRET_BYTES = 24


@dataclass(frozen=True, kw_only=True)
class ReportKey:
    """What a token of ours says; whether it is still in force is for the database to say."""

    token_id: UUID
    source_id: UUID
    token_hash: str


def new_report_token(*, source_id: UUID) -> tuple[ReportKey, str]:
    """Return what a new token of a source says, and the token. Source: RFC 6750, 2.1, for its characters."""
    token_id = uuid4()
    text = _signer().sign_object([str(token_id), str(source_id), secrets.token_urlsafe(SECRET_BYTES)])
    return ReportKey(token_id=token_id, source_id=source_id, token_hash=_hash(text)), text


def read_report_token(*, text: str) -> ReportKey | None:
    """Return what a token says; None when this service did not make it."""
    if len(text) > MAX_TOKEN_LENGTH:
        return None
    try:
        token_id, source_id, _ = _signer().unsign_object(text)
        return ReportKey(token_id=UUID(token_id), source_id=UUID(source_id), token_hash=_hash(text))
    except (BadSignature, ValueError, TypeError, AttributeError):
        return None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _signer() -> Signer:
    # A colon, Django's separator, may not stand in a bearer token.
    return Signer(salt=SALT, sep=".", algorithm="sha256")
