"""The public keys of a client: a JSON Web Key Set, checked. Pure.

Source: RFC 7517 and 7518; HL7 SMART App Launch 2.2, "Client Authentication: Asymmetric": RS384 and ES384.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeGuard

from joserfc.jwk import ECKey, RSAKey

from aggregator.accounts import strict_json

MAX_KEY_SET_BYTES = 64 * 1024
MAX_KEYS = 20
MAX_KEY_ID_LENGTH = 200
# Shorter ones can be broken; longer ones cost whoever verifies, and anybody may ask for that.
RSA_BITS = (2048, 4096)
MAX_RSA_EXPONENT = 2**32
_EC_CURVE = "P-384"
# Members that only a private or a symmetric key has (RFC 7518, 6.2.2, 6.3.2, 6.4.1).
_SECRETS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ALGORITHM_OF = {"RSA": "RS384", "EC": "ES384"}
ALGORITHMS = frozenset(_ALGORITHM_OF.values())

PublicKey = RSAKey | ECKey


class KeySetFault(StrEnum):
    """Why a client's key set is not accepted. `words` say it to whoever registers the client."""

    words: str

    def __new__(cls, value: str, words: str = "") -> KeySetFault:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    UNREACHABLE = "unreachable", "It could not be fetched from its address."
    TOO_LARGE = "too-large", f"It is larger than {MAX_KEY_SET_BYTES // 1024} KiB or has more than {MAX_KEYS} keys."
    UNREADABLE = "unreadable", 'It is not a JSON Web Key Set: an object with a list of "keys".'
    SECRET = (
        "secret",
        "It holds a private or a symmetric key. Send public keys only, and replace the one that was sent.",
    )
    WEAK = "weak", f"It holds an RSA key of fewer than {RSA_BITS[0]} or more than {RSA_BITS[1]} bits."
    BROKEN = "broken", "It holds a key that cannot be read."
    KEY_ID = "key-id", 'A key has no usable "kid", or two have the same.'
    NO_KEY = "no-key", "It holds no key for RS384 (RSA) or ES384 (the curve P-384)."


class KeySetRefused(Exception):
    """A key set is not accepted. `fault` says why; nothing of the set is repeated."""

    def __init__(self, fault: KeySetFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True, kw_only=True)
class KeySet:
    """Keys that signatures are verified with, by their `kid`."""

    keys: Mapping[str, PublicKey]

    def find(self, *, key_id: str, algorithm: str) -> PublicKey | None:
        """Return the key of this id, if it is one for the algorithm."""
        key = self.keys.get(key_id)
        return key if key is not None and _ALGORITHM_OF[key.key_type] == algorithm else None

    def thumbprints(self) -> dict[str, str]:
        """Return what each key is known by, whatever id it was given: a hash of its numbers. Source: RFC 7638."""
        return {key_id: key.thumbprint() for key_id, key in self.keys.items()}

    def as_json(self) -> dict[str, Any]:
        """Return these keys as a JWK Set, by their numbers and ids alone."""
        return {"keys": [{**key.as_dict(private=False), "kid": key_id} for key_id, key in self.keys.items()]}


def read_key_set(*, body: bytes) -> KeySet:
    """Return the keys for signatures in a JWK Set. One bad key refuses the set; keys for something else are left out.

    Raises: KeySetRefused.
    """
    if len(body) > MAX_KEY_SET_BYTES:
        raise KeySetRefused(KeySetFault.TOO_LARGE)
    try:
        listed = strict_json.read_object(body).get("keys")
    except ValueError:
        raise KeySetRefused(KeySetFault.UNREADABLE) from None
    if not isinstance(listed, list) or not all(isinstance(key, dict) for key in listed):
        raise KeySetRefused(KeySetFault.UNREADABLE)
    if len(listed) > MAX_KEYS:
        raise KeySetRefused(KeySetFault.TOO_LARGE)
    if any(_SECRETS & set(key) or key.get("kty") == "oct" for key in listed):
        raise KeySetRefused(KeySetFault.SECRET)
    keys: dict[str, PublicKey] = {}
    for key in filter(_is_for_signatures, listed):
        key_id = key.get("kid")
        if not _is_key_id(key_id) or key_id in keys:
            raise KeySetRefused(KeySetFault.KEY_ID)
        keys[key_id] = _read_key(key)
    if not keys:
        raise KeySetRefused(KeySetFault.NO_KEY)
    return KeySet(keys=keys)


def _is_key_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_KEY_ID_LENGTH and value.isprintable()


def _is_for_signatures(key: dict[str, Any]) -> bool:
    """Return whether a key is one that a client may sign with, by what it says of itself."""
    kind, operations = key.get("kty"), key.get("key_ops", ["verify"])
    if not isinstance(kind, str) or kind not in _ALGORITHM_OF or (kind == "EC" and key.get("crv") != _EC_CURVE):
        return False
    if key.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return False
    return bool(key.get("alg", _ALGORITHM_OF[kind]) == _ALGORITHM_OF[kind])


def _read_key(key: dict[str, Any]) -> PublicKey:
    """Return a public key by its numbers alone: what else a key says of itself leads nowhere."""
    try:
        if key["kty"] == "EC":
            return ECKey.import_key({name: key[name] for name in ("kty", "crv", "x", "y")})
        numbers = {name: key[name] for name in ("kty", "n", "e")}
        if len(numbers["n"]) > MAX_KEY_SET_BYTES // MAX_KEYS:
            raise KeySetRefused(KeySetFault.WEAK)
        read = RSAKey.import_key(numbers)
        modulus = read.public_key.key_size
        exponent = read.public_key.public_numbers().e
    except KeySetRefused:
        raise
    except Exception:  # noqa: BLE001  a library reads what a stranger sent
        raise KeySetRefused(KeySetFault.BROKEN) from None
    if not RSA_BITS[0] <= modulus <= RSA_BITS[1] or not 3 <= exponent < MAX_RSA_EXPONENT:
        raise KeySetRefused(KeySetFault.WEAK)
    return read
