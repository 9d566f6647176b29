"""What makes a case of emergency access worth a second look, in words. Pure.

A signal is no proof: a colleague may well treat a patient of the same name. What is not known is said to be unknown, so
that its absence is not read as an all-clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.mpi.demographics import clean_address_line, clean_name, clean_postcode
from aggregator.mpi.golden import GoldenRecord, PersonSummary

# How far back, and forward, a case is looked at, and how many in that time are many.
WITHIN = timedelta(days=7)
MANY = 5
LOOKED_FOR = (
    "The user's account and the patient have the same surname, whatever its accents, capitals and spaces.",
    "The patient is the user, or has the same NHS number, where an administrator has joined the account to a person.",
    "The patient is another user who had a role in the organisation at that time, where they have been joined.",
    (
        "The postcode and the first line of the address are the same for both, as the index holds them: letters and "
        "numbers alone are compared, and another way of writing the same address is not recognised."
    ),
    f"The user did so more than {MANY} times within {WITHIN.days} days.",
    f"The organisation was not recorded as caring for the patient within {WITHIN.days} days after.",
)
_OWN_OR_ADDRESS = "It is not known whether this is the user's own record, or that of somebody at the same address: "


class SignalKind(StrEnum):
    """What is noticed about a case."""

    OWN_RECORD = "own-record"
    COLLEAGUE = "colleague"
    SAME_ADDRESS = "same-address"
    SAME_SURNAME = "same-surname"
    VOLUME = "volume"
    NO_LATER_CONTACT = "no-later-contact"


@dataclass(frozen=True, kw_only=True)
class Signal:
    kind: SignalKind
    words: str


@dataclass(frozen=True, kw_only=True)
class CaseFacts:
    """What is known of a case.

    `user_person` is the person that an administrator has joined the user's account to, None for nobody; `was_joined`:
    to somebody, also where that has ended. `is_colleague`: the patient is another user of the organisation at the time;
    `colleagues_are_joined`: it is known of all of those which person each is. `opened_in_week` counts the user's own up
    to this one, with it; `was_in_care`: the organisation was recorded as caring for the patient, by no claim, within
    the week after.
    """

    began_at: datetime
    user_family: str
    patient: PersonSummary
    user_person: PersonSummary | None
    was_joined: bool
    is_colleague: bool
    colleagues_are_joined: bool
    opened_in_week: int
    was_in_care: bool

    @property
    def is_own(self) -> bool:
        """Whether the patient is the user."""
        return self.user_person is not None and self.user_person.person_id == self.patient.person_id

    @property
    def has_own_number(self) -> bool:
        """Whether the patient is held under the user's NHS number, also where the index holds two people under it."""
        number = self.patient.golden.nhs_number
        return self.user_person is not None and bool(number) and self.user_person.golden.nhs_number == number


def signals(*, facts: CaseFacts, now: datetime) -> tuple[Signal, ...]:
    """Return what is noticed about a case."""
    return tuple(_signals(facts, now))


def _signals(facts: CaseFacts, now: datetime) -> Iterator[Signal]:
    yield from _of_who_they_are(facts)
    surname = clean_name(text=facts.user_family)
    if surname and surname == clean_name(text=facts.patient.golden.family):
        yield Signal(kind=SignalKind.SAME_SURNAME, words="The user and the patient have the same surname.")
    if facts.opened_in_week > MANY:
        words = f"It is the {_ordinal(facts.opened_in_week)} time that this user did so within {WITHIN.days} days."
        yield Signal(kind=SignalKind.VOLUME, words=words)
    if not facts.was_in_care and now - facts.began_at >= WITHIN:
        words = f"Within {WITHIN.days} days after, the user's organisation was not recorded as caring for this patient."
        yield Signal(kind=SignalKind.NO_LATER_CONTACT, words=words)


def _of_who_they_are(facts: CaseFacts) -> Iterator[Signal]:
    if facts.is_own:
        yield Signal(kind=SignalKind.OWN_RECORD, words="This is the user's own record.")
        return
    if facts.has_own_number:
        words = "The patient has the user's own NHS number, though the index holds them as two people."
        yield Signal(kind=SignalKind.OWN_RECORD, words=words)
    if facts.is_colleague:
        words = "The patient was a colleague: another user with a role in the user's organisation at that time."
        yield Signal(kind=SignalKind.COLLEAGUE, words=words)
    if facts.user_person is not None and _live_together(facts.user_person.golden, facts.patient.golden):
        words = "The user and the patient have the same postcode and the same first line of the address."
        yield Signal(kind=SignalKind.SAME_ADDRESS, words=words)


def unknowns(*, facts: CaseFacts, now: datetime) -> tuple[str, ...]:
    """Return what is not known about a case, and so has given no signal."""
    return tuple(_unknowns(facts, now))


def _unknowns(facts: CaseFacts, now: datetime) -> Iterator[str]:
    if not facts.was_in_care and now - facts.began_at < WITHIN:
        yield f"Whether care follows is known only {WITHIN.days} days after."
    if facts.is_own:
        return
    if facts.user_person is None and facts.was_joined:
        yield f"{_OWN_OR_ADDRESS}the user's account was joined to a person, and that has been ended."
    elif facts.user_person is None:
        yield f"{_OWN_OR_ADDRESS}nobody has joined the user's account to a person."
    elif facts.user_person.golden == GoldenRecord():
        yield f"{_OWN_OR_ADDRESS}no source holds a record any more of the person that the account is joined to."
    else:
        yield from _unknown_of_address(facts.user_person.golden, facts.patient.golden)
    if not facts.is_colleague and not facts.colleagues_are_joined:
        yield (
            "It is not known whether the patient was a colleague: not all others who had a role in the user's "
            "organisation at that time are joined to a person."
        )


def _unknown_of_address(user: GoldenRecord, patient: GoldenRecord) -> Iterator[str]:
    if not all(_address(user)) or not all(_address(patient)):
        yield (
            "It is not known whether they live at the same address: the postcode or the first line of the address of "
            "one of them is missing, or is not to be told."
        )
    elif _address(user)[0] == _address(patient)[0] and not _live_together(user, patient):
        yield (
            "It is not known whether they live at the same address: they have the same postcode, and the first lines "
            "of the addresses are not written alike."
        )


def _live_together(user: GoldenRecord, patient: GoldenRecord) -> bool:
    return all(_address(user)) and _address(user) == _address(patient)


def _address(person: GoldenRecord) -> tuple[str, str]:
    return clean_postcode(text=person.postcode), clean_address_line(text=person.address_line)


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
