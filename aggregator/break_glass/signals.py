"""What makes a case of emergency access worth a second look, in words. Pure.

A signal is no proof: a colleague may well treat a patient of the same name. What is not known is said to be unknown, so
that its absence is not read as an all-clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.mpi.demographics import clean_name

# How far back, and forward, a case is looked at, and how many in that time are many.
WITHIN = timedelta(days=7)
MANY = 5
NOT_JOINED = (
    "It is not known whether this is the user's own record, a colleague's, or that of somebody at the same address: "
    "users' accounts are not joined to people here."
)


class SignalKind(StrEnum):
    """What is noticed about a case."""

    SAME_SURNAME = "same-surname"
    VOLUME = "volume"
    NO_LATER_CONTACT = "no-later-contact"


@dataclass(frozen=True, kw_only=True)
class Signal:
    kind: SignalKind
    words: str


@dataclass(frozen=True, kw_only=True)
class CaseFacts:
    """What is known of a case. `opened_in_week` counts the user's own up to this one, with it; `was_in_care`: the
    organisation was recorded as caring for the patient, by no claim, within the week after."""

    began_at: datetime
    user_family: str
    patient_family: str
    opened_in_week: int
    was_in_care: bool


def signals(*, facts: CaseFacts, now: datetime) -> tuple[Signal, ...]:
    """Return what is noticed about a case."""
    return tuple(_signals(facts, now))


def _signals(facts: CaseFacts, now: datetime) -> Iterator[Signal]:
    surname = clean_name(text=facts.user_family)
    if surname and surname == clean_name(text=facts.patient_family):
        yield Signal(kind=SignalKind.SAME_SURNAME, words="The user and the patient have the same surname.")
    if facts.opened_in_week > MANY:
        words = f"It is the {_ordinal(facts.opened_in_week)} time that this user did so within {WITHIN.days} days."
        yield Signal(kind=SignalKind.VOLUME, words=words)
    if not facts.was_in_care and now - facts.began_at >= WITHIN:
        words = f"Within {WITHIN.days} days after, the user's organisation was not recorded as caring for this patient."
        yield Signal(kind=SignalKind.NO_LATER_CONTACT, words=words)


def unknowns(*, facts: CaseFacts, now: datetime) -> tuple[str, ...]:
    """Return what is not known about a case, and so has given no signal."""
    later: tuple[str, ...] = ()
    if not facts.was_in_care and now - facts.began_at < WITHIN:
        later = (f"Whether care follows is known only {WITHIN.days} days after.",)
    return (*later, NOT_JOINED)


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
