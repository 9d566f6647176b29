"""What an entry says it is, read off its head."""

from __future__ import annotations

import pytest

from fhir_data.heads import entry_name, head_of, may_be, type_of

PATIENT = ("Patient",)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (b'{"resourceType":"Patient"}', True),
        (b'{"resourceType":"Observation","contained":[{"resourceType":"Patient"}]}', False),
        (b'{"contained":[{"resourceType":"Observation"}],"resourceType":"Patient"}', True),
        (rb'{"resource\u0054ype":"P\u0061tient"}', True),
        (b"{}", True),
        (b'{"resourceType":5}', True),
        # What cannot be read at a glance may still be a Patient for those who read it member by member.
        (b'{"contained":[{"resourceType":"Observation","a":NaN}],"resourceType":"Patient"}', True),
        (rb'{"contained":[{"resourceType":"Observation","a":"\ud800"}],"resourceType":"Patient"}', True),
        (b"no JSON", True),
    ],
)
def test_an_entry_may_be_of_a_type_unless_it_says_clearly_that_it_is_of_another(entry: bytes, expected: bool) -> None:
    assert may_be(head_of(entry=entry), types=PATIENT) is expected


@pytest.mark.parametrize(
    "entry",
    [
        b'{"resourceType":"Patient","id":"a"}',
        b'{"resourceType":"Patient"}',
        b'{"resourceType":"Patient","id":5}',
        b'{"id":"a"}',
        b'{"resourceType":5,"id":"a"}',
        rb'{"resource\u0054ype":"P\u0061tient","id":"\u0061"}',
        b'{"contained":[{"resourceType":"Observation","a":NaN}],"resourceType":"Patient","id":"a"}',
        b"no JSON",
        b"[" * 5_000,
    ],
)
def test_what_is_read_at_once_is_what_is_read_by_itself(entry: bytes) -> None:
    head = head_of(entry=entry)
    assert (head.said_type, head.name) == (type_of(entry=entry), entry_name(entry=entry))


def test_one_that_is_nested_beyond_reading_has_no_name() -> None:
    entry = b'{"resourceType":"Patient","id":"a","contact":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert entry_name(entry=entry) == ""
    assert head_of(entry=entry).said_type == type_of(entry=entry) == "Patient"
