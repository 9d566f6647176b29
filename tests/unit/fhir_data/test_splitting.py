"""What is split keeps its bytes."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fhir_data import splitting
from fhir_data.errors import EntryFault, UnreadableEntry, UnreadablePayload
from fhir_data.labels import Label
from fhir_data.limits import MAX_ENTRIES, MAX_MEMBERS
from fhir_data.parsing import read_entry
from fhir_data.splitting import SentBody, SplitEntry, SplitPayload, elements, members, split
from tests import proofs

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.decimals(-10, 10, places=3).map(float)
NAMES = st.text(max_size=6)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
RESOURCES = st.dictionaries(NAMES, VALUES, max_size=4)
SPACING = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n ", " :\t"), ("\r\n,", "\n:\n")])


def text(value: Any, spacing: tuple[str, str], *, ascii_only: bool) -> str:
    return json.dumps(value, ensure_ascii=ascii_only, separators=spacing)


@given(st.lists(RESOURCES, max_size=3), SPACING, st.booleans(), st.booleans())
@proofs.laws(examples=60)
def test_split_gives_every_entry_its_own_bytes(
    resources: list[Any], spacing: tuple[str, str], ascii_only: bool, mark: bool
) -> None:
    sent = [text(one, spacing, ascii_only=ascii_only).encode(errors="surrogatepass") for one in resources]
    if any("\\ud" in text(one, spacing, ascii_only=True) for one in resources):
        return  # lone surrogates in UTF-8 are no UTF-8; as escapes they have a test of their own
    entries = b",".join(b'{"fullUrl":"urn:x","resource":%b}' % one for one in sent)
    body = b'{"resourceType":"Bundle","total":7,"entry":[%b]}' % entries
    found = split(payload=(b"\xef\xbb\xbf" if mark else b"") + body)
    assert (found.resource_type, found.total) == ("Bundle", 7)
    assert [entry.resource for entry in found.entries] == sent


@given(RESOURCES, SPACING)
@proofs.laws(examples=60)
def test_members_are_found_whichever_way_they_are_spelt(resource: dict[str, Any], spacing: tuple[str, str]) -> None:
    spelt = text(resource, spacing, ascii_only=True)
    found = members(body=spelt.encode())
    assert {name: json.loads(value) for name, value in found.items()} == resource
    wrapped = text([resource, resource], spacing, ascii_only=True)
    assert [json.loads(one) for one in elements(body=wrapped.encode())] == [resource, resource]


@given(RESOURCES.filter(bool), SPACING, st.booleans())
@proofs.laws(examples=60)
def test_a_name_said_twice_is_always_found(resource: dict[str, Any], spacing: tuple[str, str], escaped: bool) -> None:
    spelt = text(resource, spacing, ascii_only=True)
    name = next(iter(resource))
    again = "".join(f"\\u{unit:04x}" for unit in _units(name)) if escaped else json.dumps(name)[1:-1]
    doubled = f'{spelt[:-1]},"{again}":1}}'.encode()
    with pytest.raises(UnreadableEntry) as caught:
        members(body=doubled)
    assert caught.value.fault == "duplicate-key"
    with pytest.raises(UnreadableEntry) as caught:
        read_entry(entry=doubled)
    assert caught.value.fault in ("duplicate-key", "bad-number")


def _units(name: str) -> list[int]:
    encoded = name.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(encoded[at : at + 2], "big") for at in range(0, len(encoded), 2)]


def test_one_lone_surrogate_or_nan_costs_its_entry_only() -> None:
    body = (
        rb'{"resourceType":"Bundle","entry":[{"resource":{"a":"\ud800"}},{"resource":{"a":NaN}},{"resource":{"a":1}}]}'
    )
    found = split(payload=body)
    assert [entry.resource for entry in found.entries] == [rb'{"a":"\ud800"}', b'{"a":NaN}', b'{"a":1}']
    assert read_entry(entry=b'{"a":1}') == {"a": 1}


_MEMBERS = st.sampled_from(
    [
        '"resource":{"a":1}',
        '"resource":{}',
        '"resource":null',
        '"resource":5',
        '"resource":{"a":"\\ud800"}',
        '"resource":{"a":NaN}',
        '"resource":{"a":"x","a":"y"}',
        '"resourc\\u0065":{"a":1}',
        '"fullUrl":"https://a.example/1"',
        '"fullUrl":"https:\\/\\/a.example\\/\\u00e9"',
        '"fullUrl":"é"',
        '"fullUrl":""',
        '"fullUrl":7',
        '"search":{"mode":"match"}',
        '"search":null',
        '"request":{}',
        '"meta":{"security":[{"system":"s","code":"R"}]}',
        '"a":1',
        '"":1',
    ]
)
_ENTRIES = st.one_of(
    st.lists(_MEMBERS, max_size=4).map(lambda members: f"{{{','.join(members)}}}"),
    st.sampled_from(["null", "5", '"text"', "[]", '{"resource":{"a":1}', '{"resource":{"a":1},}', ""]),
)


@given(st.lists(_ENTRIES, max_size=4))
@example(['{"resource":{"a":1},"resource":{"a":2}}'])
@example(['{"resource":{}}', '{"fullUrl":"urn:a","resource":{},"fullUrl":"urn:b"}'])
@example(['{"search":{},"resource":{},"search":{}}'])
@example(['{"resource":{},"meta":{"security":[{"system":"s","code":"R"}]}}'])
def test_plain_entries_are_split_at_once_as_they_are_one_by_one(entries: list[str]) -> None:
    def told(spacing: str) -> SplitPayload | str:
        body = f'{{"resourceType":"Bundle","entry":[{spacing}{",".join(entries)}]}}'.encode()
        try:
            return split(payload=body)
        except UnreadablePayload as unreadable:
            return unreadable.fault

    with patch.object(splitting, "_plain_entries", return_value=None):
        one_by_one = told("")
    assert told("") == told(" ") == one_by_one


def test_entries_are_plain_also_where_they_have_no_address_or_say_how_they_were_found() -> None:
    body = b'{"entry":[{"resource":{"a":1}},{"search":{"mode":"match"},"resource":{"a":2},"fullUrl":"urn:x"}]}'
    with patch.object(splitting, "elements", side_effect=AssertionError("read one by one")):
        found = split(payload=body).entries
        assert split(payload=b'{"entry":[]}').entries == ()
    assert [(entry.resource, entry.full_url) for entry in found] == [(b'{"a":1}', ""), (b'{"a":2}', "urn:x")]


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_named(payload: bytes) -> None:
    assert fault_of(payload) in (None, "not-fhir")


@given(st.text(alphabet='{}[]",:\\ue0018 .-truefalsn', max_size=60))
def test_any_json_like_text_is_split_or_named(payload: str) -> None:
    assert fault_of(payload.encode()) in (None, "not-fhir")


def fault_of(payload: bytes) -> str | None:
    """Why a payload cannot be split; None when it can. A SentBody counts first what it holds."""
    try:
        if isinstance(payload, SentBody):
            assert payload.parts == split(payload=bytes(payload))
        else:
            split(payload=payload)
    except UnreadablePayload as error:
        return error.fault
    return None


def test_a_payload_is_split_into_all_that_it_says() -> None:
    body = r""" {"resourceType":"Bundle", "meta":{"security":[{"system":"s","code":"R"}]}, "total":12,
        "link":[{"relation":"self","url":"https://a.example/x"},{"relation":"next"},{}],
        "entry":[{"fullUrl":"https:\/\/a.example\/1","resource":{"a":1}}, {"fullUrl":"\u0007"}, {"fullUrl":7},
            {"fullUrl":"urn:é","fullUrl":"x"}, "text", {"fullUrl":"urn:b c","resource":null}]}"""
    labels = (Label(system="s", code="R"),)

    def entry(whole: str, **members: Any) -> SplitEntry:
        kept = b"" if "resource" in members else whole.encode()
        return SplitEntry(whole=kept, labels=labels, **{"resource": None, **members})

    assert split(payload=body.encode()) == SplitPayload(
        resource_type="Bundle",
        links=(("self", "https://a.example/x"), ("next", ""), ("", "")),
        total=12,
        entries=(
            entry(
                r'{"fullUrl":"https:\/\/a.example\/1","resource":{"a":1}}',
                resource=b'{"a":1}',
                full_url="https://a.example/1",
            ),
            entry(r'{"fullUrl":"\u0007"}'),  # what nobody can see is no address
            entry('{"fullUrl":7}'),
            entry('{"fullUrl":"urn:é","fullUrl":"x"}', fault=EntryFault.DUPLICATE_KEY),
            entry('"text"', fault=EntryFault.INVALID),
            entry('{"fullUrl":"urn:b c","resource":null}', resource=b"null", full_url="urn:b c"),
        ),
    )


@pytest.mark.parametrize(
    ("total", "count"), [(b"0", 0), (b"1" * 39, int("1" * 39)), (b"1" * 40, None), (b"-1", None), (b'"7"', None)]
)
def test_a_total_is_a_number_of_entries(total: bytes, count: int | None) -> None:
    assert split(payload=b'{"resourceType":"Bundle","total":%b}' % total).total == count


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (b"\x0c{}", "not-fhir"),  # a form feed is no space in JSON
        (b"[]", "not-fhir"),
        (b"{} x", "not-fhir"),
        (b"\xff{}", "not-fhir"),
        (b'{"link":{}}', "not-fhir"),
        (b'{"entry":{}}', "not-fhir"),
        (b'{"entry":[],"entry":[]}', "not-fhir"),
        (b'{"a":NaN} x', "not-fhir"),
        (b'{"a":NaN,}', "not-fhir"),
        (b'{"a":NaN,"b"', "not-fhir"),
        (b'{"a\n":NaN}', "not-fhir"),
        (b'{"a":NaN', "not-fhir"),
        (b'{"entry":[NaN,]}', "not-fhir"),
        (b'{"entry":[NaN', "not-fhir"),
        (b'{"entry":[%b]}' % b",".join([b"0"] * (MAX_ENTRIES + 1)), "too-large"),
        (b"{%b}" % b",".join(b'"%d":0' % at for at in range(MAX_MEMBERS + 1)), "too-large"),
        (b'{"entry":[%b]}' % b",".join([b"0"] * MAX_ENTRIES), None),
        (b'\xef\xbb\xbf {"a":NaN, "entry":[ {} , {"b": NaN} ] } ', None),
    ],
    ids=range(18),
)
def test_a_payload_that_cannot_be_split_says_why(payload: bytes, fault: str | None) -> None:
    assert fault_of(payload) == fault
    assert fault_of(SentBody(payload)) == fault


@pytest.mark.parametrize(
    ("payload", "links"),
    [
        (b'{"entry":null,"link":null,"total":null}', ()),
        (b'{"entry": null , "link": [null, {"relation":null,"url":null}] }', (("", ""),)),
        (b'{"link":[{"relation":"next","url":null}]}', (("next", ""),)),
        (b'{"link":[{"relation":" Next","url":"a "},{"url":"b"}],"entry":null}', (("next", "a"), ("", "b"))),
    ],
)
def test_a_member_that_is_null_is_not_there(payload: bytes, links: tuple[tuple[str, str], ...]) -> None:
    parts = split(payload=payload)
    assert (parts.entries, parts.links, parts.total) == ((), links, None)


@pytest.mark.parametrize("body", [b"{}", b"1", b"[1,]", b"[NaN", b"[NaN}", b"NaN"])
def test_what_is_no_array_has_no_elements(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"array|JSON|Expecting"):
        elements(body=body)


def test_elements_keep_their_bytes() -> None:
    assert elements(body=b"[]") == []
    assert elements(body=b'[ NaN , {"a" : 1} ]') == [b"NaN", b'{"a" : 1}']


def test_text_with_many_commas_is_not_taken_for_many_members() -> None:
    entry = b'{"resource":{},"comment":"%b"}' % (b"," * MAX_MEMBERS)
    (found,) = split(payload=b'{"resourceType":"Bundle","entry":[%b]}' % entry).entries
    assert (found.resource, found.fault) == (b"{}", None)


@pytest.mark.parametrize("rest", [b"x", b" x", b"}"])
def test_what_stands_after_the_end_makes_it_no_json(rest: bytes) -> None:
    for body in (b'{"resourceType":"Bundle"}', b'{"resourceType":"Bundle","total":NaN}'):
        with pytest.raises(UnreadablePayload) as caught:
            split(payload=body + rest)
        assert caught.value.fault == "not-fhir"


def test_a_name_said_twice_is_found_beside_what_only_the_scanner_reads() -> None:
    (found,) = split(payload=b'{"resourceType":"Bundle","entry":[{"resource":{"a":NaN},"resource":{}}]}').entries
    assert (found.resource, found.fault) == (None, EntryFault.DUPLICATE_KEY)
