"""Numbers keep the digits that they were sent with."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fhir_data import exact_json

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
TEXTS = st.text(st.characters(codec=None), max_size=6).map(json.dumps)
SENT = st.recursive(
    st.one_of(NUMBERS, TEXTS, st.sampled_from(["true", "false", "null", "NaN", "-Infinity"])),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{' , '.join(parts)}]")
        | st.lists(st.tuples(TEXTS, inner), max_size=3).map(
            lambda parts: f"{{{','.join(f'{name}: {value}' for name, value in parts)}}}"
        )
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("number", [b"7.10", b"0.000", b"-1.50", b"123456789.123456789012345678", b"42", b"-0.0"])
def test_a_number_comes_out_as_it_went_in(number: bytes) -> None:
    assert exact_json.encode(exact_json.decode(b'{"value":%b}' % number)) == b'{"value":%b}' % number


@given(SENT)
@example('{"a":1,"a":2}')
@example("-0")
@example("18446744073709551616")
@example('{"a": "\\ud800", "b": 7.10}')
def test_it_reads_what_the_standard_library_reads(sent: str) -> None:
    def told(value: Any) -> str:
        return repr(value)  # 1 and Decimal("1.0") are equal, and so is NaN to nothing

    assert told(exact_json.decode(sent.encode())) == told(json.loads(sent, parse_float=Decimal))


@pytest.mark.parametrize("sent", [b"", b"{", b'{"a":}', b"01", b"\xff", b'"a'])
def test_what_is_no_json_is_refused(sent: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whichever kind
        exact_json.decode(sent)
