"""How values are written for people. Source: NHS Common User Interface, patient banner and date display. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from aggregator.record.timeline import Standing

LONDON = ZoneInfo("Europe/London")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOT_KNOWN = "Not known"
NBSP = "\u00a0"

STANDING_WORDS: Mapping[Standing, str] = {
    Standing.ACTIVE: "Current",
    Standing.PAST: "Past",
    Standing.RETRACTED: "Entered in error",
    Standing.NEGATED: "Negative",
    Standing.NO_INFORMATION: "No information",
    Standing.UNKNOWN: "Status not known",
}


def nhs_number(number: str) -> str:
    """Return an NHS number in groups of 3, 3 and 4, which never break over lines; anything else as it is."""
    if not number:
        return NOT_KNOWN
    if len(number) != 10 or not number.isdecimal():
        return number
    return f"{number[:3]}{NBSP}{number[3:6]}{NBSP}{number[6:]}"


def short_date(value: date | None) -> str:
    """Return a date as 14-Aug-1980."""
    return f"{value.day:02d}-{MONTHS[value.month - 1]}-{value.year:04d}" if value else NOT_KNOWN


def moment(value: datetime | None) -> str:
    """Return a moment as 14-Aug-1980 13:05, UK time."""
    if value is None:
        return ""
    local = value.astimezone(LONDON)
    return f"{short_date(local.date())} {local:%H:%M}"


def time_of_day(value: datetime) -> str:
    """Return the time of day of a moment as 13:05, UK time."""
    return f"{value.astimezone(LONDON):%H:%M}"


def long_moment(value: datetime) -> str:
    """Return a moment as 14 August 1980, 13:05, UK time, for those who are not used to the short form."""
    local = value.astimezone(LONDON)
    return f"{local.day} {local:%B %Y}, {local:%H:%M}"


def london_date(value: datetime) -> date:
    """Return the day of a moment, UK time."""
    return value.astimezone(LONDON).date()


def clock(value: datetime | None) -> str:
    """Return the time of day, UK time, to the second."""
    return value.astimezone(LONDON).strftime("%H:%M:%S") if value else ""


def sent_date(text: str) -> str:
    """Return a FHIR date with the precision that it was sent with: 14-Aug-1980 13:05, Aug-1980, 1980."""
    shape = re.fullmatch(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?(?:T(\d{2}:\d{2}).*?(Z|[+-]\d{2}:\d{2})?)?", text)
    if not shape or not 1 <= int(shape[2] or 1) <= 12:
        return text
    year, month, day, time, zone = shape.groups()
    if zone and time:
        return _in_london(text)
    month_words = MONTHS[int(month) - 1] if month else ""
    date_words = "-".join(part for part in (day, month_words, year) if part)
    return f"{date_words} {time}" if time else date_words


def sent_dates(text: str) -> str:
    """Return a text with every FHIR date in it written for people."""
    return re.sub(r"\d{4}-\d{2}(?:-\d{2})?(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?)?", lambda match: sent_date(match[0]), text)


def shortened(words: str, *, longest: int) -> str:
    """Return a text of at most `longest` characters, or its start and where the rest is."""
    return words if len(words) <= longest else f"{words[:longest]} … (see the source copy for the full text)"


def age(born: date | None, *, today: date) -> str:
    """Return an age in years, or in months or weeks for the very young."""
    if born is None or born > today:
        return ""
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if years >= 2:
        return f"{years}y"
    weeks = (today - born).days // 7
    return f"{weeks}w" if weeks < 26 else f"{(today - born).days * 12 // 365}m"


def age_at_death(born: date | None, *, died: tuple[date, date] | None, today: date) -> str:
    """Return the age at which somebody died who died between two days; both ages if it can be either.

    "Not known" without a birth date or a date of death, and for a death before the birth or after today.
    """
    if born is None or died is None or died[1] < born or died[0] > today:
        return NOT_KNOWN
    youngest, oldest = (age(born, today=day) for day in (max(died[0], born), min(died[1], today)))
    return youngest if youngest == oldest else f"{youngest} to {oldest}"


def died(sent: str) -> str:
    """Return a date of death as it was sent, written for people."""
    return sent_date(sent) if sent else NOT_KNOWN


def death_claim(*, deceased: bool, sent: str) -> str:
    """Return in words what one source says about a death."""
    if not deceased:
        return "recorded as alive"
    return f"died {sent_date(sent)}" if sent else "died, date not known"


def banner_name(*, family: str, given: str) -> str:
    """Return a name as EDWARDS, Joan."""
    if not family and not given:
        return "Name not known"
    return f"{family.upper() or 'SURNAME NOT KNOWN'}, {given or 'given name not known'}"


def _in_london(text: str) -> str:
    try:
        return moment(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return text
