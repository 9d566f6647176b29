"""Doubts about identity: what can raise one, and how each may be settled. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from aggregator.mpi.demographics import Demographics
from aggregator.mpi.matching import ANSWER_FIELDS


class Cause(StrEnum):
    """Why a doubt was raised. One raised by a matching rule (a shared number, say) has the rule's name instead."""

    DEMOGRAPHICS_CHANGED = "demographics-changed"
    ANSWER_ABOUT_ANOTHER = "answer-about-another"
    ENTRY_ABOUT_ANOTHER = "entry-about-another"


class Decision(StrEnum):
    """How a doubt was settled."""

    words: str

    def __new__(cls, value: str, words: str = "") -> Decision:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    TAKE_NEW_VALUES = "take-new-values", "Accept the new details: this is still the same person"
    ACCEPT_FIELDS = (
        "accept-fields",
        "Accept this source's answers from now on, although the details ticked below differ",
    )
    NOTED = "noted", "Note it: nothing changes, and the same doubt is not raised again"
    END_LINK = "end-link", "End the link: this record belongs to somebody else and becomes a person of its own"
    JOIN = "join", "Join them: both are one person, and all that either has is shown together"


_DECISIONS: Mapping[str, tuple[Decision, ...]] = {
    Cause.DEMOGRAPHICS_CHANGED: (Decision.TAKE_NEW_VALUES, Decision.END_LINK),
    Cause.ANSWER_ABOUT_ANOTHER: (Decision.ACCEPT_FIELDS, Decision.END_LINK),
}
_WORDS: Mapping[str, str] = {
    Cause.DEMOGRAPHICS_CHANGED: "The source has changed its identifying details for this patient",
    Cause.ANSWER_ABOUT_ANOTHER: "The source sent an answer about somebody else",
    Cause.ENTRY_ABOUT_ANOTHER: "The source sent entries about somebody else",
    "same-number": "Two people share an NHS number",
    "verified-number-and-demographics": "The record matches more than one person",
    "name-and-birth-date": "Two people have the same name and date of birth",
    "different-numbers": "Two similar people have different NHS numbers",
}


@dataclass(frozen=True, kw_only=True)
class DecisionTaken:
    """How a doubt was settled. `decided_by` None: by a command on the service's own machine."""

    decision: Decision
    fields: tuple[str, ...]
    note: str
    decided_by: UUID | None
    decided_at: datetime
    ended_by: UUID | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ReviewSummary:
    """One doubt as listed. `decision` None: open. `person_id` is whom it is about, or whom they were joined to."""

    review_id: UUID
    cause: str
    source_record_id: UUID
    person_id: UUID
    source_slug: str
    source_name: str
    raised_at: datetime
    settled_at: datetime | None
    decision: Decision | None

    @property
    def cause_words(self) -> str:
        """Why the doubt was raised, in words for people."""
        return cause_words(cause=self.cause)


@dataclass(frozen=True, kw_only=True)
class ReviewCount:
    """How many doubts of one cause at one source are open, and how many settled."""

    cause: str
    source_slug: str
    source_name: str
    open: int
    settled: int

    @property
    def cause_words(self) -> str:
        """The cause in words for people."""
        return cause_words(cause=self.cause)


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one record says about who somebody is."""

    source_name: str
    demographics: Demographics


@dataclass(frozen=True, kw_only=True)
class ReviewSides:
    """One doubt in full. `linked_person_id`: whom the record is linked to now, None for nobody.

    `record` is what the record in doubt says, which is in force. `proposed` is what its source says instead, None where
    it says nothing else. `before` is what it said before the decision in force, None where that changed nothing.
    `others` are the other records of the person whom the doubt is about, and `own` those of the one to whom the record
    is linked, where that is another. `against`: in which fields the records of the two contradict each other, and
    `may_not_join`: by a number that is one person's alone. `is_whereabouts_restricted`: where somebody of them lives is
    not to be told. `state` is a fingerprint of everything that a decision depends on.
    """

    summary: ReviewSummary
    linked_person_id: UUID | None
    evidence: Mapping[str, str]
    record: Side
    proposed: Side | None
    before: Side | None
    others: tuple[Side, ...]
    own: tuple[Side, ...]
    against: tuple[str, ...]
    may_not_join: bool
    is_whereabouts_restricted: bool
    decisions: tuple[DecisionTaken, ...]
    state: str


def decisions_for(*, cause: str, is_still_linked: bool) -> tuple[Decision, ...]:
    """Return how a doubt of this cause may be settled.

    `is_still_linked`: the record is linked to the person whom the doubt is about. When another decision has ended that
    link, all that is left is to accept the values or to note the doubt. A doubt by a matching rule is about another
    person, and the two can be joined.
    """
    if not is_about_the_linked_person(cause=cause):
        alone = (Decision.NOTED, Decision.END_LINK)
        return alone if is_still_linked else (*alone, Decision.JOIN)
    if not is_still_linked:
        return (Decision.TAKE_NEW_VALUES,) if cause == Cause.DEMOGRAPHICS_CHANGED else (Decision.NOTED,)
    return _DECISIONS.get(cause, (Decision.NOTED, Decision.END_LINK))


def cause_words(*, cause: str) -> str:
    """Return a cause in words for people."""
    return _WORDS.get(cause, "The record may belong to another person")


def is_about_the_linked_person(*, cause: str) -> bool:
    """Return whether the doubt is about the person whom the record is linked to; else it is about another."""
    return cause in set(Cause)


def acceptable_fields(*, evidence: Mapping[str, str]) -> tuple[str, ...]:
    """Return the fields of a doubt that can be accepted in later answers; another identifier cannot."""
    return tuple(field for field in ANSWER_FIELDS if field in evidence)


# The key of the evidence that only recognises the same situation again; it is not shown.
FINGERPRINT = "fingerprint"


def fingerprint(*, parts: Any) -> str:
    """Return a short hash of a situation, to tell whether it is still the one that somebody looked at."""
    encoded = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(encoded.encode()).hexdigest()[:32]
