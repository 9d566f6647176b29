"""What a relationship says, as the gate reads it, and when it is current. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from aggregator.errors import Invalid

# Relationships begin and end on British days.
LONDON = ZoneInfo("Europe/London")
# An organisation that has discharged a patient still writes letters and answers questions for a while.
ATTENDED_GRACE = timedelta(days=90)


class RelationshipKind(StrEnum):
    """How somebody comes to care for a person.

    `words` complete the sentence "The patient is ...", said to whoever asks; `why` is the same, said of others.
    """

    words: str
    why: str

    def __new__(cls, value: str, words: str = "", why: str = "") -> RelationshipKind:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        member.why = why
        return member

    @property
    def heading(self) -> str:
        """The kind by itself, as in a list."""
        return self.value.replace("-", " ").capitalize()

    # The person's GP practice.
    REGISTERED = "registered", "registered with your organisation", "registered there"
    # An encounter, of the organisation's own feed.
    ATTENDED = (
        "attended",
        "attending your organisation, or has recently attended it",
        "attending there, or recently did",
    )
    REFERRED = "referred", "referred to your organisation", "referred there"
    CARE_TEAM = "care-team", "cared for by a team that you belong to", "cared for by a team that this user belongs to"
    SELF_CLAIMED = (
        "self-claimed",
        "in your care, as you have said yourself",
        "in this user's care, as they have said themselves; a privacy officer reviews this",
    )


# What belongs to a whole organisation, and so may be loaded from its files and recorded by its administrators.
OF_ORGANISATIONS = (RelationshipKind.REGISTERED, RelationshipKind.ATTENDED, RelationshipKind.REFERRED)


@dataclass(frozen=True, kw_only=True)
class RelationshipTerms:
    """`user_id` None: it is the organisation's, and so that of everybody who acts for it.

    `until_date` is its last day; None: still open. `ends_at`: when it was or will be ended, or expires.
    """

    organisation_id: UUID
    kind: RelationshipKind
    from_date: date
    until_date: date | None
    user_id: UUID | None = None
    ends_at: datetime | None = None


def is_current(*, relationship: RelationshipTerms, now: datetime) -> bool:
    """Return whether a relationship has begun and neither ended nor expired."""
    if relationship.from_date > london_day(now):
        return False
    if relationship.ends_at is not None and relationship.ends_at <= now:
        return False
    last_day = relationship.until_date
    return last_day is None or earliest_last_day(kind=relationship.kind, now=now) <= last_day


def counts_until(*, relationship: RelationshipTerms) -> date | None:
    """Return the last day on which a relationship still counts, which may be after its own; None: it is open."""
    if relationship.until_date is None:
        return None
    grace = _grace(relationship.kind)
    return relationship.until_date + grace if relationship.until_date <= date.max - grace else date.max


def earliest_last_day(*, kind: RelationshipKind, now: datetime) -> date:
    """Return the earliest last day with which a relationship is still current."""
    return london_day(now) - _grace(kind)


def check_days(*, from_date: date, until_date: date | None) -> None:
    """Check that what is to begin does so before it ends.

    Raises: Invalid naming the input.
    """
    if until_date is not None and until_date < from_date:
        raise Invalid("The last day must not be before the first.", field="until_date")


def end_at(*, last_day: date | None, now: datetime) -> datetime:
    """Return the moment at which something is to end: after its last day, or at once where none is given.

    Raises: Invalid for a day that has passed: what somebody could see until now cannot be undone; and for the last day
    that there is.
    """
    if last_day is None:
        return now
    if last_day == date.max:
        raise Invalid("Enter a real date, for example 14 8 2026", field="last_day")
    if last_day < london_day(now):
        raise Invalid("The last day must be today or later, or empty to end this at once.", field="last_day")
    return end_of_day(last_day)


def london_day(moment: datetime) -> date:
    """Return the British day of a moment."""
    return moment.astimezone(LONDON).date()


def start_of_day(day: date) -> datetime:
    """Return the moment at which a British day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON)


def end_of_day(day: date) -> datetime:
    """Return the moment at which a British day is over; of the last day that there is, by which lists often say "no
    end", the last moment that there is."""
    return datetime.max.replace(tzinfo=UTC) if day == date.max else start_of_day(day) + timedelta(days=1)


def _grace(kind: RelationshipKind) -> timedelta:
    return ATTENDED_GRACE if kind is RelationshipKind.ATTENDED else timedelta(0)
