"""A source that asks who is calling is told so: by a fixed token, by SMART Backend Services, by a certificate."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jwt

from connectors.contract.errors import Malformed, NoCredentials, Refused, SourceError, TimedOut, Unreachable
from connectors.contract.outcomes import Reason
from connectors.contract.values import CheckedSource, Reply, SourceAddress
from connectors.credentials import OAUTH_URIS, TokenKeeper, send_with_credentials
from connectors.fhir_r4.connector import FhirR4
from connectors.promises.serving import LOOPBACK, serving
from connectors.transport.channels import LoopChannels
from connectors.transport.client import HttpTransport
from simulator.certificates import Authority, make_authority
from tests.contract.loopback import CORRELATION, ask, fhir_json, query, run
from tests.contract.test_connectors_fetch import Hospital, ids
from tests.signing import ec_key, rsa_key

CLIENT_ID = "longview-at-example"
JSON = "application/json"


class Authorised(Hospital):
    """A hospital that answers only to a token, which it gives by SMART Backend Services or has given beforehand."""

    def __init__(self, *, header: str = "Authorization", accepted: str = "", **answer: Any) -> None:
        super().__init__()
        self.header = header
        self.accepted = accepted
        self.answer = answer
        self.forms: list[dict[str, list[str]]] = []
        self.given = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/fhir/.well-known/smart-configuration":
            return web.json_response({"token_endpoint": f"http://{request.host}/token"})
        if request.path == "/token":
            self.forms.append(parse_qs(await request.text()))
            self.given += 1
            self.accepted = f"Bearer token-{self.given}"
            made = {"access_token": f"token-{self.given}", "token_type": "Bearer", "expires_in": 300}
            return web.json_response({**made, **self.answer})
        if request.headers.get(self.header) != self.accepted:
            return fhir_json({"resourceType": "OperationOutcome", "issue": []}, status=401)
        return await super().__call__(request)


def secret(folder: Path, text: str | bytes) -> Path:
    path = folder / "secret"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def fetch(handler: Any, *, options: Mapping[str, str], secrets: Mapping[str, Path], seconds: float = 5.0) -> Reply:
    async def work() -> Reply:
        async with serving(handler) as base:
            return await ask(kind="fhir_r4", base=base, options=options, secrets=secrets, seconds=seconds)

    return run(work())


def failure(handler: Any, *, options: Mapping[str, str], secrets: Mapping[str, Path]) -> SourceError:
    with pytest.raises(SourceError) as caught:
        fetch(handler, options=options, secrets=secrets, seconds=2.0)
    return caught.value


# A fixed token


@pytest.mark.parametrize(
    ("header", "accepted", "options"),
    [("Authorization", "Bearer s3cret", {}), ("apikey", "s3cret", {"token_header": "apikey"})],
)
def test_a_fixed_token_is_carried_by_every_request(
    tmp_path: Path, header: str, accepted: str, options: Mapping[str, str]
) -> None:
    hospital = Authorised(header=header, accepted=accepted)
    secrets = {"token_secret": secret(tmp_path, "s3cret\n")}
    reply = fetch(hospital, options={"auth": "token", **options}, secrets=secrets)
    assert ids(reply.items) == ["a1", "o1"]
    assert {headers[header] for headers in hospital.headers} == {accepted}


def test_without_it_or_with_another_the_source_refuses(tmp_path: Path) -> None:
    hospital = Authorised(accepted="Bearer s3cret")
    assert failure(hospital, options={}, secrets={}).reason is Reason.CREDENTIALS
    wrong = {"token_secret": secret(tmp_path, "other")}
    refused = failure(hospital, options={"auth": "token"}, secrets=wrong)
    assert (type(refused), refused.reason) == (Refused, Reason.CREDENTIALS)


class OpenStatement(Authorised):
    """A hospital that says what it can do to anybody, and answers nothing else without its token."""

    def __init__(self, *, refusal: int = 401) -> None:
        super().__init__(accepted="Bearer s3cret")
        self.refusal = refusal

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/fhir/metadata":
            return await Hospital.__call__(self, request)
        if request.headers.get("Authorization") != self.accepted:
            return fhir_json({"resourceType": "OperationOutcome", "issue": []}, status=self.refusal)
        if self.refusal >= 429 or self.refusal == 400:
            return web.Response(status=self.refusal)
        return await super().__call__(request)


def checked(handler: Any, *, secrets: Mapping[str, Path]) -> CheckedSource:
    async def work() -> CheckedSource:
        async with serving(handler) as base, LoopChannels(HttpTransport(reach=LOOPBACK)) as channels:
            address = SourceAddress(source_id="s1", base_url=base, options={"auth": "token"}, secrets=secrets)
            deadline = asyncio.get_running_loop().time() + 5.0
            return await FhirR4().check(source=address, channels=channels, deadline=deadline)

    return run(work())


@pytest.mark.parametrize("refusal", [401, 403])
def test_a_check_finds_that_a_token_is_not_accepted_also_where_the_statement_is_open(
    tmp_path: Path, refusal: int
) -> None:
    right, wrong = secret(tmp_path, "s3cret"), tmp_path / "wrong"
    wrong.write_text("other")
    assert checked(OpenStatement(refusal=refusal), secrets={"token_secret": right}).words.startswith("FHIR 4.0")
    with pytest.raises(Refused) as refused:
        checked(OpenStatement(refusal=refusal), secrets={"token_secret": wrong})
    assert refused.value.reason is Reason.CREDENTIALS


def test_a_check_names_nobody_and_takes_a_server_s_own_view_of_that_for_no_fault(tmp_path: Path) -> None:
    right = {"token_secret": secret(tmp_path, "s3cret")}
    picky = OpenStatement(refusal=400)
    assert checked(picky, secrets=right).words.startswith("FHIR 4.0")
    with pytest.raises(Unreachable):
        checked(OpenStatement(refusal=503), secrets=right)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"auth": "token"}, None),
        ({"auth": "token"}, ""),
        ({"auth": "token"}, "two words"),
        ({"auth": "token"}, "line\r\nX-Other: 1"),
        ({"auth": "token"}, b"\xff"),
        ({"auth": "token", "token_header": "X-A: b\r\nX-C"}, "good"),
        ({"auth": "tokn"}, "good"),
        ({"auth": "smart", "client_id": CLIENT_ID}, None),
        ({"auth": "smart", "client_id": CLIENT_ID, "token_url": "http://127.0.0.1:9/"}, "no key"),
        ({"auth": "smart", "client_id": CLIENT_ID, "token_url": "http://127.0.0.1:9/"}, '{"kty":"oct","k":"c2VjcmV0"}'),
    ],
    ids=str,
)
def test_where_we_cannot_say_who_asks_it_is_our_fault_and_nothing_is_asked(
    tmp_path: Path, options: Mapping[str, str], text: str | bytes | None
) -> None:
    hospital = Hospital()
    names = ("token_secret", "key_secret")
    secrets = {} if text is None else dict.fromkeys(names, secret(tmp_path, text))
    fault = failure(hospital, options=options, secrets=secrets)
    assert (type(fault), fault.reason) == (NoCredentials, Reason.NO_CREDENTIALS)
    assert [asked for asked in hospital.asked if "Patient" in asked] == []
    assert "good" not in str(fault)


# SMART Backend Services


def pem(key: Any) -> bytes:
    made: bytes = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made


SMART = {"auth": "smart", "client_id": CLIENT_ID}


@pytest.mark.parametrize(
    ("key", "is_pem", "algorithm"), [(rsa_key(), True, "RS384"), (ec_key(), True, "ES384"), (ec_key(), False, "ES384")]
)
def test_a_token_is_asked_for_with_a_signed_assertion_and_used_for_all_requests(
    tmp_path: Path, key: Any, is_pem: bool, algorithm: str
) -> None:
    hospital = Authorised()
    written = pem(key) if is_pem else json.dumps(key.as_dict(private=True))
    reply = fetch(hospital, options={**SMART, "key_id": "k1"}, secrets={"key_secret": secret(tmp_path, written)})
    assert ids(reply.items) == ["a1", "o1"]
    (form,) = hospital.forms
    assert form["grant_type"] == ["client_credentials"]
    assert form["scope"] == ["system/*.rs"]
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    read = jwt.decode(form["client_assertion"][0], key, algorithms=[algorithm])
    claims = read.claims
    assert read.header == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert (claims["iss"], claims["sub"]) == (CLIENT_ID, CLIENT_ID)
    assert claims["aud"].endswith("/token")
    assert 0 < claims["exp"] - claims["iat"] <= 300
    assert 10 < time.time() - claims["iat"] < 60  # the server's clock may be behind ours
    assert 0 < claims["exp"] - time.time() <= 270  # and it takes none for longer than five minutes by it
    assert len(claims["jti"]) > 20


def test_a_token_serves_until_it_is_over_or_withdrawn_and_the_next_has_an_assertion_of_its_own(tmp_path: Path) -> None:
    hospital = Authorised()
    FhirR4().warm_up()

    async def work() -> None:
        async with serving(hospital) as base, LoopChannels(HttpTransport(reach=LOOPBACK)) as channels:
            secrets = {"key_secret": secret(tmp_path, pem(ec_key()))}
            source = SourceAddress(source_id="s", base_url=base, options=SMART, secrets=secrets)
            await asyncio.gather(*(FhirR4().ask(source=source, query=query(), channels=channels) for _ in range(3)))
            assert hospital.given == 1
            hospital.accepted = "Bearer withdrawn"
            await FhirR4().ask(source=source, query=query(), channels=channels)
            assert hospital.given == 2
            hospital.answer = {"expires_in": 0}
            hospital.accepted = "Bearer withdrawn"
            for _ in range(2):
                await FhirR4().ask(source=source, query=query(), channels=channels)
            assert hospital.given > 4

    run(work())
    assertions = [form["client_assertion"][0] for form in hospital.forms]
    assert len(set(assertions)) == len(assertions)


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ({"access_token": "a b"}, Malformed, Reason.TOKEN),
        ({"access_token": "x\r\nX-Other: 1"}, Malformed, Reason.TOKEN),
        ({"access_token": 7}, Malformed, Reason.TOKEN),
        ({"token_type": "mac"}, Malformed, Reason.TOKEN),
        ({"expires_in": "soon"}, Malformed, Reason.TOKEN),
    ],
)
def test_a_token_that_cannot_be_used_is_said_and_not_used(
    tmp_path: Path, answer: Mapping[str, Any], kind: type[SourceError], reason: Reason
) -> None:
    hospital = Authorised(**answer)
    fault = failure(hospital, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))})
    assert (type(fault), fault.reason) == (kind, reason)
    assert [asked for asked in hospital.asked if "Patient" in asked] == []


def answering(
    status: int = 200, body: bytes = b"{}", *, headers: Mapping[str, str] | None = None, pause: float = 0
) -> Any:
    """Return a server whose token endpoint answers so."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("smart-configuration"):
            return web.json_response({"token_endpoint": f"http://{request.host}/token"})
        await asyncio.sleep(pause)
        return web.Response(status=status, body=body, headers=headers, content_type=JSON)

    return handler


@pytest.mark.parametrize(
    ("handler", "kind", "reason"),
    [
        (answering(400, b'{"error":"invalid_client"}'), Refused, Reason.CREDENTIALS),
        (answering(401), Refused, Reason.CREDENTIALS),
        (answering(404), Malformed, Reason.TOKEN),
        (answering(500), Unreachable, Reason.STATUS),
        (answering(502), Unreachable, Reason.GATEWAY),
        (answering(503, headers={"Retry-After": "60"}), Unreachable, Reason.ASKED_TO_WAIT),
        (answering(200, b"<html>"), Malformed, Reason.TOKEN),
        (answering(200, b'{"access_token":"a","token_type":"bearer"'), Malformed, Reason.TOKEN),
        (answering(200, b"[" * 100_000), Malformed, Reason.TOKEN),
        (answering(302, headers={"Location": "http://127.0.0.1/"}), Malformed, Reason.REDIRECT),
        (answering(pause=5), TimedOut, None),
    ],
    ids=["invalid", "401", "404", "500", "502", "503", "page", "cut", "deep", "redirect", "slow"],
)
def test_a_token_endpoint_that_fails_is_named_for_what_it_did(
    tmp_path: Path, handler: Any, kind: type[SourceError], reason: Reason | None
) -> None:
    fault = failure(handler, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))})
    assert (type(fault), fault.reason) == (kind, reason)


def test_a_configuration_that_leads_inside_is_not_followed(tmp_path: Path) -> None:
    """T24: where tokens are given is an address that the source names."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"token_endpoint": "http://10.0.0.1/token"})

    fault = failure(handler, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))})
    assert (type(fault), fault.reason) == (Unreachable, Reason.ADDRESS)


def of_version_one(*, address: str, url: str = OAUTH_URIS) -> Any:
    """Return a hospital that says in its statement alone where tokens are given, as `address` of its host."""
    hospital = Authorised()

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("smart-configuration"):
            return web.Response(status=404)
        if request.path.endswith("/metadata") and "Authorization" not in request.headers:
            uris = [
                {"url": "register", "valueUri": "https://hospital.example/register"},
                {"url": "token", "valueUri": address.format(host=request.host)},
            ]
            security = {"extension": [{"url": "urn:other"}, {"url": url, "extension": uris}]}
            rest = [{"mode": "server"}, {"mode": "server", "security": security}]
            return fhir_json({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest})
        return await hospital(request)

    return handler


def test_where_tokens_are_given_may_stand_in_the_statement_alone(tmp_path: Path) -> None:
    secrets = {"key_secret": secret(tmp_path, pem(ec_key()))}
    reply = fetch(of_version_one(address="http://{host}/token"), options=SMART, secrets=secrets)
    assert ids(reply.items) == ["a1", "o1"]


@pytest.mark.parametrize(
    ("handler", "kind", "reason"),
    [
        (of_version_one(address="http://10.0.0.1/token"), Unreachable, Reason.ADDRESS),
        (of_version_one(address="ftp://{host}/token"), Malformed, Reason.TOKEN),
        (of_version_one(address=""), Malformed, Reason.TOKEN),
        (of_version_one(address="http://{host}/token", url="urn:another"), Malformed, Reason.TOKEN),
    ],
    ids=["inside", "ftp", "empty", "unsaid"],
)
def test_a_statement_that_leads_to_no_token_is_said_to(
    tmp_path: Path, handler: Any, kind: type[SourceError], reason: Reason
) -> None:
    fault = failure(handler, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))})
    assert (type(fault), fault.reason) == (kind, reason)


# Certificates


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


def fetch_by_tls(*, context: ssl.SSLContext, secrets: Mapping[str, Path]) -> Reply:
    async def work() -> Reply:
        async with serving(Hospital(), tls=context) as base:
            return await ask(
                kind="fhir_r4", base=base, options=dict.fromkeys(secrets, "a-name"), secrets=secrets, seconds=5.0
            )

    return run(work())


def test_a_certificate_is_shown_to_a_source_that_asks_for_one(authority: Authority) -> None:
    context = authority.server_context(asks_for_client=True)
    secrets = {"tls_secret": authority.client, "ca_secret": authority.trusted}
    assert ids(fetch_by_tls(context=context, secrets=secrets).items) == ["a1", "o1"]
    with pytest.raises(Unreachable):  # TLS 1.3 says so after the handshake, which looks like a lost connection
        fetch_by_tls(context=context, secrets={"ca_secret": authority.trusted})


def test_a_source_is_judged_by_the_authorities_that_are_named(authority: Authority, tmp_path: Path) -> None:
    context = authority.server_context()
    assert ids(fetch_by_tls(context=context, secrets={"ca_secret": authority.trusted}).items) == ["a1", "o1"]
    for secrets in ({}, {"ca_secret": make_authority(tmp_path, name="another").trusted}):
        with pytest.raises(Unreachable) as caught:
            fetch_by_tls(context=context, secrets=secrets)
        assert caught.value.reason is Reason.TLS


@pytest.mark.parametrize("name", ["tls_secret", "ca_secret"])
def test_a_certificate_that_cannot_be_read_is_our_fault(authority: Authority, tmp_path: Path, name: str) -> None:
    with pytest.raises(NoCredentials):
        fetch_by_tls(context=authority.server_context(), secrets={name: secret(tmp_path, "no certificate")})
    with pytest.raises(NoCredentials):
        fetch_by_tls(context=authority.server_context(), secrets={name: tmp_path / "nothing"})


def test_a_key_that_has_a_password_is_our_fault_and_nobody_is_asked_for_it(
    authority: Authority, tmp_path: Path
) -> None:
    """In a process of its own, whose input stays open: OpenSSL would wait there for somebody to type."""
    certificate, _, key = authority.client.read_text().partition("-----BEGIN PRIVATE KEY")
    assert key
    locked = load_pem_private_key(f"-----BEGIN PRIVATE KEY{key}".encode(), password=None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    path = secret(tmp_path, certificate.encode() + locked)
    work = (
        "import sys; from pathlib import Path; from connectors.transport.tls import TlsContexts, TlsFiles\n"
        "try: TlsContexts().of(TlsFiles(own=Path(sys.argv[1]), trusted=None))\n"
        "except OSError: print('refused')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", work, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            process.wait(timeout=10)
        finally:
            process.kill()
        assert process.stdout is not None
        assert process.stdout.read() == "refused\n"
    with pytest.raises(NoCredentials):
        fetch_by_tls(context=authority.server_context(asks_for_client=True), secrets={"tls_secret": path})


def test_a_certificate_that_is_replaced_counts_with_the_next_request(tmp_path: Path) -> None:
    before, after = (make_authority(tmp_path, name=name) for name in ("before", "after"))
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(before.trusted.read_bytes())

    async def work() -> None:
        FhirR4().warm_up()
        async with (
            serving(Hospital(), tls=after.server_context()) as base,
            LoopChannels(HttpTransport(reach=LOOPBACK)) as channels,
        ):
            source = SourceAddress(
                source_id="s", base_url=base, options={"ca_secret": "a-name"}, secrets={"ca_secret": trusted}
            )
            with pytest.raises(Unreachable):
                await FhirR4().ask(source=source, query=query(), channels=channels)
            trusted.write_bytes(after.trusted.read_bytes())
            os.utime(trusted, ns=(1, 1))
            reply = await FhirR4().ask(source=source, query=query(), channels=channels)
            assert ids(reply.items) == ["a1", "o1"]

    run(work())


# Many requests at once, and a token endpoint that is slow


def test_many_requests_whose_token_was_withdrawn_are_each_sent_twice_and_no_more(tmp_path: Path) -> None:
    at_once = 12
    hospital = Authorised()
    refused = 0

    async def refusing(request: web.Request) -> web.StreamResponse:
        nonlocal refused
        if "Observation" not in request.path:
            return await hospital(request)
        refused += 1
        await asyncio.sleep(0.02)
        return web.Response(status=401)

    async def work() -> None:
        async with serving(refusing) as base, LoopChannels(HttpTransport(reach=LOOPBACK)) as channels:
            source = SourceAddress(
                source_id="s", base_url=base, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))}
            )

            async def send(path: str) -> int:
                answer = await send_with_credentials(
                    source=source,
                    channels=channels,
                    method="GET",
                    url=f"{base}/{path}",
                    headers={},
                    deadline=asyncio.get_running_loop().time() + 5,
                    correlation_id=CORRELATION,
                )
                return answer.status

            assert await send("metadata") == 200
            assert set(await asyncio.gather(*(send("Observation") for _ in range(at_once)))) == {401}

    run(work())
    assert refused <= 2 * at_once


def test_who_waits_for_a_token_that_another_asks_for_waits_no_longer_than_they_may(tmp_path: Path) -> None:
    async def work() -> float:
        async with serving(answering(pause=3)) as base, LoopChannels(HttpTransport(reach=LOOPBACK)) as channels:
            source = SourceAddress(
                source_id="s", base_url=base, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))}
            )
            patient, hurried = (
                asyncio.ensure_future(FhirR4().ask(source=source, query=query(seconds=seconds), channels=channels))
                for seconds in (5, 0.4)
            )
            began = asyncio.get_running_loop().time()
            with pytest.raises(TimedOut):
                await hurried
            took = asyncio.get_running_loop().time() - began
            patient.cancel()
            await asyncio.wait({patient})
            return took

    assert run(work()) < 1.5


def test_how_long_a_token_lasts_may_be_said_as_a_text(tmp_path: Path) -> None:
    hospital = Authorised(expires_in="3599")
    reply = fetch(hospital, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))})
    assert (ids(reply.items), hospital.given) == (["a1", "o1"], 1)


@pytest.mark.parametrize("lasts", ["", "soon", "1e3", "-1", "\u00b2", [300], True])
def test_a_token_that_does_not_say_how_long_it_lasts_is_not_used(tmp_path: Path, lasts: Any) -> None:
    fault = failure(
        Authorised(expires_in=lasts), options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))}
    )
    assert (type(fault), fault.reason) == (Malformed, Reason.TOKEN)


def test_a_token_that_lasts_for_some_seconds_serves_for_more_than_one_request(tmp_path: Path) -> None:
    hospital = Authorised(expires_in=8)
    reply = fetch(hospital, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))}, seconds=4.0)
    assert (ids(reply.items), hospital.given) == (["a1", "o1"], 1)


def test_a_token_endpoint_whose_address_cannot_be_read_is_no_fault_of_ours(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"token_endpoint": "https://[x/token"})

    fault = failure(handler, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))})
    assert (type(fault), fault.reason) == (Malformed, Reason.TOKEN)


# What a token is for


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize(
    ("scope", "left_out"),
    [
        ("system/Patient.rs system/Observation.rs", ["allergies", "medications"]),
        ("system/*.rs?_security=N", ["allergies", "history", "medications", "observations", "results"]),
        ("system/*.rs", []),
        ("https://hospital.example/.default", []),
        (None, []),
    ],
)
def test_what_a_token_does_not_cover_may_be_left_out_without_a_word_and_so_is_said(
    tmp_path: Path, scope: str | None, left_out: list[str], everything: bool
) -> None:
    hospital = Authorised(scope=scope)
    hospital.everything = everything
    reply = fetch(hospital, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))})
    assert ids(reply.items) == ["a1", "o1"]
    said = sorted({str(notice.category) for notice in reply.notices if "Our access" in notice.text})
    # What was asked for and refused has been said already.
    assert said == [name for name in left_out if everything or name != "medications"]
    assert all(notice.code == "incomplete" for notice in reply.notices if "Our access" in notice.text)


def test_what_a_token_was_for_is_known_when_it_has_been_dropped_for_anothers_request(tmp_path: Path) -> None:
    hospital = Authorised(scope="system/Patient.rs system/Observation.rs")

    async def work() -> str:
        async with serving(hospital) as base, LoopChannels(HttpTransport(reach=LOOPBACK)) as channels:
            secrets = {"key_secret": secret(tmp_path, pem(ec_key()))}
            source = SourceAddress(source_id="s", base_url=base, options=SMART, secrets=secrets)
            await FhirR4().ask(source=source, query=query(), channels=channels)
            keeper = channels.get(TokenKeeper)
            keeper.drop(source=source, token="token-1")
            return keeper.scope(source=source)

    assert run(work()) == "system/Patient.rs system/Observation.rs"


def test_a_token_that_ends_between_two_pages_costs_none_of_them(tmp_path: Path) -> None:
    hospital = Authorised()
    hospital.pages = 5

    async def forgetful(request: web.Request) -> web.StreamResponse:
        if request.query.get("page") == "3" and hospital.given == 1:
            hospital.accepted = "Bearer withdrawn"
        return await hospital(request)

    reply = fetch(forgetful, options=SMART, secrets={"key_secret": secret(tmp_path, pem(ec_key()))})
    assert (ids(reply.items), reply.in_part, hospital.given) == (["a1", "o1", "o2", "o3", "o4", "o5"], None, 2)
