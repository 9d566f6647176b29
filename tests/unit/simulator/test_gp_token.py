"""What a practice makes of the headers and the token of a question."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from simulator.gp_errors import SpineError
from simulator.gp_token import INTERACTION, check_headers, check_token
from tests.unit.simulator.served import claims, token

BASE = "http://127.0.0.1:1/X99001/STU3/1/gpconnect/structured/fhir"
NOW = 1_790_000_000
MEDIA = "application/fhir+json;charset=utf-8"
HEADERS = {
    "Accept": MEDIA,
    "Content-Type": MEDIA,
    "Ssp-TraceID": str(uuid.UUID(int=7)),
    "Ssp-From": "999000000001",
    "Ssp-To": "999000000101",
    "Ssp-InteractionID": INTERACTION,
}
Change = Callable[[dict[str, Any]], object]


def check(authorization: str) -> None:
    check_token(authorization=authorization, base_url=BASE, now=NOW)


def test_a_question_by_the_specification_passes() -> None:
    assert check_headers(headers=HEADERS, asid="999000000101") == HEADERS["Ssp-TraceID"]
    check(f"Bearer {token(claims(base=BASE, now=NOW))}")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Accept", "application/json", "BAD_REQUEST"),
        ("Content-Type", "text/plain", "BAD_REQUEST"),
        ("Ssp-TraceID", "", "BAD_REQUEST"),
        ("Ssp-TraceID", "seven", "BAD_REQUEST"),
        ("Ssp-From", "", "BAD_REQUEST"),
        ("Ssp-To", "", "BAD_REQUEST"),
        ("Ssp-To", "999000000102", "ASID_CHECK_FAILED"),
        ("Ssp-InteractionID", "", "BAD_REQUEST"),
        ("Ssp-InteractionID", "urn:other", "PARTYKEY_INTERACTION_CHECK_FAILED"),
    ],
)
def test_a_header_that_is_wrong_is_refused(name: str, value: str, code: str) -> None:
    with pytest.raises(SpineError) as refused:
        check_headers(headers={**HEADERS, name: value}, asid="999000000101")
    assert refused.value.code == code


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held.pop("iss"),
        lambda held: held.pop("sub"),
        lambda held: held.update(sub="another"),
        lambda held: held.update(aud="https://elsewhere.example"),
        lambda held: held.update(exp=NOW + 299),
        lambda held: held.update(iat=float(NOW)),
        lambda held: held.update(iat=NOW - 900, exp=NOW - 600),
        lambda held: held.update(iat=NOW + 900, exp=NOW + 1200),
        lambda held: held.update(reason_for_request="research"),
        lambda held: held.update(requested_scope="organization/*.read"),
        lambda held: held.pop("requesting_device"),
        lambda held: held["requesting_device"].pop("version"),
        lambda held: held["requesting_organization"].pop("identifier"),
        lambda held: held["requesting_organization"].update(identifier=[{"system": "urn:x", "value": "1"}]),
        lambda held: held["requesting_practitioner"].update(
            identifier=held["requesting_practitioner"]["identifier"][:2]
        ),
        lambda held: held["requesting_practitioner"].update(resourceType="Device"),
    ],
)
def test_a_claim_that_is_wrong_is_refused(change: Change) -> None:
    held = claims(base=BASE, now=NOW)
    change(held)
    with pytest.raises(SpineError) as refused:
        check(f"Bearer {token(held)}")
    assert (refused.value.code, refused.value.status) == ("BAD_REQUEST", 400)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic dTpw",
        "Bearer one.two",
        f"Bearer {token(claims(base=BASE, now=NOW), signature='c2ln')}",
        f"Bearer {token(claims(base=BASE, now=NOW), header={'alg': 'HS256', 'typ': 'JWT'})}",
        f"Bearer {token(claims(base=BASE, now=NOW))[:-1]}",
        "Bearer %%%.%%%.",
    ],
)
def test_a_token_of_another_shape_is_refused(authorization: str) -> None:
    with pytest.raises(SpineError):
        check(authorization)
