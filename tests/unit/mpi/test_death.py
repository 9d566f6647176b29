"""What sources say of a death: dates read at the precision sent, and whether they can all be true."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import pytest

from aggregator.mpi.death import DeathClaim, claims_disagree, days_meant, fhir_date


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("1948", date(1948, 1, 1), date(1948, 12, 31)),
        ("1948-02", date(1948, 2, 1), date(1948, 2, 29)),
        ("1948-03-01", date(1948, 3, 1), date(1948, 3, 1)),
        ("1948-03-01T10:00", date(1948, 3, 1), date(1948, 3, 1)),
        ("2024-07-01T23:30:00Z", date(2024, 7, 2), date(2024, 7, 2)),
        ("2024-07-02T00:30:00+01:00", date(2024, 7, 2), date(2024, 7, 2)),
    ],
)
def test_a_date_means_every_day_that_it_can(text: str, first: date, last: date) -> None:
    assert days_meant(text=text) == (first, last)


@pytest.mark.parametrize("text", ["", "last spring", "1948-02-30", "1948-13", "48", "01/03/1948", "0000", "1948-3-1"])
def test_what_is_no_date_means_no_day_and_is_no_fhir_date(text: str) -> None:
    assert days_meant(text=text) is None
    assert fhir_date(text=text) == ""


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1948", "1948"),
        ("1948-03", "1948-03"),
        ("1948-03-01", "1948-03-01"),
        ("1948-03-01T10:00:00Z", "1948-03-01T10:00:00Z"),
        ("1948-03-01T10:00:00.5+01:00", "1948-03-01T10:00:00.5+01:00"),
        ("1948-03-01T10:00:00", "1948-03-01"),
        ("1948-03-01T10:00Z", "1948-03-01"),
    ],
)
def test_a_time_without_its_zone_or_seconds_is_left_out_of_fhir(text: str, written: str) -> None:
    assert fhir_date(text=text) == written


def died(sent: str = "") -> DeathClaim:
    return DeathClaim(source_name="A", deceased=True, death_date=sent)


ALIVE = DeathClaim(source_name="B", deceased=False)


@pytest.mark.parametrize(
    ("claims", "disagree"),
    [
        ([], False),
        ([died("1948")], False),
        ([died(), ALIVE], True),
        ([ALIVE, ALIVE], False),
        ([died(), died("1948")], False),
        ([died("1948"), died("1948-03-01")], False),
        ([died("1948"), died("1949-03-01")], True),
        ([died("1948-03"), died("1948-03-01"), died("1948-03-02")], True),
        ([died("2024-07-01T23:30:00Z"), died("2024-07-02")], False),
        ([died("last spring"), died("last spring")], False),
        ([died("last spring"), died("1948")], True),
    ],
)
def test_two_dates_that_can_be_one_day_do_not_disagree(claims: list[DeathClaim], disagree: bool) -> None:
    for order in permutations(claims):
        assert claims_disagree(claims=order) is disagree
