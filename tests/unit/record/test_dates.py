"""Dates: kept as sent, sorted by their start, matched without inventing precision."""

from __future__ import annotations

import pytest

from aggregator.record.dates import agree, clustered, day_of, minute_of, partial_date, settle
from aggregator.record.timeline import PartialDate


def moment(text: str) -> str:
    return minute_of(date=partial_date(text=text))


@pytest.mark.parametrize(
    ("text", "sort_key"),
    [
        ("2024", "2024-01-01T00:00"),
        ("2024-05", "2024-05-01T00:00"),
        ("2024-05-01", "2024-05-01T00:00"),
        ("2024-02-29", "2024-02-29T00:00"),
        ("2024-05-01T10:00:00+01:00", "2024-05-01T09:00"),
        ("2024-05-01T10:00:00.123456789Z", "2024-05-01T10:00"),
        ("2024-05-01T10:00", "2024-05-01T10:00"),
        ("2024-12-31T23:30:00-05:00", "2025-01-01T04:30"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59"),
    ],
)
def test_a_date_sorts_by_its_start_and_keeps_its_text(text: str, sort_key: str) -> None:
    assert partial_date(text=text) == PartialDate(text=text, sort_key=sort_key)


@pytest.mark.parametrize(
    "text", ["0001-01-01", "1066", "1849-12-31", "9999-12-31", "2201", "yesterday", "2024-5-1", "٢٠٢٤", "2024-05-01\n"]
)
def test_a_date_that_cannot_be_meant_dates_nothing_and_is_shown_as_sent(text: str) -> None:
    found = partial_date(text=text)
    assert found == PartialDate(text=text, sort_key="")
    assert day_of(date=found) == ""
    assert minute_of(date=found) == ""


def test_no_date_is_none() -> None:
    assert partial_date(text="") is None
    assert day_of(date=None) == ""
    assert minute_of(date=None) == ""


@pytest.mark.parametrize("text", ["2024-05-01T24:00:00Z", "2024-05-01T25:61:00Z"])
def test_a_time_that_no_clock_shows_tells_the_day_and_no_moment(text: str) -> None:
    assert day_of(date=partial_date(text=text)) == "2024-05-01"
    assert moment(text) == "2024-05-01"


@pytest.mark.parametrize("text", ["2024", "2024-05", "2024-05-01", "2024-05-01T23:30:00-11:00"])
def test_the_day_is_as_its_source_wrote_it(text: str) -> None:
    assert day_of(date=partial_date(text=text)) == text[:10]


def test_one_moment_has_one_spelling_in_every_zone() -> None:
    spellings = ["2024-05-01T00:30:00+01:00", "2024-04-30T23:30:00Z", "2024-04-30T18:30:59-05:00"]
    assert {moment(text) for text in spellings} == {"2024-05-01T00:30+01:00"}


def test_a_time_without_a_zone_is_the_time_that_was_sent() -> None:
    assert moment("2024-07-01T09:00:00") == "2024-07-01T09:00"


def test_the_doubled_hour_of_october_is_two() -> None:
    assert moment("2024-10-27T01:30:00+01:00") != moment("2024-10-27T01:30:00Z")


def test_a_summer_night_lies_in_the_british_day() -> None:
    night = moment("2024-05-01T00:30:00+01:00")
    settled = settle(written=[night, "2024-05-01", "2024-04-30"])
    assert settled["2024-05-01"] == night
    assert settled["2024-04-30"] == "2024-04-30"


def test_the_leap_second_is_no_midnight() -> None:
    assert moment("2016-12-31T23:59:60Z") == moment("2016-12-31T23:59:30Z") != moment("2016-12-31T00:00:00Z")


@pytest.mark.parametrize(
    ("written", "settled"),
    [
        (["2024", "2024-05-01"], {"2024": "2024-05-01", "2024-05-01": "2024-05-01"}),
        (["2024", "2024-05", "2024-05-01"], {"2024": "2024-05-01", "2024-05": "2024-05-01"}),
        (["2024", "2024-05-01", "2024-06-01"], {"2024": "2024"}),
        (["2024", "2024-05", "2024-05-01", "2024-05-02"], {"2024-05": "2024-05", "2024": "2024"}),
        (["2024", "2024-05", "2024-06-01"], {"2024": "2024", "2024-05": "2024-05"}),
        (["2024", "2023-12-31"], {"2024": "2024", "2023-12-31": "2023-12-31"}),
        (["", "2024-05-01"], {"": ""}),
        ([], {"": ""}),
    ],
)
def test_a_coarse_date_stands_for_a_finer_one_only_when_it_need_not_choose(
    written: list[str], settled: dict[str, str]
) -> None:
    found = settle(written=written)
    assert {date: found[date] for date in settled} == settled
    assert settle(written=reversed(written)) == found


class CountedText(str):
    """A date that counts how often it is measured, compared with another or cut."""

    __slots__ = ()
    steps = 0

    def startswith(self, *parts: object) -> bool:  # type: ignore[override]
        CountedText.steps += 1
        return super().startswith(*parts)  # type: ignore[arg-type]

    def __len__(self) -> int:
        CountedText.steps += 1
        return super().__len__()

    def __getitem__(self, part: object) -> CountedText:  # type: ignore[override]
        CountedText.steps += 1
        return CountedText(super().__getitem__(part))  # type: ignore[index]


def test_many_minutes_are_settled_in_steps_that_grow_with_their_number() -> None:
    def steps(count: int) -> int:
        CountedText.steps = 0
        minutes = [CountedText(f"2024-05-{n % 28 + 1:02}T{n // 60 % 24:02}:{n % 60:02}:{n:05}") for n in range(count)]
        settle(written=[*minutes, CountedText("2024-05-01"), CountedText("2024")])
        return CountedText.steps

    assert steps(4000) <= 2 * steps(2000) + 10


@pytest.mark.parametrize(
    ("written", "agreed"),
    [
        ([], True),
        ([""], True),
        (["", "2024-05-01"], True),
        (["2024", "2024-05", "2024-05-01"], True),
        (["2024", "2024-05-01", "2024-06-01"], False),
        (["2024-05", "2024-06"], False),
        (["2024", "2023-12-31"], False),
    ],
)
def test_dates_agree_when_all_can_be_one(written: list[str], agreed: bool) -> None:
    assert agree(written=written) is agreed


def test_dates_are_told_apart_unless_a_coarser_one_holds_both() -> None:
    found = clustered(written=["2024", "2024-05-01", "2024-06-01", "2023-05-01", "2023-05-02"])
    assert found["2024-05-01"] == found["2024-06-01"] == found["2024"]
    assert len({found["2024"], found["2023-05-01"], found["2023-05-02"]}) == 3
    assert len(set(clustered(written=["", "2024", "2023"]).values())) == 1
