"""FHIR dates as intervals: kept as sent, sorted by their start, matched without inventing precision. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from aggregator.record.timeline import PartialDate

_SHAPE = re.compile(r"(\d{4})(-\d{2})?(-\d{2})?(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?\Z", re.ASCII)
_LEAP_SECOND = re.compile(r"(?<=T\d{2}:\d{2}):60(\.\d+)?")
# A date outside these years is a slip or a placeholder: it is shown as sent, and dates nothing.
EARLIEST_YEAR, LATEST_YEAR = 1850, 2200
DAY_LENGTH = len("2024-05-01")
LONDON = ZoneInfo("Europe/London")
_ZONE = re.compile(r"(Z|[+-]\d{2}:\d{2})\Z", re.ASCII)


def partial_date(*, text: str) -> PartialDate | None:
    """Return a FHIR date, dateTime or instant; None when there is none. An absurd one sorts as undated."""
    if not text:
        return None
    shape = _SHAPE.match(text)
    if not shape or not EARLIEST_YEAR <= int(shape[1]) <= LATEST_YEAR:
        return PartialDate(text=text, sort_key="")
    if "T" not in text:
        return PartialDate(text=text, sort_key=_padded(text))
    # A time that no clock shows tells the day, and no moment in it.
    return PartialDate(text=text, sort_key=_instant(text) or text[:DAY_LENGTH])


def day_of(*, date: PartialDate | None) -> str:
    """Return the day as its source wrote it, at the precision sent ("2024", "2024-05", "2024-05-01"); "" for none."""
    return date.text[:DAY_LENGTH] if date and date.sort_key else ""


def minute_of(*, date: PartialDate | None) -> str:
    """Return the moment to the minute, at the precision sent; "" for none.

    Where the source gave a zone the moment is told in British time with its distance from UTC, so that one moment has
    one spelling, lies in the day that a British source calls it by, and the doubled hour in October stays two.
    """
    if date is None or not date.sort_key:
        return ""
    if "T" not in date.text or "T" not in date.sort_key:
        return date.text[:DAY_LENGTH]
    return _british(date.sort_key) if _ZONE.search(date.text) else date.sort_key


def settle(*, written: Iterable[str]) -> dict[str, str]:
    """Return, for dates of several precisions, the date that each stands for.

    A coarser date stands for a finer one only when exactly one finer date lies inside it; with two it would have to
    choose, so it stands for itself. "" (undated) always stands for itself: an undated item never joins dated ones.
    """
    # In this order a date comes after all that lie inside it.
    known = sorted({date for date in written if date}, reverse=True)
    lengths = sorted({len(date) for date in known})
    # What the finer dates inside each coarser one stand for; more than one is as good as many.
    inside: dict[str, set[str]] = {date: set() for date in known}
    settled: dict[str, str] = {"": ""}
    for date in known:
        settled[date] = next(iter(inside[date])) if len(inside[date]) == 1 else date
        for length in lengths:
            coarser = date[:length]
            if length < len(date) and coarser in inside and len(inside[coarser]) < 2:
                inside[coarser].add(settled[date])
    return settled


def agree(*, written: Iterable[str]) -> bool:
    """Return whether dates of several precisions can all be one date. "" (undated) can be any."""
    dates = set(written)
    # Of dates that lie inside each other the last in this order is the finest.
    finest = max(dates, default="")
    return all(finest.startswith(date) for date in dates)


def clustered(*, written: Iterable[str]) -> dict[str, str]:
    """Return, for each date, a name that it shares with those that it may be the same as, directly or through others.

    "" (undated) may be the same as any.
    """
    dates = sorted(set(written))
    if "" in dates:
        return dict.fromkeys(dates, "")
    known, lengths = set(dates), sorted({len(date) for date in dates})
    # The coarsest date that a date lies in names it: two dates are linked only by a coarser one in which both lie.
    return {date: next(date[:length] for length in lengths if date[:length] in known) for date in dates}


@lru_cache(maxsize=4096)
def _british(moment: str) -> str:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(LONDON).isoformat(timespec="minutes")


def _padded(text: str) -> str:
    return text[:DAY_LENGTH] + "0000-01-01"[len(text[:DAY_LENGTH]) :] + "T00:00"


def _instant(text: str) -> str:
    try:
        moment = datetime.fromisoformat(_LEAP_SECOND.sub(":59", text))
        return (moment.astimezone(UTC) if moment.tzinfo else moment).strftime("%Y-%m-%dT%H:%M")
    except (ValueError, OverflowError):
        return ""
