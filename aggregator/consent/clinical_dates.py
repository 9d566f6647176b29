"""The clinical days that an item tells of: when it happened, was found or was written down. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypedDict

import msgspec

from aggregator.consent.terms import LONDON, DataPeriod
from aggregator.record.item import Item
from fhir_data.access import listed, mapping, mappings

_NAMES = frozenset(
    (
        # as in R4, and as in STU3 where that has other names
        "abatementDateTime abatementPeriod assertedDate authored authoredOn created createdDateTime createdPeriod date"
        " dateAsserted dateRecorded dateWritten effectiveDateTime effectiveInstant effectivePeriod end"
        " identifiedDateTime identifiedPeriod indexed issued lastOccurrence occurrenceDateTime occurrencePeriod"
        " onsetDateTime onsetPeriod performedDateTime performedPeriod period recorded recordedDate requestedPeriod sent"
        " servicedDate"
        " servicedPeriod start startDate started statusDate whenHandedOver whenPrepared"
    ).split()
)
_TIMINGS = ("effectiveTiming", "occurrenceTiming")
# Within an allergy's reaction, and within an immunisation's.
_OF_REACTIONS = ("onset", "date")
# All else is passed over and not made an object of. `context` is a DocumentReference's.
_FURTHER = ("context", "reaction", *_TIMINGS)
_TYPES: dict[str, Any] = {"resourceType": msgspec.Raw, **dict.fromkeys((*_FURTHER, *_NAMES), Any)}
_DATED = msgspec.json.Decoder(TypedDict("_Dated", _TYPES, total=False))  # type: ignore[operator]
# Files have no date of their own: they go with what they are attached to.
_UNDATED_TYPES = frozenset({b'"Binary"'})
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
    if days is None:
        return True
    return bool(days) and all(
        each is not None
        and (period.start is None or period.start <= each.first)
        and (period.end is None or (each.last is not None and each.last <= period.end))
        for each in days
    )


def may_touch(*, item: Item, period: DataPeriod) -> bool:
    """Return whether anything that an item tells of may lie within a period; of an undated item nobody can tell."""
    days = _days_of(item)
    if days is None:
        return False
    return not days or any(
        each is None
        or (
            (period.end is None or each.first <= period.end)
            and (period.start is None or each.last is None or period.start <= each.last)
        )
        for each in days
    )


def _days_of(item: Item, /) -> list[Days | None] | None:
    """Return what each date of an item covers, None for one that no calendar has; empty for an undated item.

    None for what has no date of its own.
    """
    try:
        members: dict[str, Any] = _DATED.decode(item.resource)
        if bytes(members.pop("resourceType", b"")) in _UNDATED_TYPES:
            return None
        further = {name: members.pop(name) for name in _FURTHER if name in members}
        days: list[Days | None] = []
        for value in members.values():
            if isinstance(value, str):  # as nearly all are
                days.append(_days_in_text(value))
            else:
                days.extend(_covered(value))
        if further:
            days.extend(_further_days(further))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return [None]
    return days


def _further_days(members: Mapping[str, Any], /) -> Iterator[Days | None]:
    """Yield what the dates within members cover that are no dates themselves. How often something is, is no date."""
    yield from _covered(mapping(members.get("context")).get("period"))
    for reaction in mappings(listed(members.get("reaction"))):
        for name in _OF_REACTIONS:
            yield from _covered(reaction.get(name))
    for timing in (mapping(members.get(name)) for name in _TIMINGS):
        yield from _covered(timing.get("event"))
        yield from _covered(mapping(timing.get("repeat")).get("boundsPeriod"))


def _covered(value: object) -> Sequence[Days | None]:
    """Return what a date, a Period or a list of them covers."""
    if isinstance(value, str):
        return (_days_in_text(value),)
    if isinstance(value, list):
        return [days for element in value for days in _covered(element)]
    if not isinstance(value, dict):
        return () if value is None else (None,)
    start, end = value.get("start"), value.get("end")
    if start is None and end is None:
        return ()
    first = None if start is None else _days_in(start)
    last = None if end is None else _days_in(end)
    if (start is not None and first is None) or (end is not None and last is None):
        return (None,)
    return (Days(first=first.first if first else date.min, last=last.last if last else None),)


def _days_in(value: object) -> Days | None:
    return _days_in_text(value) if isinstance(value, str) else None


# A day, or a time on it that was on the same day in London as where it was written: London's own time has never been
# more than 75 seconds behind UTC, nor more than two hours ahead of it.
_USUAL = re.compile(
    r"\d{4}-\d{2}-\d{2}(T(0[2-9]|1\d|20):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|\+0[01]:00)?)?\Z",
    re.ASCII,
)


@lru_cache(maxsize=4096)
def _days_in_text(text: str) -> Days | None:
    text = text.strip()
    if _USUAL.match(text):
        try:
            day_of_it = date.fromisoformat(text[:10])
        except ValueError:
            return None
        return Days(first=day_of_it, last=day_of_it)
    return _days_in_unusual(text)


def _days_in_unusual(text: str, /) -> Days | None:
    shape = _SHAPE.match(text)
    if shape is None:
        return None
    year, month, day, time = shape["year"], shape["month"], shape["day"], shape["time"]
    try:
        if time:
            moment = datetime.fromisoformat(text)
            day_of_it = moment.astimezone(LONDON).date() if moment.tzinfo else moment.date()
            return Days(first=day_of_it, last=day_of_it)
        first = date(int(year), int(month or 1), int(day or 1))
        if day:
            return Days(first=first, last=first)
        last_month = int(month or 12)
        return Days(first=first, last=date(first.year, last_month, calendar.monthrange(first.year, last_month)[1]))
    except (ValueError, OverflowError):
        return None
