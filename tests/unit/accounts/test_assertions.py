"""A client's assertion: what is accepted, and every attack that is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from joserfc.jwk import ECKey, RSAKey

from aggregator.accounts.assertions import AssertionFault, AssertionRefused, Proof, read_assertion, verify
from aggregator.accounts.key_sets import read_key_set
from tests.factories import NOW
from tests.hostile_assertions import HOSTILE
from tests.signing import AUDIENCE, CLIENT, claims, ec_key, key_set, rsa_key, signed, with_a_bad_signature

KEYS = read_key_set(body=key_set().encode())
ADDRESS = "https://ward.example/keys"


def proof_of(text: str, *, key_set_url: str = "") -> Proof:
    assertion = read_assertion(text=text)
    return verify(assertion=assertion, oauth_id=CLIENT, keys=KEYS, key_set_url=key_set_url, audience=AUDIENCE, now=NOW)


def fault_of(text: str, *, key_set_url: str = "") -> AssertionFault:
    with pytest.raises(AssertionRefused) as refused:
        proof_of(text, key_set_url=key_set_url)
    return refused.value.fault


@pytest.mark.parametrize("key", [rsa_key(), ec_key()], ids=["RS384", "ES384"])
def test_a_good_one_is_proved_and_says_until_when_its_id_counts(key: RSAKey | ECKey) -> None:
    proof = proof_of(signed(claims(NOW, jti="once"), key=key))
    assert proof == Proof(jti="once", expires_at=NOW + timedelta(seconds=300))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_attack_is_let_in_whether_its_signature_holds_or_not(name: str) -> None:
    text = HOSTILE[name](NOW)
    assert isinstance(fault_of(text), AssertionFault)
    assert isinstance(fault_of(with_a_bad_signature(text)), AssertionFault)


def test_an_attack_is_refused_for_what_it_tries() -> None:
    """One that is refused for another reason would hide a hole."""
    expected = {
        "no algorithm": "unreadable",
        "HS256 with the public PEM": "algorithm",
        "RS256": "algorithm",
        "ES384 over an RSA key": "key",
        "a key brought along under the client's name for its own": "header",
        "a stranger's jku": "header",
        "a stranger's x5u": "header",
        "a jku that leads inside": "header",
        "crit, empty": "header",
        "b64 false, not critical": "header",
        "an unknown kid": "key",
        "no kid": "key",
        "signed by a stranger under the client's kid": "signature",
        "a header named twice": "unreadable",
        "a header 2,000 deep": "unreadable",
        "exp as text": "claims",
        "exp a float": "claims",
        "exp true": "claims",
        "exp infinite": "claims",
        "exp Infinity": "unreadable",
        "ten years": "lifetime",
        "301 seconds": "lifetime",
        "301 seconds, of which some are over": "lifetime",
        "expired this second": "lifetime",
        "not before a minute from now": "lifetime",
        "made a minute from now": "lifetime",
        "iat missing": "claims",
        "aud a list": "audience",
        "aud the beginning of ours": "audience",
        "iss is not sub": "claims",
        "jti missing": "claims",
        "jti longer than an id": "claims",
        "exp named twice": "unreadable",
        "claims 2,000 deep": "unreadable",
        "a byte behind it": "unreadable",
        "the signature written another way": "unreadable",
        "a megabyte": "unreadable",
    }
    assert {name: str(fault_of(HOSTILE[name](NOW))) for name in expected} == expected


def test_a_claim_that_is_changed_after_signing_is_found_out() -> None:
    header, _, signature = signed(claims(NOW)).split(".")
    _, other_claims, _ = signed(claims(NOW)).split(".")
    assert fault_of(f"{header}.{other_claims}.{signature}") is AssertionFault.SIGNATURE


def test_the_registered_address_may_stand_in_the_header_and_is_not_followed() -> None:
    text = signed(claims(NOW), header={"jku": ADDRESS})
    assert proof_of(text, key_set_url=ADDRESS).jti
    assert fault_of(text, key_set_url=f"{ADDRESS}/") is AssertionFault.HEADER


@pytest.mark.parametrize(
    ("iat", "exp", "is_accepted"),
    [(0, 1, True), (0, 300, True), (-299, 1, True), (5, 300, True), (6, 300, False), (-300, 1, False), (0, 301, False)],
)
def test_the_bounds_of_its_life_are_exact(iat: int, exp: int, is_accepted: bool) -> None:
    at = int(NOW.timestamp())
    text = signed(claims(NOW, iat=at + iat, exp=at + exp))
    if is_accepted:
        assert proof_of(text).expires_at == NOW + timedelta(seconds=exp)
    else:
        assert fault_of(text) is AssertionFault.LIFETIME


def test_nothing_that_is_refused_is_repeated() -> None:
    for attack in HOSTILE.values():
        with pytest.raises(AssertionRefused) as refused:
            proof_of(attack(NOW))
        assert str(refused.value) in set(AssertionFault)
        assert refused.value.__cause__ is None
