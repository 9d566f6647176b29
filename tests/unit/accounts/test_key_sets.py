"""A client's key set: which keys of it are used, and what refuses all of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey

from aggregator.accounts.key_fetching import FAILURE_KEPT_S, KEPT_S, PublishedKeys
from aggregator.accounts.key_sets import MAX_KEY_SET_BYTES, MAX_KEYS, KeySetFault, KeySetRefused, read_key_set
from tests.signing import ec_key, key_set, rsa_key

RSA: dict[str, Any] = dict(rsa_key().as_dict(private=False))
EC: dict[str, Any] = dict(ec_key().as_dict(private=False))


def body(*keys: object, **more: object) -> bytes:
    return json.dumps({"keys": list(keys), **more}).encode()


def fault_of(sent: bytes) -> KeySetFault:
    with pytest.raises(KeySetRefused) as refused:
        read_key_set(body=sent)
    return refused.value.fault


def test_keys_are_found_by_their_id_and_for_their_algorithm_only() -> None:
    keys = read_key_set(body=key_set().encode())
    assert set(keys.keys) == {"rsa", "ec"}
    assert keys.find(key_id="rsa", algorithm="RS384") is keys.keys["rsa"]
    assert keys.find(key_id="ec", algorithm="ES384") is keys.keys["ec"]
    assert keys.find(key_id="rsa", algorithm="ES384") is None
    assert keys.find(key_id="ec", algorithm="RS384") is None
    assert keys.find(key_id="another", algorithm="RS384") is None


@pytest.mark.parametrize(
    "other",
    [
        {**RSA, "use": "enc", "kid": "x"},
        {**RSA, "alg": "RS256", "kid": "x"},
        {**RSA, "key_ops": ["encrypt"], "kid": "x"},
        {**RSA, "key_ops": "verify", "kid": "x"},
        {**ECKey.generate_key("P-256").as_dict(private=False), "kid": "x"},
        {**OKPKey.generate_key("Ed25519").as_dict(private=False), "kid": "x"},
        {"kty": "unheard-of", "kid": "x"},
        {"kty": ["RSA"], "kid": "x"},
        {"kid": "x"},
    ],
    ids=lambda other: str(sorted(set(other) - {"n", "e", "x", "y"})),
)
def test_a_key_for_something_else_is_left_out(other: dict[str, Any]) -> None:
    assert set(read_key_set(body=body(RSA, other)).keys) == {"rsa"}
    assert fault_of(body(other)) is KeySetFault.NO_KEY


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (b"", "unreadable"),
        (b"<html>", "unreadable"),
        (b"\xff\xfe", "unreadable"),
        (b"[]", "unreadable"),
        (b"null", "unreadable"),
        (b"{}", "unreadable"),
        (b'{"keys": {}}', "unreadable"),
        (b'{"keys": [1]}', "unreadable"),
        (b'{"keys": [], "keys": []}', "unreadable"),
        (b'{"keys": ' + b"[" * 5000 + b"]" * 5000 + b"}", "unreadable"),
        (body(), "no-key"),
        (body(*[{**RSA, "kid": str(number)} for number in range(MAX_KEYS + 1)]), "too-large"),
        (body(*[{"kty": "EC"}] * 10_000), "too-large"),
        (body(RSA, padding="x" * MAX_KEY_SET_BYTES), "too-large"),
        (body(RSA, {**EC, "d": "AAAA"}), "secret"),
        (body(rsa_key().as_dict(private=True)), "secret"),
        (body(RSA, {"kty": "RSA", "d": 1, "use": "enc"}), "secret"),
        (body(RSA, dict(OctKey.generate_key(256).as_dict())), "secret"),
        (body(RSA, {"kty": "oct"}), "secret"),
        (body(rsa_key(1024, "weak").as_dict(private=False)), "weak"),
        (body({**RSA, "e": "AQ"}), "broken"),
        (body({**RSA, "n": "w" * 5000}), "weak"),
        (body({**RSA, "n": "w" * 1000}), "weak"),
        (body({**RSA, "e": "_" * 300}), "weak"),
        (body({**RSA, "n": 5}), "broken"),
        (body({**RSA, "n": "!"}), "broken"),
        (body({name: RSA[name] for name in ("kty", "kid", "e")}), "broken"),
        (body({**EC, "x": EC["y"]}), "broken"),
        (body({name: EC[name] for name in ("kty", "kid", "crv", "x")}), "broken"),
        (body({**RSA, "kid": ""}), "key-id"),
        (body({**RSA, "kid": 7}), "key-id"),
        (body({**RSA, "kid": "a\u0000"}), "key-id"),
        (body({**RSA, "kid": "x" * 201}), "key-id"),
        (body({name: RSA[name] for name in ("kty", "n", "e")}), "key-id"),
        (body(RSA, {**EC, "kid": "rsa"}), "key-id"),
    ],
)
def test_one_bad_key_refuses_the_set(sent: bytes, fault: str) -> None:
    assert fault_of(sent) == fault


def test_what_is_kept_of_a_set_is_its_numbers_and_ids() -> None:
    sent = body({**RSA, "x5u": "https://evil.example", "note": "x"}, EC)
    kept = read_key_set(body=sent).as_json()
    assert [sorted(key) for key in kept["keys"]] == [["e", "kid", "kty", "n"], ["crv", "kid", "kty", "x", "y"]]
    assert set(read_key_set(body=json.dumps(kept).encode()).keys) == {"rsa", "ec"}


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def served(*answers: Callable[[], bytes]) -> tuple[PublishedKeys, Clock, list[str]]:
    """Return key sets that are fetched from what answers one after the other, and the addresses that were asked."""
    clock, asked, left = Clock(), [], list(answers)

    def fetch(url: str) -> bytes:
        asked.append(url)
        return left.pop(0)()

    return PublishedKeys(fetch=fetch, clock=clock), clock, asked


def away() -> bytes:
    raise KeySetRefused(KeySetFault.UNREACHABLE)


def test_a_set_at_an_address_is_fetched_once_in_five_minutes() -> None:
    first, second = key_set(rsa_key()).encode(), key_set(ec_key()).encode()
    keys, clock, asked = served(lambda: first, lambda: second)
    assert set(keys.at(url="https://a.example").keys) == {"rsa"}
    clock.at = KEPT_S - 1
    assert set(keys.at(url="https://a.example").keys) == {"rsa"}
    clock.at = KEPT_S
    assert set(keys.at(url="https://a.example").keys) == {"ec"}
    assert asked == ["https://a.example"] * 2


def test_a_failure_is_kept_for_a_while_and_never_gives_the_keys_of_before() -> None:
    keys, clock, asked = served(lambda: key_set().encode(), away, lambda: b"<html>", lambda: key_set().encode())
    keys.at(url="https://a.example")
    clock.at = KEPT_S
    for fault in (KeySetFault.UNREACHABLE, KeySetFault.UNREADABLE):
        for _ in range(3):
            with pytest.raises(KeySetRefused) as refused:
                keys.at(url="https://a.example")
            assert refused.value.fault is fault
        clock.at += FAILURE_KEPT_S
    assert keys.at(url="https://a.example").keys
    assert len(asked) == 4


def test_each_address_has_its_own_keys() -> None:
    keys, _, _ = served(lambda: key_set(rsa_key()).encode(), lambda: key_set(ec_key()).encode())
    assert set(keys.at(url="https://a.example").keys) == {"rsa"}
    assert set(keys.at(url="https://b.example").keys) == {"ec"}
