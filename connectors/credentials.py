"""How a source is told who is asking: nothing, a fixed token, or a token by SMART Backend Services; and a certificate.

A source's options name the way and the secrets; a secret itself is a file, read anew for each request, so that one that
is replaced counts at once.

Source: HL7 SMART App Launch 2.2, "Backend Services"; RFC 6749, 5; RFC 7523, 3; RFC 8705 for certificates.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID, uuid4

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from connectors.addresses import joined
from connectors.contract.errors import Malformed, NoCredentials, Refused, TimedOut, Unreachable
from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Channels
from connectors.contract.values import SourceAddress
from connectors.transport.client import Answer, Follow, HttpTransport
from connectors.transport.limits import Allowance
from connectors.transport.retry import asked_to_wait_s
from connectors.transport.tls import TlsFiles

# The options of every kind that is asked by HTTP. One whose name ends in `_secret` names a secret.
TLS_OPTIONS: Mapping[str, str] = {
    "tls_secret": "the secret with our certificate and its key, as PEM: it is shown when connecting",
    "ca_secret": "the secret with the certificates, as PEM, by which the source's own is judged, in place of the usual",
}
TOKEN_OPTIONS: Mapping[str, str] = {
    "auth": "`none` (the default), `token` or `smart`",
    "token_secret": "with `token`: the secret with the token",
    "token_header": "with `token`: the header that carries it, such as `apikey`; default: Authorization, as a Bearer",
    "client_id": "with `smart`: the id under which we are registered",
    "key_secret": "with `smart`: the secret with our private key, as PEM or JWK (RSA, or EC P-384)",
    "key_id": "with `smart`: the key's `kid` in our published JWK Set; default: the JWK's own, or none",
    "token_url": "with `smart`: where tokens are given; default: as its `.well-known/smart-configuration` says",
    "scope": "with `smart`: what is asked for; default `system/*.rs`",
}
DEFAULT_SCOPE = "system/*.rs"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# An assertion is good from a little before now, for a server whose clock is behind ours, and never for more than five
# minutes after it. Source: HL7 SMART App Launch 2.2, "Backend Services", Authentication JWT Claims.
ASSERTION_S, CLOCKS_APART_S = 240, 30
# A token is not used in its last seconds, and never kept for longer than an hour, whatever is said of it.
SPARE_S, MOST_S, UNSAID_S = 10.0, 3600.0, 60.0
CONFIGURATION_S = 600.0
# Source: HL7 SMART App Launch 1.0, "Declaring support for OAuth2 endpoints".
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
MAX_SECRET_BYTES = 64 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_SECONDS = re.compile(r"[0-9]{1,9}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


@dataclass(frozen=True)
class _Kept:
    until: float  # a `loop.time()`
    token: str
    scope: str = ""  # what it is for, as far as that was said


class TokenKeeper:
    """The access tokens of one event loop, each fetched once and kept while it is good. A channel."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], _Kept] = {}
        self._scopes: dict[tuple[str, ...], str] = {}
        self._fetching: dict[tuple[str, ...], asyncio.Lock] = {}

    async def close(self) -> None:
        """Forget every token."""
        self._kept.clear()
        self._scopes.clear()

    async def token(
        self, *, source: SourceAddress, channels: Channels, deadline: float, correlation_id: UUID
    ) -> tuple[str, bool]:
        """Return an access token for a source, by SMART Backend Services, and whether it was kept from before.

        Raises: SourceError: what became of asking for it; NoCredentials.
        """
        key = _key_of(source)
        lock = self._fetching.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout_at(deadline):  # who asks for it now may have longer than we do
                await lock.acquire()
        except TimeoutError:
            raise TimedOut from None
        try:
            kept = self._kept.get(key)
            if kept is not None and kept.until > asyncio.get_running_loop().time():
                return kept.token, True
            asked = _Asked(source=source, channels=channels, deadline=deadline, correlation_id=correlation_id)
            fresh = await _fetch(asked)
            self._kept[key] = fresh
            self._scopes[key] = fresh.scope
            return fresh.token, False
        finally:
            lock.release()

    def scope(self, *, source: SourceAddress) -> str:
        """Return for what a source said that its last token is, which may be less than was asked for; "" where it did
        not say.

        Source: RFC 6749, 5.1 and 3.3.
        """
        return self._scopes.get(_key_of(source), "")  # also of one that was dropped meanwhile, for another's request

    def drop(self, *, source: SourceAddress, token: str) -> None:
        """Forget a token that its source did not accept, unless another has taken its place."""
        kept = self._kept.get(_key_of(source))
        if kept is not None and kept.token == token:
            del self._kept[_key_of(source)]


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the requests to a source carry."""

    headers: Mapping[str, str]
    tls: TlsFiles | None
    kept_token: str = ""  # the token, where it was kept from before: it may have been withdrawn


async def credentials_for(
    *, source: SourceAddress, channels: Channels, deadline: float, correlation_id: UUID
) -> Credentials:
    """Return what requests to a source carry.

    Raises: NoCredentials where a secret is missing or an option means nothing; the SourceError in which asking for a
    token ended.
    """
    tls = tls_of(source)
    way = source.options.get("auth", "none")
    if way == "none":
        return Credentials(headers={}, tls=tls)
    if way == "token":
        return Credentials(headers=_fixed_token(source), tls=tls)
    if way != "smart":
        raise NoCredentials(Reason.NO_CREDENTIALS)
    token, was_kept = await channels.get(TokenKeeper).token(
        source=source, channels=channels, deadline=deadline, correlation_id=correlation_id
    )
    headers = {"Authorization": f"Bearer {token}"}
    return Credentials(headers=headers, tls=tls, kept_token=token if was_kept else "")


async def send_with_credentials(
    *,
    source: SourceAddress,
    channels: Channels,
    method: str,
    url: str,
    headers: Mapping[str, str],
    deadline: float,
    correlation_id: UUID,
    body: bytes | None = None,
    allowance: Allowance | None = None,
    may_hedge: bool = False,
    follow: Follow | None = None,
) -> Answer:
    """Send a read to a source, saying who is asking; once more with a fresh token where a kept one is not accepted.

    `may_hedge` and `follow` are those of `HttpTransport.request`: whoever is led to is told who is asking.
    Raises: SourceError.
    """

    async def send() -> tuple[Answer, str]:
        credentials = await credentials_for(
            source=source, channels=channels, deadline=deadline, correlation_id=correlation_id
        )
        answer = await channels.get(HttpTransport).request(
            method=method,
            url=url,
            headers={**headers, **credentials.headers},
            body=body,
            source_id=source.source_id,
            deadline=deadline,
            correlation_id=correlation_id,
            repeatable=True,
            allowance=allowance,
            tls=credentials.tls,
            may_hedge=may_hedge,
            follow=follow,
        )
        return answer, credentials.kept_token

    answer, kept_token = await send()
    if answer.status == 401 and kept_token:
        channels.get(TokenKeeper).drop(source=source, token=kept_token)
        # Of many requests at once, one fetches the fresh token and the others find it kept.
        answer, _ = await send()
    return answer


def unavailable(answer: Answer, /) -> Unreachable | None:
    """Return what a status says that means "not now"; None for any other."""
    if answer.status in (429, 503):
        wait_s = asked_to_wait_s(headers=answer.headers, now=time.time())
        return Unreachable(Reason.STATUS) if wait_s is None else Unreachable(Reason.ASKED_TO_WAIT, wait_s=wait_s)
    if answer.status == 502:
        return Unreachable(Reason.GATEWAY)
    return Unreachable(Reason.STATUS) if answer.status >= 500 or answer.status in (408, 429) else None


def tls_of(source: SourceAddress, /) -> TlsFiles | None:
    """Return the certificates with which a source is connected to; None for the usual.

    Raises: NoCredentials.
    """
    names = [name for name in TLS_OPTIONS if source.options.get(name)]
    if not names:
        return None
    files = {name: _file(source, name) for name in names}
    return TlsFiles(own=files.get("tls_secret"), trusted=files.get("ca_secret"))


def _fixed_token(source: SourceAddress) -> Mapping[str, str]:
    token = _secret(source, "token_secret").strip()
    header = source.options.get("token_header", "")
    if not _TOKEN.fullmatch(token) or (header and not _HEADER.fullmatch(header)):
        raise NoCredentials(Reason.NO_CREDENTIALS)
    return {header: token} if header else {"Authorization": f"Bearer {token}"}


def _file(source: SourceAddress, option: str, /) -> Path:
    path = source.secrets.get(option)
    if path is None:
        raise NoCredentials(Reason.NO_CREDENTIALS)
    return path


def _secret(source: SourceAddress, option: str, /) -> str:
    try:
        with _file(source, option).open("rb") as file:
            return file.read(MAX_SECRET_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError):
        raise NoCredentials(Reason.NO_CREDENTIALS) from None


# SMART Backend Services


@dataclass(frozen=True, kw_only=True)
class _Asked:
    source: SourceAddress
    channels: Channels
    deadline: float
    correlation_id: UUID

    async def send(self, *, url: str, form: Mapping[str, str] | None = None) -> Answer:
        headers = {"Accept": "application/json"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return await self.channels.get(HttpTransport).request(
            method="GET" if form is None else "POST",
            url=url,
            headers=headers,
            body=None if form is None else urlencode(form).encode(),
            source_id=self.source.source_id,
            deadline=self.deadline,
            correlation_id=self.correlation_id,
            repeatable=form is None,  # an assertion counts once
            tls=tls_of(self.source),
        )


class _Configuration(msgspec.Struct):
    token_endpoint: str = ""


class _Uri(msgspec.Struct):
    url: str = ""
    value: str = msgspec.field(name="valueUri", default="")


class _Extension(msgspec.Struct):
    url: str = ""
    extension: list[_Uri] = []


class _Security(msgspec.Struct):
    extension: list[_Extension] = []


class _Rest(msgspec.Struct):
    security: _Security | None = None


class _Statement(msgspec.Struct):
    """What of a CapabilityStatement says where tokens are given."""

    rest: list[_Rest] = []

    @property
    def token_endpoint(self) -> str:
        """Return the address, "" where it does not say."""
        extensions = (each for rest in self.rest if rest.security for each in rest.security.extension)
        uris = (uri for each in extensions if each.url == OAUTH_URIS for uri in each.extension)
        return next((uri.value for uri in uris if uri.url == "token"), "")


class _Token(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: float | str | None = None  # RFC 6749 has a number; Azure AD's first version sends it as a text
    scope: str | None = None


def _key_of(source: SourceAddress, /) -> tuple[str, ...]:
    return (source.source_id, source.base_url, *(source.options.get(name, "") for name in TOKEN_OPTIONS))


async def _fetch(asked: _Asked, /) -> _Kept:
    """Ask for a token.

    Raises: SourceError.
    """
    key = _own_key(asked.source)
    url = asked.source.options.get("token_url") or await _token_endpoint(asked)
    form = {
        "grant_type": "client_credentials",
        "scope": asked.source.options.get("scope") or DEFAULT_SCOPE,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": _assertion(asked.source, key=key, audience=url),
    }
    began_at = asyncio.get_running_loop().time()
    answer = await asked.send(url=url, form=form)
    if answer.status in (400, 401, 403):
        raise Refused(Reason.CREDENTIALS)
    token = _read(_expected(answer).body, _Token)
    if token.token_type.lower() != "bearer" or not _TOKEN.fullmatch(token.access_token):
        raise Malformed(Reason.TOKEN)
    lasts_s = _lasts_s(token)
    until = began_at + lasts_s - min(SPARE_S, lasts_s / 2)
    return _Kept(until=until, token=token.access_token, scope=token.scope or "")


def _lasts_s(token: _Token, /) -> float:
    """Return for how long a token may be kept, in seconds.

    Raises: Malformed `token` for a text that is no number of seconds.
    """
    said = token.expires_in
    if isinstance(said, str):
        if not _SECONDS.fullmatch(said):
            raise Malformed(Reason.TOKEN)
        said = float(said)
    return UNSAID_S if said is None else min(said, MOST_S)


async def _token_endpoint(asked: _Asked, /) -> str:
    base = asked.source.base_url.rstrip("/")
    transport, key = asked.channels.get(HttpTransport), f"smart {base}"
    if isinstance(known := transport.recall(key=key), str):
        return known
    answer = await asked.send(url=f"{base}/.well-known/smart-configuration")
    if answer.status in (404, 410):  # the first version of SMART App Launch has it in the statement
        said = _read(_expected(await asked.send(url=f"{base}/metadata")).body, _Statement).token_endpoint
    else:
        said = _read(_expected(answer).body, _Configuration).token_endpoint
    endpoint = joined(address=said, to=f"{base}/") if said else ""
    if not endpoint.startswith(("https://", "http://")):
        raise Malformed(Reason.TOKEN)
    transport.remember(key=key, value=endpoint, seconds=CONFIGURATION_S)
    return endpoint


def _expected(answer: Answer, /) -> Answer:
    """Return an answer of success.

    Raises: the SourceError that another status stands for.
    """
    if answer.status == 200:
        return answer
    raise unavailable(answer) or Malformed(Reason.TOKEN)


ReadT = TypeVar("ReadT", _Configuration, _Statement, _Token)


def _read(body: bytes, shape: type[ReadT], /) -> ReadT:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeError):
        raise Malformed(Reason.TOKEN) from None


def _own_key(source: SourceAddress, /) -> jwk.RSAKey | jwk.ECKey:
    """Return the private key with which we say that it is we who ask.

    Raises: NoCredentials.
    """
    text = _secret(source, "key_secret")
    try:
        key = jwk.import_key(json.loads(text)) if text.lstrip().startswith("{") else _pem_key(text)
    except (JoseError, UnsupportedAlgorithm, ValueError, KeyError, TypeError):
        raise NoCredentials(Reason.NO_CREDENTIALS) from None
    if not isinstance(key, jwk.RSAKey | jwk.ECKey) or not key.is_private:
        raise NoCredentials(Reason.NO_CREDENTIALS)
    return key


def _assertion(source: SourceAddress, /, *, key: jwk.RSAKey | jwk.ECKey, audience: str) -> str:
    """Return a signed statement that it is we who ask, good for one request.

    Raises: NoCredentials for a key of too few bits or another curve.
    """
    now = int(time.time())
    client_id = source.options.get("client_id", "")
    algorithm = "RS384" if isinstance(key, jwk.RSAKey) else "ES384"
    key_id = source.options.get("key_id") or key.kid
    header = {"alg": algorithm, "typ": "JWT", **({"kid": key_id} if key_id else {})}
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now - CLOCKS_APART_S,
        "exp": now + ASSERTION_S,
        "jti": str(uuid4()),
    }
    try:
        return jwt.encode(header, claims, key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError):
        raise NoCredentials(Reason.NO_CREDENTIALS) from None


def _pem_key(text: str, /) -> jwk.Key:
    """Return a private key of either kind. Raises: ValueError, TypeError for what is none, or has a password."""
    key = load_pem_private_key(text.encode(), password=None)
    return jwk.import_key(text, "RSA" if isinstance(key, RSAPrivateKey) else "EC")
