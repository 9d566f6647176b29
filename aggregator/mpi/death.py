"""What sources say about a death: dates as sent, and whether they can all be true. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
MAX_DATE_LENGTH = 40
_SHAPE = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?)?)?\Z", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class DeathClaim:
    """What one source says: dead or explicitly not, and the date as sent. A source that does not say makes no claim.

    `source_name` is "" where it is not to be told that this source holds the person.
    """

    source_name: str
    deceased: bool
    death_date: str = ""
    source_id: UUID | None = None

    @property
    def who(self) -> str:
        """Who says so, in words."""
        return self.source_name or "a source"


def days_meant(*, text: str) -> tuple[date, date] | None:
    """Return the first and the last day that a FHIR date or dateTime can mean, in British time; None for no date.

    Source: FHIR R4 datatypes, dateTime ("1948" means any day of that year).
    """
    shape = _SHAPE.match(text)
    if not shape:
        return None
    year, month, day, time, zone = shape.groups()
    try:
        if time and zone:
            moment = datetime.fromisoformat(text).astimezone(LONDON).date()
            return moment, moment
        first = date(int(year), int(month or 1), int(day or 1))
        last_month = int(month or 12)
        last = date(int(year), last_month, int(day or calendar.monthrange(int(year), last_month)[1]))
    except (ValueError, OverflowError):
        return None
    return first, last


def fhir_date(*, text: str) -> str:
    """Return a date of death as a valid FHIR dateTime, or "" if it cannot be one; FHIR wants a zone with a time."""
    shape = _SHAPE.match(text)
    if not shape or days_meant(text=text) is None:
        return ""
    time, zone = shape[4], shape[5]
    return text if not time or (zone and time.count(":") - zone.count(":") == 2) else text[: len("1948-03-01")]


def read_death(*, boolean: object, moment: object) -> tuple[bool | None, str]:
    """Return what a Patient's `deceased[x]` says: whether dead (None: nothing said), and the date as sent.

    A member of another JSON type says nothing. A date that cannot be read still says that the patient is dead.
    """
    if isinstance(moment, str) and moment.strip():
        text = moment.strip()
        kept = text if len(text) <= MAX_DATE_LENGTH and text.isprintable() else ""
        return True, kept
    return (boolean, "") if isinstance(boolean, bool) else (None, "")


def claims_disagree(*, claims: Sequence[DeathClaim]) -> bool:
    """Return whether sources disagree about a death: dead beside explicitly not dead, or days that cannot be the same.

    A date that cannot be read agrees only with itself.
    """
    if len({claim.deceased for claim in claims}) > 1:
        return True
    dated = sorted({claim.death_date for claim in claims if claim.deceased and claim.death_date})
    spans = [days_meant(text=text) for text in dated]
    readable = [span for span in spans if span is not None]
    if len(readable) < len(spans):
        return len(dated) > 1
    # Spans of days have a day in common if the latest start is not after the earliest end.
    return bool(readable) and max(first for first, _ in readable) > min(last for _, last in readable)
