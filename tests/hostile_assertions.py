"""Assertions that nobody may be let in by: each attack that is known, as a function of the time."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from joserfc.jwk import RSAKey

from tests.signing import AUDIENCE, CLIENT, claims, ec_key, encoded, rsa_key, signed

DAY_S = 86_400
Attack = Callable[[datetime], str]


def _with(**changes: Any) -> Attack:
    return lambda now: signed(claims(now, **changes))


def _at(**seconds: float) -> Attack:
    """Return an attack by times, given in seconds from now."""
    return lambda now: signed(
        claims(now, **{name: type(after)(int(now.timestamp()) + after) for name, after in seconds.items()})
    )


def _headed(**header: Any) -> Attack:
    return lambda now: signed(claims(now), header=header)


def _unsigned(now: datetime, *, algorithm: str = "none") -> str:
    header = {"alg": algorithm, "kid": rsa_key().kid, "typ": "JWT"}
    return f"{encoded(json.dumps(header))}.{encoded(json.dumps(claims(now)))}."


def _hmac_with_public_key(now: datetime, *, algorithm: str, digest: str) -> str:
    """Return a token whose HMAC is under the public key, as if that were a shared secret."""
    header = {"alg": algorithm, "kid": rsa_key().kid, "typ": "JWT"}
    signing_input = f"{encoded(json.dumps(header))}.{encoded(json.dumps(claims(now)))}"
    secret = rsa_key().as_pem(private=False)
    return f"{signing_input}.{encoded(hmac.new(secret, signing_input.encode(), digest).digest())}"


def _stranger() -> RSAKey:
    return rsa_key(name="a stranger's")


def _by_stranger(**header: Any) -> Attack:
    return lambda now: signed(claims(now), key=_stranger(), header=header)


def _raw_claims(text: Callable[[dict[str, Any]], str]) -> Attack:
    return lambda now: signed(text(claims(now)).encode())


def _twice(name: str, value: str) -> Callable[[dict[str, Any]], str]:
    return lambda good: json.dumps(good)[:-1] + f', "{name}": {value}}}'


def _spoiled(change: Callable[[str], str]) -> Attack:
    return lambda now: change(signed(claims(now)))


def _set(name: str, text: str) -> Attack:
    """Return an attack in which a claim is written as a text that json.dumps would not write."""
    return _raw_claims(lambda good: json.dumps({**good, name: "@"}).replace('"@"', text))


HOSTILE: dict[str, Attack] = {
    "no algorithm": _unsigned,
    "no algorithm, in capitals": lambda now: _unsigned(now, algorithm="NONE"),
    "algorithm left out": _headed(alg=None),
    "algorithm is a list": _headed(alg=["RS384"]),
    "HS256 with the public PEM": lambda now: _hmac_with_public_key(now, algorithm="HS256", digest="sha256"),
    "HS384 with the public PEM": lambda now: _hmac_with_public_key(now, algorithm="HS384", digest="sha384"),
    "RS256": _headed(alg="RS256"),
    "PS384": _headed(alg="PS384"),
    "ES384 over an RSA key": _headed(alg="ES384"),
    "RS384 over an EC key": lambda now: signed(claims(now), key=ec_key(), header={"alg": "RS384"}),
    "a key brought along": _by_stranger(jwk=rsa_key(name="a stranger's").as_dict(private=False), kid="mine"),
    "a key brought along under the client's name for its own": _by_stranger(
        jwk=rsa_key(name="a stranger's").as_dict(private=False), kid="rsa"
    ),
    "a stranger's jku": _by_stranger(jku="https://evil.example/keys", kid="rsa"),
    "a stranger's x5u": _by_stranger(x5u="https://evil.example/cert", kid="rsa"),
    "a jku that leads inside": _headed(jku="http://127.0.0.1/keys"),
    "a jku that is a list": _headed(jku=["https://evil.example/keys"]),
    "a certificate brought along": _headed(x5c=["MIIB"]),
    "an unknown kid": _headed(kid="another"),
    "no kid": _headed(kid=None),
    "a kid that is a number": _headed(kid=1),
    "a kid that is a path": _headed(kid="../../dev/null"),
    "a kid that is SQL": _headed(kid="' OR 1=1 --"),
    "signed by a stranger under the client's kid": _by_stranger(kid="rsa"),
    "crit": _headed(crit=["exp"], exp=1),
    "crit, empty": _headed(crit=[]),
    "b64 false": _headed(b64=False, crit=["b64"]),
    "b64 false, not critical": _headed(b64=False),
    "compressed": _headed(zip="DEF"),
    "a header named twice": lambda now: signed(
        claims(now), header='{"alg":"none","alg":"RS384","kid":"rsa","typ":"JWT"}'
    ),
    "a header that is a list": lambda now: signed(claims(now), header='["RS384"]'),
    "a header that is long": _headed(note="x" * 600),
    "a header 2,000 deep": lambda now: signed(
        claims(now), header='{"alg":"RS384","kid":"rsa","x":' + "[" * 2000 + "]" * 2000 + "}"
    ),
    "exp as text": lambda now: signed(claims(now, exp=str(int(now.timestamp()) + 60))),
    "exp with a fraction": _at(exp=60.5),
    "exp a float": _at(exp=60.0),
    "exp infinite": _set("exp", "1e999"),
    "exp Infinity": _set("exp", "Infinity"),
    "exp NaN": _set("exp", "NaN"),
    "exp true": _with(exp=True),
    "exp of 5,000 digits": _set("exp", "9" * 5000),
    "exp missing": _with(exp=None),
    "exp a list": _with(exp=[1]),
    "ten years": _at(exp=3650 * DAY_S),
    "ten years, and begun ten years ago": _at(iat=-3650 * DAY_S, exp=60),
    "301 seconds": _at(exp=301),
    "301 seconds, of which some are over": _at(iat=-101, exp=200),
    "expired": _at(iat=-600, exp=-300),
    "expired this second": _at(iat=-300, exp=0),
    "over before it began": _at(iat=100, exp=50),
    "not before a minute from now": _at(nbf=60),
    "nbf as text": _with(nbf="0"),
    "nbf null": _set("nbf", "null"),
    "made a minute from now": _at(iat=60, exp=200),
    "iat missing": _with(iat=None),
    "iat as text": _with(iat="0"),
    "aud a list": _with(aud=[AUDIENCE]),
    "aud a list of two": _with(aud=[AUDIENCE, "https://other.example"]),
    "aud another": _with(aud="https://other.example/oauth/token"),
    "aud the beginning of ours": _with(aud="http://testserver"),
    "aud with more behind ours": _with(aud=f"{AUDIENCE}/"),
    "aud in capitals": _with(aud=AUDIENCE.upper()),
    "aud missing": _with(aud=None),
    "aud an object": _with(aud={AUDIENCE: True}),
    "iss is not sub": _with(sub="another-system"),
    "sub missing": _with(sub=None),
    "sub a list": _with(sub=[CLIENT]),
    "iss missing": _with(iss=None),
    "iss a list": _with(iss=[CLIENT], sub=[CLIENT]),
    "iss in capitals": _with(iss=CLIENT.upper(), sub=CLIENT.upper()),
    "iss unknown": _with(iss="nobody", sub="nobody"),
    "iss with a null character": _with(iss="ward\x00system", sub="ward\x00system"),
    "iss with a lone surrogate": _set("iss", '"\\ud800"'),
    "jti missing": _with(jti=None),
    "jti empty": _with(jti=""),
    "jti a number": _with(jti=7),
    "jti huge": _with(jti="x" * 5000),
    "jti longer than an id": _with(jti="x" * 201),
    "a claim named twice": _raw_claims(_twice("sub", f'"{CLIENT}"')),
    "exp named twice": _raw_claims(_twice("exp", "99999999999")),
    "claims that are a list": lambda now: signed(json.dumps([claims(now)]).encode()),
    "claims that are no JSON": lambda now: signed(b"\xff\xfe{"),
    "claims that are empty": lambda now: signed(b""),
    "claims 2,000 deep": _set("x", "[" * 2000 + "]" * 2000),
    "claims 2,000 deep, one claim more": _raw_claims(_twice("x", "[" * 2000 + "]" * 2000)),
    "five parts, encrypted": _spoiled(lambda token: f"{token}.{encoded('a')}.{encoded('b')}"),
    "two parts": _spoiled(lambda token: token.rpartition(".")[0]),
    "no signature": _spoiled(lambda token: token.rpartition(".")[0] + "."),
    "a byte behind it": _spoiled(lambda token: token + "\n"),
    "a part behind it": _spoiled(lambda token: token + ".e30"),
    "padded": _spoiled(lambda token: token + "=="),
    "a space in it": _spoiled(lambda token: token.replace(".", " .", 1)),
    "the signature written another way": _spoiled(lambda token: _respelt(token)),
    "a signature that is cut": _spoiled(lambda token: token[:-8]),
    "a signature that is all zeros": _spoiled(lambda token: token.rpartition(".")[0] + "." + encoded(bytes(256))),
    "of characters that are no ASCII": lambda now: "é.é.é",
    "a megabyte": _with(x="x" * 1_000_000),
    "a megabyte of dots": lambda now: "." * 1_000_000,
    "no token at all": lambda now: "token",
    "the signed claims of another": lambda now: ".".join(
        [signed(claims(now)).split(".")[0], encoded(json.dumps(claims(now))), signed(claims(now)).split(".")[2]]
    ),
    "ES384 with a signature of zeros": lambda now: (
        signed(claims(now), key=ec_key()).rpartition(".")[0] + "." + encoded(bytes(96))
    ),
    "a digest in place of a signature": lambda now: ".".join(
        [*signed(claims(now)).split(".")[:2], encoded(hashlib.sha384(b"").digest())]
    ),
}


def _respelt(token: str) -> str:
    """Return a token whose last character says the same bytes in another way: its lowest bits are not read."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
