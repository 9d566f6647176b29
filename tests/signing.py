"""What a client signs its assertions with: keys, key sets and tokens, good ones and all others."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

AUDIENCE = "http://testserver/oauth/token"
CLIENT = "ward-system"
Header = Mapping[str, Any]


@cache
def rsa_key(bits: int = 2048, name: str = "rsa") -> RSAKey:
    """Return an RSA key pair, the same for the same name."""
    return RSAKey.generate_key(bits, parameters={"kid": name})


@cache
def ec_key(curve: str = "P-384", name: str = "ec") -> ECKey:
    """Return an EC key pair, the same for the same name."""
    return ECKey.generate_key(curve, parameters={"kid": name})


def key_set(*keys: RSAKey | ECKey) -> str:
    """Return a JWK Set of the public keys, by default of one of each kind."""
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys or (rsa_key(), ec_key())]})


def claims(now: datetime, **changes: Any) -> dict[str, Any]:
    """Return the claims of a good assertion, with changes; one that is changed to None is left out."""
    at = int(now.timestamp())
    made = {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": AUDIENCE,
        "iat": at,
        "exp": at + 300,
        "jti": secrets.token_hex(8),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def encoded(part: bytes | str) -> str:
    """Return bytes as they stand in a token."""
    body = part.encode() if isinstance(part, str) else part
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def signed(
    payload: Mapping[str, Any] | bytes, *, key: RSAKey | ECKey | None = None, header: Header | str | None = None
) -> str:
    """Return a token over a payload, signed as the algorithm of the key wants it, whatever its header says.

    `header` changes the usual one, or is its text.
    """
    key = key or rsa_key()
    algorithm = "RS384" if isinstance(key, RSAKey) else "ES384"
    usual = {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    text = header if isinstance(header, str) else json.dumps(_changed(usual, header or {}))
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return sealed(f"{encoded(text)}.{encoded(body)}", key=key, algorithm=algorithm)


def sealed(signing_input: str, *, key: RSAKey | ECKey, algorithm: str) -> str:
    """Return a signing input with its signature."""
    signature = jws.JWSRegistry.algorithms[algorithm].sign(signing_input.encode(), key)
    return f"{signing_input}.{encoded(signature)}"


def with_a_bad_signature(token: str) -> str:
    """Return a token whose signature is not what it was, where it has one."""
    before, dot, signature = token.rpartition(".")
    return f"{before}{dot}{encoded(b'x' * max(1, len(signature) * 3 // 4))}"


def _changed(usual: Mapping[str, Any], changes: Header) -> dict[str, Any]:
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}
