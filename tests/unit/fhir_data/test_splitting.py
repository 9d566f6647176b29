"""What is split keeps its bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_data.errors import UnreadableEntry, UnreadablePayload
from fhir_data.parsing import read_entry
from fhir_data.splitting import elements, members, split
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


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_named(payload: bytes) -> None:
    assert fault_of(payload) in (None, "not-fhir")


@given(st.text(alphabet='{}[]",:\\ue0018 .-truefalsn', max_size=60))
def test_any_json_like_text_is_split_or_named(payload: str) -> None:
    assert fault_of(payload.encode()) in (None, "not-fhir")


def fault_of(payload: bytes) -> str | None:
    """Why a payload cannot be split; None when it can."""
    try:
        split(payload=payload)
    except UnreadablePayload as error:
        return error.fault
    return None
