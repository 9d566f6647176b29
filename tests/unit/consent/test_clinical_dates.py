"""Which British day a time belongs to, near midnight above all, and what has no day of its own."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from aggregator.consent.clinical_dates import is_within, may_touch
from aggregator.consent.terms import LONDON, DataPeriod
from aggregator.record.item import Item
from connectors.contract.categories import RecordCategory


def item(**members: Any) -> Item:
    resource = json.dumps({"resourceType": "Observation", **members}).encode()
    return Item(id="i1", source_id="s1", category=RecordCategory.RESULTS, resource=resource)


def covers(dated: Item, day: date) -> bool:
    """Return whether all of an item lies on a day; nothing of it then lies on the days beside."""
    on_it = DataPeriod(start=day, end=day)
    before, after = DataPeriod(end=day - timedelta(days=1)), DataPeriod(start=day + timedelta(days=1))
    is_there = is_within(item=dated, period=on_it) and may_touch(item=dated, period=on_it)
    return is_there and not (may_touch(item=dated, period=before) or may_touch(item=dated, period=after))


@pytest.mark.parametrize("zone", ["Z", "+00:00", "+01:00", "+02:00", "-05:00", "+14:00"])
@pytest.mark.parametrize("day", ["1846-07-01", "1943-07-01", "1969-12-31", "2024-01-31", "2024-07-01"])
@pytest.mark.parametrize("hour", range(24))
def test_a_time_is_of_the_day_that_it_was_in_london(day: str, hour: int, zone: str) -> None:
    sent = f"{day}T{hour:02}:30:00{zone}"
    assert covers(item(effectiveDateTime=sent), datetime.fromisoformat(sent).astimezone(LONDON).date())


@pytest.mark.parametrize(
    "sent", ["2023-02-29", "2023-02-29T10:00:00Z", "2023-01-01T10:60:00Z", "0000-01-01", "٢٠٢٣-01-01"]
)
def test_a_date_that_no_calendar_has_may_be_any(sent: str) -> None:
    some_day = DataPeriod(start=date(1990, 1, 1), end=date(1990, 1, 1))
    assert may_touch(item=item(issued=sent), period=some_day)
    assert not is_within(item=item(issued=sent), period=DataPeriod())


def test_a_date_deeper_down_is_none_of_the_item() -> None:
    assert covers(item(issued="2020-05-05", component=[{"effectiveDateTime": "1990-01-01"}]), date(2020, 5, 5))


def test_a_document_is_of_the_days_that_it_is_about_as_well() -> None:
    letter = item(date="2020-05-05", context={"period": {"start": "1990-01-01", "end": "1990-01-02"}})
    assert may_touch(item=letter, period=DataPeriod(start=date(1990, 1, 1), end=date(1990, 1, 1)))


def test_a_file_goes_with_what_it_is_attached_to() -> None:
    file = item(resourceType="Binary", date="1990-01-01")
    assert is_within(item=file, period=DataPeriod(start=date(2020, 1, 1)))
    assert not may_touch(item=file, period=DataPeriod())


THEN = DataPeriod(start=date(1990, 1, 1), end=date(1990, 12, 31))


@pytest.mark.parametrize(
    "members",
    [
        {"resourceType": "AllergyIntolerance", "reaction": [{"onset": "2020"}, {"onset": "1990-02"}]},
        {"resourceType": "Immunization", "reaction": [{"date": "1990-02-03"}]},
        {"effectiveTiming": {"event": ["2020-05-05", "1990-02-03T10:00:00Z"]}},
        {"effectiveTiming": {"repeat": {"boundsPeriod": {"start": "1989-12-01", "end": "1990-02-01"}}}},
        {"resourceType": "ServiceRequest", "occurrenceTiming": {"event": ["1990-02-03"]}},
        {"resourceType": "Appointment", "requestedPeriod": [{"start": "1990-02-03", "end": "1990-02-04"}]},
    ],
)
def test_what_happened_then_is_of_then_though_it_was_written_down_later(members: dict[str, Any]) -> None:
    dated = item(**members, issued="2020-05-05", recordedDate="2020-05-05")
    assert may_touch(item=dated, period=THEN)
    assert not is_within(item=dated, period=DataPeriod(start=date(2020, 1, 1), end=date(2020, 12, 31)))


def test_how_often_something_is_is_no_date() -> None:
    daily = item(effectiveTiming={"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}, issued="2020-05-05")
    assert covers(daily, date(2020, 5, 5))


@pytest.mark.parametrize(
    "members", [{"reaction": "x"}, {"reaction": [None, 1]}, {"effectiveTiming": []}, {"context": 1}]
)
def test_members_of_another_shape_have_no_dates(members: dict[str, Any]) -> None:
    assert covers(item(**members, issued="2020-05-05"), date(2020, 5, 5))
