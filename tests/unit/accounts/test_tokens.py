"""Access tokens: what they say, until when, and that nobody else can make one."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import signing

from aggregator.accounts.scopes import read_scopes
from aggregator.accounts.tokens import LIFETIME_S, SALT, bearer_token, new_token, read_token, seal
from tests.factories import NOW

SCOPES = read_scopes(text="system/Patient.r system/Observation.rs")


def test_a_token_says_whose_it_is_and_for_what_and_for_five_minutes() -> None:
    token = new_token(client_id=uuid4(), scopes=SCOPES, now=NOW)
    text = seal(token=token)
    assert re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", text)
    assert read_token(text=text, now=NOW) == token
    assert read_token(text=text, now=NOW + timedelta(seconds=LIFETIME_S - 1)) == token
    assert read_token(text=text, now=NOW + timedelta(seconds=LIFETIME_S)) is None


def test_no_two_tokens_are_the_same() -> None:
    client_id = uuid4()
    assert len({seal(token=new_token(client_id=client_id, scopes=SCOPES, now=NOW)) for _ in range(10)}) == 10


def test_one_that_is_changed_at_any_place_is_none() -> None:
    text = seal(token=new_token(client_id=uuid4(), scopes=SCOPES, now=NOW))
    for place, character in enumerate(text):
        changed = f"{text[:place]}{'A' if character != 'A' else 'B'}{text[place + 1 :]}"
        assert read_token(text=changed, now=NOW) is None, place


@pytest.mark.parametrize("text", ["", ".", "a.b", "a.b.c", "é", "x" * 5000, "\x00", "null"])
def test_what_is_no_token_is_none(text: str) -> None:
    assert read_token(text=text, now=NOW) is None


@pytest.mark.parametrize(
    "said", [[], {}, None, ["a", "b", "c", 1], [str(uuid4()), str(uuid4()), "system/*.read", 9_999_999_999]]
)
def test_what_this_service_signed_for_something_else_is_no_token(said: object) -> None:
    assert read_token(text=signing.Signer(salt=SALT, sep=".").sign_object(said), now=NOW) is None
    good = [str(uuid4()), str(uuid4()), "system/*.rs", int(NOW.timestamp()) + 60]
    assert read_token(text=signing.Signer(salt="longview.live", sep=".").sign_object(good), now=NOW) is None
    assert read_token(text=signing.Signer(salt=SALT, sep=".", algorithm="sha256").sign_object(good), now=NOW)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("BEARER abc", "abc"),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("", None),
        ("Basic abc", None),
        ("Bearerabc", None),
    ],
)
def test_a_token_is_taken_from_a_bearer_s_header_only(header: str, token: str | None) -> None:
    assert bearer_token(authorization=header) == token
