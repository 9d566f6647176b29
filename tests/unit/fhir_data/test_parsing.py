"""What no model checks is checked, and numbers stay exact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from fhir_data.errors import UnreadableEntry
from fhir_data.parsing import read_entry
from tests import proofs
from tests.unit.fhir_data.test_splitting import RESOURCES


@given(RESOURCES)
@proofs.laws(examples=60)
def test_reading_gives_what_json_gives_or_a_reason(resource: dict[str, Any]) -> None:
    spelt = json.dumps(resource)
    found, reason = read(spelt.encode())
    assert reason in ("", "bad-text", "bad-number", "bad-document", "invalid")
    if not reason:
        assert json.loads(json.dumps(found, default=float)) == json.loads(spelt)


def read(entry: bytes) -> tuple[dict[str, Any], str]:
    """What an entry says, and why it may not be used."""
    try:
        return read_entry(entry=entry), ""
    except UnreadableEntry as refused:
        return {}, refused.fault


def test_numbers_are_exact() -> None:
    found = read_entry(entry=b'{"value":7.10,"count":3,"small":1e-7}')
    assert str(found["value"]) == "7.10"
    assert found == {"value": Decimal("7.10"), "count": 3, "small": Decimal("1e-7")}


@pytest.mark.parametrize("number", ["1" * 41, "0." + "1" * 40, "1e31", "1E+31", "1e-0031", "-Infinity", "1e000031"])
def test_a_monstrous_number_is_refused(number: str) -> None:
    with pytest.raises(UnreadableEntry) as caught:
        read_entry(entry=f'{{"a":{number}}}'.encode())
    assert caught.value.fault == "bad-number"


@pytest.mark.parametrize("number", ["1e30", "1e-30", "1e0000", "-0.0", "123456789012345678901234567890"])
def test_a_large_number_that_is_no_monster_is_read(number: str) -> None:
    assert read_entry(entry=f'{{"a":{number}}}'.encode())["a"] == Decimal(number)


@pytest.mark.parametrize(("depth", "fine"), [(62, True), (66, False), (900, False), (5_000, False)])
def test_depth_is_bounded_without_recursion(depth: int, fine: bool) -> None:
    entry = b'{"a":' * depth + b"1" + b"}" * depth
    if fine:
        assert read_entry(entry=entry)
        return
    with pytest.raises(UnreadableEntry) as caught:
        read_entry(entry=entry)
    assert caught.value.fault == "too-deep"


@pytest.mark.parametrize(
    "entry",
    [
        b'{"value":"abc","system":"https://EMISWeb/A82038"}',
        b'{"note":[{"text":"a \\\\u0000 b"}]}',
        b'{"content":[{"attachment":{"contentType":"text/plain","data":"aGVsbG8="}}]}',
        b'{"content":[{"attachment":{"contentType":"application/pdf","url":"https://x/y.pdf"}}]}',
        b'{"variant":[{"start":5,"end":9}]}',
        '{"text":"left‏right  𝒳"}'.encode(),
    ],
)
def test_what_only_looks_hostile_is_read(entry: bytes) -> None:
    assert read_entry(entry=entry) == json.loads(entry)
