"""Quantities in one unit, for comparing only."""

from __future__ import annotations

import pytest

from aggregator.record.units import comparable


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("7.10", "mmol/L"), ("7.1", "mmol/l")),
        (("71", "umol/L"), ("0.071", "mmol/L")),
        (("71", "µmol/L"), ("71", "μmol/l")),
        (("13.5", "g/dL"), ("135", "g/L")),
        (("120", "mmHg"), ("120", "mm[Hg]")),
        (("1e2", "kg"), ("100000", "g")),
        (("72", "bpm"), ("72", "beats/min")),
        (("500", "mg"), ("0.5", "g")),
        (("100", "micrograms"), ("0.1", "mg")),
        (("2", "Tablets"), ("2", "tablet(s)")),
    ],
)
def test_quantities_that_mean_the_same_compare_as_one(left: tuple[str, str], right: tuple[str, str]) -> None:
    assert comparable(value=left[0], unit=left[1]) == comparable(value=right[0], unit=right[1])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("5.5", "mmol/L"), ("5.5", "mg/dL")),
        (("99", "mg/dL"), ("5.5", "mmol/L")),
        (("5", "mystery"), ("5", "enigma")),
        (("5", ""), ("5", "g")),
        (("5.5", "mmol/L"), ("5.50001", "mmol/L")),
        (("48", "mmol/mol"), ("48", "%")),
    ],
)
def test_quantities_that_may_differ_never_compare_as_one(left: tuple[str, str], right: tuple[str, str]) -> None:
    assert comparable(value=left[0], unit=left[1]) != comparable(value=right[0], unit=right[1])


def test_a_comparator_is_part_of_what_is_compared() -> None:
    assert comparable(value="5", unit="mmol/L", comparator="<") != comparable(value="5", unit="mmol/L")


@pytest.mark.parametrize("value", ["", "high", "NaN", "Infinity", "1e99", "1e-99", "1e31", "5,5"])
def test_what_is_no_sensible_number_compares_as_none(value: str) -> None:
    assert comparable(value=value, unit="mmol/L") is None


def test_the_largest_number_that_is_sensible_compares() -> None:
    assert comparable(value="1e30", unit="") == ("", "1" + "0" * 30, "")
