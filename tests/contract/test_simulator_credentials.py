"""A simulated source that asks who is calling, encrypts, or goes by another name, as a connector meets it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from joserfc import jwk, jwt

from connectors.contract.errors import Refused, SourceError, Unreachable
from connectors.contract.outcomes import Reason
from connectors.contract.values import Identifier, Reply
from simulator.certificates import make_authority
from simulator.smart_tokens import ASSERTION_TYPE, BadRequest, TokenGiver, token_giver
from tests.contract.loopback import ask, run
from tests.signing import ec_key, rsa_key
from tests.unit.simulator.served import region_folder, story

ROYAL, PAGED = "thornmere-royal", "harrowdale-community"
CLIENT, SCOPE = "longview", "system/*.rs"
AUDIENCE = "https://hospital.example/token"
SMART = {"auth": "smart", "client_id": CLIENT, "key_secret": "a-name"}


@contextmanager
def served(source: str, *options: str | Path) -> Iterator[str]:
    """Run a source of the region as a process; its base address."""
    command = [sys.executable, "-m", "simulator", "serve", "--kind", "fhir_r4", "--port", "0", "--latency-ms", "0"]
    with subprocess.Popen(
        [*command, "--folder", region_folder() / source, *options], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("ready ").strip()
        finally:
            process.terminate()


def fetch(source: str, base: str, *, options: Mapping[str, str], secrets: Mapping[str, Path]) -> Reply:
    described = json.loads((region_folder() / source / "source.json").read_text())
    who = story("two-doses")["sources"][source]
    identifiers = (Identifier(system=described["identifier_system"], value=who),)
    return run(ask(kind="fhir_r4", base=base, identifiers=identifiers, options=options, secrets=secrets))


def failure(source: str, base: str, **known: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        fetch(source, base, **known)
    return caught.value


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in (ec_key(), rsa_key())]}))
    return path


def private(folder: Path, key: Any) -> Path:
    path = folder / f"private-{key.kid}"
    path.write_text(json.dumps(key.as_dict(private=True)))
    return path


# Tokens


@pytest.mark.parametrize("key", [ec_key(), rsa_key()])
def test_a_registered_client_is_given_a_token_and_answered(tmp_path: Path, keys: Path, key: Any) -> None:
    with served(ROYAL, "--client-id", CLIENT, "--client-keys", keys) as base:
        reply = fetch(ROYAL, base, options=SMART, secrets={"key_secret": private(tmp_path, key)})
        assert len(reply.items) > 20
        assert reply.in_part is None


def test_anybody_else_is_not(tmp_path: Path, keys: Path) -> None:
    with served(ROYAL, "--client-id", CLIENT, "--client-keys", keys) as base:
        stranger = {"key_secret": private(tmp_path, ec_key(name="stranger"))}
        own = {"key_secret": private(tmp_path, ec_key())}
        unknown = {**SMART, "client_id": "somebody-else"}
        for fault in (
            failure(ROYAL, base, options={}, secrets={}),
            failure(ROYAL, base, options=unknown, secrets=own),
            failure(ROYAL, base, options=SMART, secrets=stranger),
        ):
            assert (type(fault), fault.reason) == (Refused, Reason.CREDENTIALS)


def test_what_it_is_can_be_read_without_a_token(keys: Path) -> None:
    async def statuses(base: str) -> list[int]:
        found = []
        async with aiohttp.ClientSession() as session:
            for path in ("metadata", ".well-known/smart-configuration", "Patient?identifier=1"):
                async with session.get(f"{base}/{path}") as answer:
                    found.append(answer.status)
        return found

    with served(ROYAL, "--client-id", CLIENT, "--client-keys", keys) as base:
        assert asyncio.run(statuses(base)) == [200, 200, 401]


NOW = time.time()


def form(**changes: Any) -> dict[str, str]:
    """Return a good request for a token; `claims` of its assertion are changed too, and left out where None."""
    claims = {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": AUDIENCE,
        "exp": int(NOW) + 240,
        "jti": "one",
        **changes.pop("claims", {}),
    }
    key = changes.pop("key", ec_key())
    header = {"alg": changes.pop("alg", "ES384"), "kid": key.kid}
    payload = {name: value for name, value in claims.items() if value is not None}
    assertion = jwt.encode(header, payload, key, algorithms=[header["alg"]])
    made = {
        "grant_type": "client_credentials",
        "scope": SCOPE,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    return {**made, **changes}


def giver() -> TokenGiver:
    return TokenGiver(client_id=CLIENT, keys=jwk.KeySet([ec_key(), rsa_key()]))


def test_a_token_is_good_until_it_is_over() -> None:
    made = giver()
    token = made.token(form=form(), audience=AUDIENCE, now=NOW)["access_token"]
    assert made.accepts(authorization=f"Bearer {token}", now=NOW + 299)
    assert not made.accepts(authorization=f"Bearer {token}", now=NOW + 301)
    for other in ("", "Bearer ", f"Basic {token}", "Bearer another"):
        assert not made.accepts(authorization=other, now=NOW)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "system/*.rs user/*.rs"}, "invalid_scope"),
        ({"client_assertion_type": "other"}, "invalid_request"),
        ({"client_assertion": ""}, "invalid_client"),
        ({"client_assertion": "a.b.c"}, "invalid_client"),
        ({"key": "stranger"}, "invalid_client"),
        ({"key": "rsa", "alg": "RS256"}, "invalid_client"),
        ({"claims": {"iss": "other"}}, "invalid_client"),
        ({"claims": {"sub": None}}, "invalid_client"),
        ({"claims": {"aud": "https://other.example/token"}}, "invalid_client"),
        ({"claims": {"exp": int(NOW) - 1}}, "invalid_client"),
        ({"claims": {"exp": int(NOW) + 3600}}, "invalid_client"),
        ({"claims": {"exp": None}}, "invalid_client"),
        ({"claims": {"jti": None}}, "invalid_client"),
    ],
)
def test_a_request_for_a_token_is_checked_as_the_specification_says(changes: dict[str, Any], error: str) -> None:
    made = giver()
    keys = {"stranger": ec_key(name="stranger"), "rsa": rsa_key()}
    changed = {name: keys[value] if name == "key" else value for name, value in changes.items()}
    with pytest.raises(BadRequest) as caught:
        made.token(form=form(**changed), audience=AUDIENCE, now=NOW)
    assert str(caught.value) == error
    assert not made.given


def test_an_assertion_counts_once() -> None:
    made, asked = giver(), form()
    made.token(form=asked, audience=AUDIENCE, now=NOW)
    with pytest.raises(BadRequest):
        made.token(form=asked, audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": [{"kty": "none"}]}'])
def test_keys_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"JWK|Expecting"):
        token_giver(client_id=CLIENT, keys=path)


# Certificates


def test_it_encrypts_and_asks_for_a_certificate_of_its_own_authority(tmp_path: Path) -> None:
    authority, other = make_authority(tmp_path), make_authority(tmp_path, name="other")
    options = {"tls_secret": "a-name", "ca_secret": "a-name"}
    own = {"tls_secret": authority.client, "ca_secret": authority.trusted}
    with served(ROYAL, "--certificate", authority.server, "--client-authority", authority.trusted) as base:
        assert base.startswith("https://")
        assert len(fetch(ROYAL, base, options=options, secrets=own).items) > 20
        strangers = {**own, "tls_secret": other.client}
        for secrets in (strangers, {"ca_secret": authority.trusted}):
            known = {name: options[name] for name in secrets}
            assert isinstance(failure(ROYAL, base, options=known, secrets=secrets), Unreachable)
        fault = failure(ROYAL, base, options=options, secrets={**own, "ca_secret": other.trusted})
        assert fault.reason is Reason.TLS


# Another name


def test_it_goes_by_another_name_in_its_links() -> None:
    name = "https://records.harrowdale.example/fhir/R4"
    with served(PAGED, "--public-base", name) as base:
        whole = fetch(PAGED, base, options={"public_base": name}, secrets={})
        assert whole.in_part is None
    with served(PAGED) as base:
        plain = fetch(PAGED, base, options={}, secrets={})
    assert {json.loads(item.resource)["id"] for item in whole.items} == {
        json.loads(item.resource)["id"] for item in plain.items
    }


@pytest.mark.parametrize(
    "wrong",
    [
        ["--client-id", "x"],
        ["--client-keys", "x"],
        ["--client-authority", "x"],
        ["--client-id", "x", "--client-keys", "/nowhere"],
        ["--kind", "gp_connect", "--public-base", "https://x.example"],
    ],
)
def test_options_that_do_not_belong_together_are_refused(wrong: list[str]) -> None:
    command = [sys.executable, "-m", "simulator", "serve", "--kind", "fhir_r4", "--port", "0", "--folder"]
    ended = subprocess.run(
        [*command, str(region_folder() / ROYAL), *wrong], capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("simulator: ")
    assert len(ended.stderr.splitlines()) == 1
