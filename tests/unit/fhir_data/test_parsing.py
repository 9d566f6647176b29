"""What no model checks is checked, and numbers stay exact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from fhir_data.errors import UnreadableEntry
from fhir_data.flaws import Flaw, FlawReason, hides_a_label
from fhir_data.limits import MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_LIST_ITEMS, MAX_STRING_CHARACTERS
from fhir_data.parsing import misread_places, parse_entry, read_by_member, read_entry
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


@pytest.mark.parametrize(
    ("depth", "fine"),
    [(62, True), (MAX_DEPTH, True), (MAX_DEPTH + 1, False), (66, False), (900, False), (5_000, False)],
)
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


PDF, PNG = "JVBERi0xLjQ=", "iVBORw0KGgo="
LARGEST_DOCUMENT = MAX_DOCUMENT_BYTES * 4 // 3 // 4 * 4 + 4  # in base64, whose length is a multiple of four


def attached(**members: Any) -> dict[str, Any]:
    return {"content": [{"attachment": members}]}


def fault_of(resource: dict[str, Any]) -> tuple[str, str]:
    """Why a resource may not be used, and which field is at fault; ("", "") where it may."""
    try:
        read_entry(entry=json.dumps(resource).encode())
    except UnreadableEntry as refused:
        return refused.fault, refused.detail
    return "", ""


@pytest.mark.parametrize(
    ("resource", "fault", "detail"),
    [
        (attached(contentType="application/pdf", data=PDF), "", ""),
        (attached(contentType="application/pdf", data=PNG), "bad-document", "contentType"),
        (attached(contentType=" Application/PDF ; charset=x", data=PDF), "", ""),
        (attached(contentType=" Application/PDF ; charset=x", data=PNG), "bad-document", "contentType"),
        (attached(contentType="image/png", data=PNG), "", ""),
        (attached(contentType="x;application/pdf", data=PNG), "", ""),
        (attached(contentType=7, data=PNG), "", ""),
        (attached(data=PNG), "", ""),
        (attached(data="a"), "bad-document", "data"),
        # Space may stand in base64, by the expression that FHIR gives for it.
        (attached(data="aGVs\nbG8="), "", ""),
        (attached(data=" aGVs\r\n\tbG8=\n"), "", ""),
        (attached(data="aGVs\u00a0bG8="), "bad-document", "data"),
        (attached(data="aGVs\x0bbG8="), "bad-document", "data"),
        (attached(contentType="application/pdf", data=f"{PDF[:4]}\n{PDF[4:]}"), "", ""),
        (attached(contentType="application/pdf", data=f"{PNG[:4]}\n{PNG[4:]}"), "bad-document", "contentType"),
        (attached(data="é"), "bad-document", "data"),
        ({"resourceType": "Binary", "content": "a"}, "bad-document", "data"),
        ({"resourceType": "Basic", "content": "a"}, "", ""),
        ({"resourceType": "Binary", "other": "a"}, "", ""),
        (attached(contentType="text/html", url=" JavaScript:x"), "bad-document", "url"),
        (attached(contentType="text/html", url="https://a.example/javascript:"), "", ""),
        (attached(contentType="text/html", title="javascript:x"), "", ""),
        ({"url": "javascript:x"}, "", ""),
    ],
)
def test_a_document_is_what_it_says_and_runs_nothing(resource: dict[str, Any], fault: str, detail: str) -> None:
    assert fault_of(resource) == (fault, detail)


@pytest.mark.parametrize(
    ("resource", "fault", "detail"),
    [
        (attached(data="A" * LARGEST_DOCUMENT), "", ""),
        (attached(data="A" * (LARGEST_DOCUMENT + 4)), "bad-document", "data"),
        ({"a": "x" * MAX_STRING_CHARACTERS}, "", ""),
        ({"a": "x" * (MAX_STRING_CHARACTERS + 1)}, "too-large", ""),
        ({"a": ["x" * MAX_STRING_CHARACTERS]}, "", ""),
        ({"a": ["x" * (MAX_STRING_CHARACTERS + 1)]}, "too-large", ""),
        ({"a": [0] * MAX_LIST_ITEMS}, "", ""),
        ({"a": [0] * (MAX_LIST_ITEMS + 1)}, "too-large", ""),
        ({"a": int("1" * 40)}, "", ""),
        ({"a": int("1" * 41)}, "bad-number", ""),
        ({"factor": "1.2.3"}, "bad-number", ""),
        ({"factor": "1e31"}, "bad-number", ""),
        ({"other": "1e31"}, "", ""),
        ({"a": "\ud800", "b": 1.5}, "bad-text", ""),
        ({"a": "\0"}, "bad-text", ""),
    ],
    ids=range(15),
)
def test_what_is_too_much_is_refused_and_what_is_just_within_is_read(
    resource: dict[str, Any], fault: str, detail: str
) -> None:
    assert fault_of(resource) == (fault, detail)


def test_a_number_of_forty_characters_is_the_longest() -> None:
    assert read(b'{"a":0.%s}' % (b"1" * 38))[1] == ""
    assert read(b'{"a":0.%s}' % (b"1" * 39))[1] == "bad-number"


@pytest.mark.parametrize(
    ("resource", "places"),
    [
        ({"count": True}, [("count",)]),
        ({"valueDateTime": True}, [("valueDateTime",)]),
        ({"active": True, "valueDateTime": "2020"}, []),
        ({"active": 1}, [("active",)]),
        ({"active": "true"}, [("active",)]),
        ({"factor": "5"}, [("factor",)]),
        ({"valueQuantity": {"value": "5"}}, [("valueQuantity", "value")]),
        ({"dose": {"value": "5", "unit": "mg"}}, [("dose", "value")]),
        ({"identifier": {"value": "5"}}, []),
        ({"period": {"start": 5}}, [("period", "start")]),
        ({"period": {"start": True, "end": "2020"}}, [("period", "start")]),
        ({"validPeriod": [{"start": 5}]}, [("validPeriod", 0, "start")]),
        ({"variant": [{"start": 5}]}, []),
        ({"variant": [{"start": True}]}, []),
        ({"authoredOn": 5}, [("authoredOn",)]),
        ({"a": ' {"b":1}'}, [("a",)]),
        ({"a": ["x", '\n{"b":1}']}, [("a", 1)]),
        ({"a": ["x {"], "b": " x{"}, []),
    ],
)
def test_what_a_model_would_take_for_something_else_is_found(
    resource: dict[str, Any], places: list[tuple[str | int, ...]]
) -> None:
    assert list(misread_places(resource=resource)) == places
    assert parse_entry(entry=json.dumps(resource).encode()).is_misread is bool(places)


@pytest.mark.parametrize(
    ("entry", "kept", "lost"),
    [
        (b'{"a":1,"b":1e99,"c":"x"}', {"a": 1, "c": "x"}, ["b"]),
        (b'{"a":{"b":1,"b":2},"c":1}', {"c": 1}, ["a"]),
        (b"{}", {}, []),
    ],
)
def test_what_can_be_read_of_an_entry_is_read_member_by_member(
    entry: bytes, kept: dict[str, Any], lost: list[str]
) -> None:
    assert read_by_member(entry=entry) == (kept, lost)


@pytest.mark.parametrize("entry", [b"[]", b"x", b'{"a":1,"a":2}'])
def test_what_is_no_object_or_repeats_a_member_has_no_members_to_read(entry: bytes) -> None:
    assert read_by_member(entry=entry) is None


@pytest.mark.parametrize(
    ("path", "hides"),
    [
        ("meta", True),
        ("_meta", True),
        ("meta.security", True),
        ("meta._security.code", True),
        ("meta.lastUpdated", False),
        ("meta._profile", False),
        ("contained.meta", True),
        ("contained.contained._meta.security", True),
        ("contained.meta.versionId", False),
        ("contained.securityLabel", True),
        ("contained", False),
        ("securityLabel.coding", True),
        ("confidentiality", True),
        ("subject.meta", False),
    ],
)
def test_a_flaw_where_a_label_stands_may_hide_it(path: str, hides: bool) -> None:
    assert hides_a_label(Flaw(path=path, reason=FlawReason.UNREADABLE)) is hides


@pytest.mark.parametrize("entry", [b"[]", b"7", b'{"a":', b'{"a":1}x'])
def test_what_is_no_object_is_named_so(entry: bytes) -> None:
    assert read(entry) == ({}, "invalid")
