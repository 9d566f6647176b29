"""The filters that templates use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from markupsafe import Markup

from aggregator.mpi.golden import PersonSummary
from aggregator.web import wording
from aggregator.web.banner import Banner, banner_of


def banner(person: PersonSummary) -> Banner:
    """Return a person's banner as of today. It names no source: who may know which hold the person is not decided."""
    return banner_of(person=person.naming(()), today=timezone.localdate())


_DATE = re.compile(rf"((?:[0-9]{{2}}-)?(?:{'|'.join(wording.MONTHS)})-[0-9]{{4}})")
_UNBROKEN = Markup('<span class="app-nowrap">{}</span>')


def unbroken(text: str) -> Markup:
    """Return a text in which no date breaks over lines, as it would at a hyphen."""
    parts = _DATE.split(text)  # every other one is a date
    return Markup("").join(_UNBROKEN.format(part) if at % 2 else part for at, part in enumerate(parts))


def day(value: date | None) -> Markup:
    """Return a day in words, which does not break over lines."""
    return unbroken(wording.short_date(value))


def moment(value: datetime | None) -> Markup:
    """Return a moment in words, whose date does not break over lines."""
    return unbroken(wording.moment(value))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "banner": banner,
    "day": day,
    "long_moment": wording.long_moment,
    "moment": moment,
    "time_of_day": wording.time_of_day,
    "unbroken": unbroken,
}
