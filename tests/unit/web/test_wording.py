"""How values are written for people."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from aggregator.web import wording


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("9990000018", "999\u00a0000\u00a00018"),
        ("", "Not known"),
        ("96000", "96000"),
        ("A123456789", "A123456789"),
    ],
)
def test_an_nhs_number_is_grouped_and_never_broken(number: str, written: str) -> None:
    assert wording.nhs_number(number) == written


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ("1980-08-14", "14-Aug-1980"),
        ("1980-08", "Aug-1980"),
        ("1980-12", "Dec-1980"),
        ("1980", "1980"),
        ("2024-01-31T23:30:00Z", "31-Jan-2024 23:30"),
        ("2024-07-01T23:30:00Z", "02-Jul-2024 00:30"),  # British summer time
        ("2024-07-01T09:00:00", "01-Jul-2024 09:00"),
        ("2024-03-31T01:30:00", "31-Mar-2024 01:30"),  # no zone was sent, so the clock that went forward is no matter
        ("2024-02-30T10:00:00Z", "2024-02-30T10:00:00Z"),
        ("9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59-12:00"),
        ("1980-13", "1980-13"),
        ("last spring", "last spring"),
    ],
)
def test_a_date_keeps_the_precision_that_it_was_sent_with(sent: str, written: str) -> None:
    assert wording.sent_date(sent) == written


def test_the_dates_in_a_text_are_written_for_people_and_the_rest_is_left() -> None:
    assert wording.sent_dates("from 2024-02-01 to 2024-03") == "from 01-Feb-2024 to Mar-2024"
    assert wording.sent_dates("1000 mg, 2 times") == "1000 mg, 2 times"


@pytest.mark.parametrize(
    ("born", "age"),
    [
        (date(1945, 11, 26), "80y"),
        (date(1945, 11, 25), "81y"),
        (date(2024, 11, 25), "2y"),
        (date(2024, 11, 26), "23m"),
        (date(2025, 11, 25), "12m"),
        (date(2026, 5, 27), "5m"),
        (date(2026, 5, 28), "25w"),
        (date(2026, 11, 1), "3w"),
        (date(2026, 11, 25), "0w"),
        (date(2026, 11, 26), ""),
        (None, ""),
    ],
)
def test_an_age_is_in_years_or_for_the_very_young_in_less(born: date | None, age: str) -> None:
    assert wording.age(born, today=date(2026, 11, 25)) == age


BORN, LAST_BIRTHDAY, TODAY = date(1950, 6, 1), date(2026, 6, 1), date(2026, 11, 25)


@pytest.mark.parametrize(
    ("born", "died", "age"),
    [
        (BORN, (TODAY, TODAY), "76y"),
        (BORN, (date(2026, 1, 1), date(2026, 12, 31)), "75y to 76y"),
        (BORN, (LAST_BIRTHDAY, date(2026, 12, 31)), "76y"),
        (TODAY, (TODAY, TODAY), "0w"),
        (BORN, (date(2026, 11, 26), date(2026, 11, 26)), "Not known"),
        (BORN, (date(1950, 5, 31), date(1950, 5, 31)), "Not known"),
        (BORN, None, "Not known"),
        (None, (TODAY, TODAY), "Not known"),
    ],
)
def test_an_age_at_death_is_as_exact_as_the_date(born: date | None, died: tuple[date, date] | None, age: str) -> None:
    assert wording.age_at_death(born, died=died, today=TODAY) == age


def test_a_name_has_its_surname_in_capitals_and_says_what_is_not_known() -> None:
    assert wording.banner_name(family="Edwards", given="Joan") == "EDWARDS, Joan"
    assert wording.banner_name(family="", given="Joan") == "SURNAME NOT KNOWN, Joan"
    assert wording.banner_name(family="", given="") == "Name not known"


def test_a_moment_is_in_london_time() -> None:
    assert wording.moment(datetime(2026, 7, 1, 12, 5, tzinfo=UTC)) == "01-Jul-2026 13:05"
    assert wording.clock(datetime(2026, 1, 1, 12, 5, 9, tzinfo=UTC)) == "12:05:09"


def test_no_moment_has_no_words() -> None:
    assert (wording.moment(None), wording.clock(None)) == ("", "")
