"""FHIR dates as intervals: kept as sent, sorted by their start, matched without inventing precision. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from aggregator.record.timeline import PartialDate

_SHAPE = re.compile(r"(\d{4})(-\d{2})?(-\d{2})?(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?\Z")
# A date outside these years is a slip or a placeholder: it is shown as sent, and dates nothing.
EARLIEST_YEAR, LATEST_YEAR = 1850, 2200
DAY_LENGTH = len("2024-05-01")


def partial_date(*, text: str) -> PartialDate | None:
    """Return a FHIR date, dateTime or instant; None when there is none. An absurd one sorts as undated."""
    if not text:
        return None
    shape = _SHAPE.match(text)
    if not shape or not EARLIEST_YEAR <= int(shape[1]) <= LATEST_YEAR:
        return PartialDate(text=text, sort_key="")
    return PartialDate(text=text, sort_key=_instant(text) or _padded(text))


def day_of(*, date: PartialDate | None) -> str:
    """Return the day as its source wrote it, at the precision sent ("2024", "2024-05", "2024-05-01"); "" for none."""
    return date.text[:DAY_LENGTH] if date and date.sort_key else ""


def minute_of(*, date: PartialDate | None) -> str:
    """Return the moment to the minute, in UTC where the source gave a zone, at the precision sent; "" for none."""
    if date is None or not date.sort_key:
        return ""
    return date.sort_key[:16] if "T" in date.text else date.text


def settle(*, written: Iterable[str]) -> dict[str, str]:
    """Return, for dates of several precisions, the date that each stands for.

    A coarser date stands for a finer one only when exactly one finer date lies inside it; with two it would have to
    choose, so it stands for itself. "" (undated) always stands for itself: an undated item never joins dated ones.
    """
    known = sorted({date for date in written if date}, key=len, reverse=True)
    settled: dict[str, str] = {"": ""}
    for date in known:
        inside = {settled[finer] for finer in known if len(finer) > len(date) and finer.startswith(date)}
        settled[date] = inside.pop() if len(inside) == 1 else date
    return settled


def _padded(text: str) -> str:
    return text[:DAY_LENGTH] + "0000-01-01"[len(text[:DAY_LENGTH]) :] + "T00:00"


def _instant(text: str) -> str:
    if "T" not in text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).strftime("%Y-%m-%dT%H:%M")
    except (ValueError, OverflowError):
        return ""
