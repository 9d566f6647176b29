"""Numbers keep the digits that they were sent with."""

from __future__ import annotations

import pytest

from fhir_data import exact_json


@pytest.mark.parametrize("number", [b"7.10", b"0.000", b"-1.50", b"123456789.123456789012345678", b"42", b"-0.0"])
def test_a_number_comes_out_as_it_went_in(number: bytes) -> None:
    assert exact_json.encode(exact_json.decode(b'{"value":%b}' % number)) == b'{"value":%b}' % number
