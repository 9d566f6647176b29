"""Whether a client is who it says that it is: its signed assertion, read and verified. Pure.

Source: HL7 SMART App Launch 2.2, "Client Authentication: Asymmetric"; RFC 7523, 3; RFC 8725 (JWT Best Current
Practices). Stricter than these in what decides: one audience, whole seconds, and `iat`, so that a lifetime is stated.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from joserfc import jws

from aggregator.accounts import strict_json
from aggregator.accounts.key_sets import ALGORITHMS, KeySet

MAX_ASSERTION_LENGTH = 8192
MAX_LIFETIME_S = 300
# How far a client's clock may be ahead of ours.
CLOCKS_APART_S = 5
MAX_JTI_LENGTH = 200
_THREE_PARTS = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}", re.ASCII)
# Headers that bring a key, lead to one, or change what the rest means. None is ever followed.
_REFUSED_HEADERS = frozenset({"jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})


class AssertionFault(StrEnum):
    """Why a client's assertion is not accepted, for the audit: the client is told that it is not, and no more."""

    words: str

    def __new__(cls, value: str, words: str = "") -> AssertionFault:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    MISSING = "missing", "no assertion came, or one of another kind"
    UNREADABLE = "unreadable", "it is not a signed JSON Web Token"
    ALGORITHM = "algorithm", "its algorithm is not RS384 or ES384"
    HEADER = "header", "its header brings a key, leads to one, or asks for what is not understood"
    CLIENT = "client", "no such client is registered, or it has been ended"
    KEY_SET = "key-set", "the client's keys could not be fetched, or are not accepted"
    KEY = "key", "its key is not among the client's keys"
    SIGNATURE = "signature", "its signature is wrong"
    CLAIMS = "claims", "a claim is missing, or is not of its type"
    AUDIENCE = "audience", "it was made for another address"
    LIFETIME = "lifetime", "it has expired, is not valid yet, or is valid for too long"
    REPLAYED = "replayed", "it has been used before"


class AssertionRefused(Exception):
    """An assertion is not accepted; nothing of it is repeated."""

    def __init__(self, fault: AssertionFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """What an assertion says before anything of it is proved: who claims to have signed it, and how."""

    text: str
    issuer: str
    key_id: str
    algorithm: str
    key_set_url: str  # its `jku`, "" for none
    claims: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A verified assertion, which may be used once: by this id, until it expires."""

    jti: str
    expires_at: datetime


def read_assertion(*, text: str) -> Assertion:
    """Return what an assertion says, nothing of which is proved.

    Raises: AssertionRefused.
    """
    if not 0 < len(text) <= MAX_ASSERTION_LENGTH or not _THREE_PARTS.fullmatch(text):
        raise AssertionRefused(AssertionFault.UNREADABLE)
    encoded_header, encoded_claims, signature = text.split(".")
    try:
        header, claims = (strict_json.read_object(_decoded(part)) for part in (encoded_header, encoded_claims))
        _decoded(signature)
    except ValueError:
        raise AssertionRefused(AssertionFault.UNREADABLE) from None
    algorithm, key_id, key_set_url = header.get("alg"), header.get("kid"), header.get("jku", "")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise AssertionRefused(AssertionFault.ALGORITHM)
    if _REFUSED_HEADERS & set(header) or not isinstance(key_set_url, str):
        raise AssertionRefused(AssertionFault.HEADER)
    if not isinstance(key_id, str) or not key_id:
        raise AssertionRefused(AssertionFault.KEY)
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise AssertionRefused(AssertionFault.CLAIMS)
    return Assertion(
        text=text, issuer=issuer, key_id=key_id, algorithm=algorithm, key_set_url=key_set_url, claims=claims
    )


def verify(
    *, assertion: Assertion, oauth_id: str, keys: KeySet, key_set_url: str, audience: str, now: datetime
) -> Proof:
    """Return the proof that the client of this id, whose keys these are, signed an assertion for us and for now.

    `key_set_url` is the address that the client registered, "" for none: a `jku` may say the same and nothing else.
    Raises: AssertionRefused.
    """
    if assertion.issuer != oauth_id:
        raise AssertionRefused(AssertionFault.CLIENT)
    if assertion.key_set_url and assertion.key_set_url != key_set_url:
        raise AssertionRefused(AssertionFault.HEADER)
    key = keys.find(key_id=assertion.key_id, algorithm=assertion.algorithm)
    if key is None:
        raise AssertionRefused(AssertionFault.KEY)
    try:
        jws.deserialize_compact(assertion.text, key, algorithms=[assertion.algorithm])
    except Exception:  # noqa: BLE001  a library reads what a stranger sent: whatever it finds, nothing is proved
        raise AssertionRefused(AssertionFault.SIGNATURE) from None
    return _proof(assertion, audience=audience, now_s=int(now.timestamp()), now=now)


def _proof(assertion: Assertion, *, audience: str, now_s: int, now: datetime) -> Proof:
    claims = assertion.claims
    jti = claims.get("jti")
    if claims.get("sub") != assertion.issuer or not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH:
        raise AssertionRefused(AssertionFault.CLAIMS)
    if claims.get("aud") != audience:
        raise AssertionRefused(AssertionFault.AUDIENCE)
    issued, expires = _seconds(claims.get("iat")), _seconds(claims.get("exp"))
    begins = _seconds(claims["nbf"]) if "nbf" in claims else issued
    latest_begin = now_s + CLOCKS_APART_S
    if not now_s < expires <= now_s + MAX_LIFETIME_S or not 0 < expires - issued <= MAX_LIFETIME_S:
        raise AssertionRefused(AssertionFault.LIFETIME)
    if issued > latest_begin or begins > latest_begin:
        raise AssertionRefused(AssertionFault.LIFETIME)
    return Proof(jti=jti, expires_at=datetime.fromtimestamp(expires, tz=now.tzinfo))


def _seconds(claim: object) -> int:
    """Return a claim that is a time, in whole seconds since 1970."""
    if not isinstance(claim, int) or isinstance(claim, bool):
        raise AssertionRefused(AssertionFault.CLAIMS)
    return claim


def _decoded(part: str) -> bytes:
    """Return what a part of a token encodes.

    Raises: ValueError also where the same bytes are written in another way than the usual one.
    """
    decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        raise ValueError("not encoded as usual")
    return decoded
