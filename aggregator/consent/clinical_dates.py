"""The clinical days that an item tells of: when it happened, was found or was written down. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import msgspec

from aggregator.consent.terms import LONDON, DataPeriod
from aggregator.record.item import Item

_NAMES = (
    # as in R4, and as in STU3 where that has other names
    "abatementDateTime abatementPeriod assertedDate authored authoredOn created createdDateTime createdPeriod date"
    " dateAsserted dateRecorded dateWritten effectiveDateTime effectiveInstant effectivePeriod end identifiedDateTime"
    " identifiedPeriod indexed issued lastOccurrence occurrenceDateTime occurrencePeriod onsetDateTime onsetPeriod"
    " performedDateTime performedPeriod period recorded recordedDate sent servicedDate servicedPeriod start startDate"
    " started statusDate whenHandedOver whenPrepared"
).split()
_Dates = msgspec.defstruct("_Dates", [(name, object, None) for name in (*_NAMES, "context")])
_DECODER = msgspec.json.Decoder(_Dates)
_SHAPE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d{2})(-(?P<day>\d{2})(?P<time>T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?)?)?\Z",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class Days:
    """The British days from `first` to `last` that one date covers; None: no bound."""

    first: date
    last: date | None


def is_within(*, item: Item, period: DataPeriod) -> bool:
    """Return whether all that an item tells of is known to lie within a period; an undated item is not."""
    days = _days_of(item)
    return bool(days) and all(
        each is not None
        and (period.start is None or period.start <= each.first)
        and (period.end is None or (each.last is not None and each.last <= period.end))
        for each in days
    )


def may_touch(*, item: Item, period: DataPeriod) -> bool:
    """Return whether anything that an item tells of may lie within a period; of an undated item nobody can tell."""
    days = _days_of(item)
    return not days or any(
        each is None
        or (
            (period.end is None or each.first <= period.end)
            and (period.start is None or each.last is None or period.start <= each.last)
        )
        for each in days
    )


def _days_of(item: Item, /) -> list[Days | None]:
    """Return what each date of an item covers, None for one that no calendar has; empty for an undated item."""
    try:
        dates = _DECODER.decode(item.resource)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return [None]
    *values, context = msgspec.structs.astuple(dates)
    if isinstance(context, dict):  # of a DocumentReference
        values.append(context.get("period"))
    return [days for value in values if value is not None for days in _covered(value)]


def _covered(value: object) -> Iterator[Days | None]:
    if isinstance(value, list):
        for element in value:
            yield from _covered(element)
    elif isinstance(value, dict):
        start, end = value.get("start"), value.get("end")
        if start is None and end is None:
            return
        first = None if start is None else _days_in(start)
        last = None if end is None else _days_in(end)
        if (start is not None and first is None) or (end is not None and last is None):
            yield None
        else:
            yield Days(first=first.first if first else date.min, last=last.last if last else None)
    else:
        yield _days_in(value)


def _days_in(value: object) -> Days | None:
    return _days_in_text(value) if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _days_in_text(text: str) -> Days | None:
    shape = _SHAPE.match(text.strip())
    if shape is None:
        return None
    year, month, day = int(shape["year"]), int(shape["month"] or 0), int(shape["day"] or 0)
    try:
        if shape["time"]:
            moment = datetime.fromisoformat(text.strip())
            found = moment.astimezone(LONDON).date() if moment.tzinfo else moment.date()
            return Days(first=found, last=found)
        if day:
            return Days(first=date(year, month, day), last=date(year, month, day))
        if month:
            return Days(first=date(year, month, 1), last=date(year, month, calendar.monthrange(year, month)[1]))
        return Days(first=date(year, 1, 1), last=date(year, 12, 31))
    except (ValueError, OverflowError):
        return None
