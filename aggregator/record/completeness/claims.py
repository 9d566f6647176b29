"""What a record may claim, given who was asked and who answered. Absence is never read as a negative. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from aggregator.record.absence_words import absence_in_words
from aggregator.record.timeline import CLAIMED, CURRENT, Entry, LongitudinalRecord
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Outcome, Reason, SectionEffect

WHOLE_ANSWERS = frozenset(outcome for outcome in Outcome if outcome.effect is SectionEffect.WHOLE)

# Why a source was not asked, where it may be a minute later.
PASSING = frozenset({Reason.RESTING, Reason.SOURCE_BUSY})


class AllergyStatus(StrEnum):
    """The banner says exactly one (NHS Common User Interface, patient banner, zone 2; the last is ours)."""

    KNOWN = "known-allergies"
    NONE_KNOWN = "no-known-allergies"
    NOT_RECORDED = "allergies-not-recorded"
    UNAVAILABLE = "allergies-unavailable"
    NONE_YOU_MAY_SEE = "none-recorded-in-what-you-may-see"


class Emptiness(StrEnum):
    """Why a section without entries is empty. Only NONE_HELD says that there is nothing, and of those who answered."""

    WAITING = "waiting"
    NO_HOLDER = "no-holder"  # nobody who was asked gives content of this kind
    INCOMPLETE = "incomplete"
    NONE_YOU_MAY_SEE = "none-you-may-see"
    NONE_HELD = "none-held"


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """How one planned source stands in one retrieval. `outcome` None: asked, still waiting.

    `since`: from when a source rests that was not asked for that. `kept_for_s`: how old its answer was when the record
    was opened, in seconds; None for one that was asked for then. `holds` are the categories that the source may hold,
    `not_served` those that its kind could give and it does not. `billing_count` is how many entries came that are no
    part of a care record. `quarantined` maps a category (None: not known) to a count; `untranslated` maps a category to
    the number of items kept as sent but not translated yet.
    """

    source_id: str
    name: str
    organisation: str
    kind: str
    holds: frozenset[RecordCategory]
    outcome: Outcome | None
    reason: str = ""
    since: datetime | None = None
    answered_at: datetime | None = None
    kept_for_s: float | None = None
    item_count: int = 0
    billing_count: int = 0
    notices: tuple[Notice, ...] = ()
    not_served: frozenset[RecordCategory] = frozenset()
    quarantined: tuple[tuple[RecordCategory | None, int], ...] = ()
    untranslated: tuple[tuple[RecordCategory, int], ...] = ()

    @property
    def has_answered(self) -> bool:
        """Whether something came that is held and can be shown, be it nothing at all."""
        return self.outcome is not None and self.outcome.is_answer

    @property
    def may_change(self) -> bool:
        """Whether to ask it again may bring something else: not while it is awaited, nor where it is not asked."""
        return self.outcome not in (None, Outcome.NOT_ASKED) or self.reason in PASSING

    @property
    def answered_in_part(self) -> bool:
        """Whether it answered, and something of its answer is missing."""
        partly = any(notice.code.leaves_out for notice in self.notices)
        return self.outcome is Outcome.ANSWERED_IN_PART or (
            self.outcome is Outcome.ANSWERED and (partly or bool(self.quarantined))
        )

    def serves(self, category: RecordCategory, /) -> bool:
        """Whether it gives content of a category: it may hold some, and has not said that its system gives none."""
        return category in self.holds and not self.does_not_serve(category)

    def does_not_serve(self, category: RecordCategory, /) -> bool:
        """Whether it gives no content of a category at all: no gap in its answer, but no ground for "none known"."""
        return category in self.not_served or any(
            notice.code is NoticeCode.NOT_SERVED and _concerns(notice=notice, category=category)
            for notice in self.notices
        )

    def lacks(self, category: RecordCategory, /) -> bool:
        """Whether it can hold a category, and its answer about it is not there or not whole."""
        if category not in self.holds:
            return False
        if not self.has_answered:
            return True
        warnings = [notice for notice in self.notices if notice.code.is_of_a_gap]
        if self.outcome is Outcome.ANSWERED_IN_PART and not any(notice.category for notice in warnings):
            return True  # something is missing, and nothing says where
        # Any of them: what a source warns of in words that we do not know may be this category as well.
        unanswered = any(_concerns(notice=notice, category=category) for notice in warnings)
        set_aside = any(quarantined is None for quarantined, _ in self.quarantined)
        return unanswered or set_aside or self.names_as_missing(category)

    def names_as_missing(self, category: RecordCategory, /) -> bool:
        """Whether something of this very category did not come, or cannot be shown, whatever its kind can hold."""
        warnings = {notice.category for notice in self.notices if notice.code.is_of_a_gap}
        not_shown = {of for of, _ in (*self.quarantined, *self.untranslated)}
        return category in warnings | not_shown


def _concerns(*, notice: Notice, category: RecordCategory) -> bool:
    return notice.category in {category, None}


def missing_for(*, category: RecordCategory, statuses: Sequence[SourceStatus]) -> tuple[SourceStatus, ...]:
    """Return the sources that can hold a category and whose answer about it is not there or not whole."""
    return tuple(status for status in statuses if status.lacks(category))


def emptiness_of(
    *, category: RecordCategory, statuses: Sequence[SourceStatus], complete: bool, withheld: bool
) -> Emptiness:
    """Return what a section without entries may claim. `withheld`: something is, of whatever category."""
    if not complete:
        return Emptiness.WAITING
    if any(status.lacks(category) or status.names_as_missing(category) for status in statuses):
        return Emptiness.INCOMPLETE
    if not any(status.serves(category) for status in statuses):
        return Emptiness.NO_HOLDER
    return Emptiness.NONE_YOU_MAY_SEE if withheld else Emptiness.NONE_HELD


def allergy_status(*, record: LongitudinalRecord, statuses: Sequence[SourceStatus], withheld: bool) -> AllergyStatus:
    """Return what the banner may say of allergies.

    Any known allergy comes first. Unless every source that can hold allergies gave a whole answer they are unavailable,
    wherever the gap is said to lie: what was lost in one place may have been lost in another. Where something is
    withheld, be it of whatever category, only what may be seen is spoken of, whatever was stated. "None known" needs a
    source to say so, and no allergy that may have been entered in error. What is called an allergy under other content
    is no known one, but neither is it said then that there is none.
    """
    if known_allergies(record=record):
        return AllergyStatus.KNOWN
    if any(entry.may_be_in_error for entry in record.section(RecordCategory.ALLERGIES).entries):
        return AllergyStatus.UNAVAILABLE
    holders = [status for status in statuses if RecordCategory.ALLERGIES in status.holds]
    in_part = any(status.outcome is Outcome.ANSWERED_IN_PART for status in holders)
    if not holders or in_part or missing_for(category=RecordCategory.ALLERGIES, statuses=holders):
        return AllergyStatus.UNAVAILABLE
    none_known = bool(sources_that_know_of_no_allergies(record=record))
    if none_known and any(status.does_not_serve(RecordCategory.ALLERGIES) for status in statuses):
        return AllergyStatus.UNAVAILABLE
    if allergies_named_elsewhere(record=record):
        return AllergyStatus.UNAVAILABLE
    if withheld:
        return AllergyStatus.NONE_YOU_MAY_SEE
    return AllergyStatus.NONE_KNOWN if none_known else AllergyStatus.NOT_RECORDED


def known_allergies(*, record: LongitudinalRecord) -> tuple[Entry, ...]:
    """Return the allergies that the patient has or may have, without those that their source seems to take back."""
    return tuple(
        entry
        for entry in record.section(RecordCategory.ALLERGIES).entries
        if entry.standing in CURRENT and not entry.may_be_in_error
    )


# What is called so is an allergy, in whichever section its source files it; hay fever and eczema are not meant.
_AN_ALLERGY = re.compile(
    r"\b(?:allerg(?:y|ies|ic)|hypersensitivity|adverse reaction|intoleran(?:ce|t))(?: reaction)? to\b|\banaphyla",
    re.IGNORECASE,
)
_NOT_THE_PATIENTS = re.compile(
    r"\b(?:family|maternal|paternal|fh|risk|test|screening|vaccin\w*|immuni\w*)\b", re.IGNORECASE
)


def allergies_named_elsewhere(*, record: LongitudinalRecord) -> tuple[Entry, ...]:
    """Return what is filed as a problem, a finding or the like, and is called an allergy: it may be one all the same.

    It is no ground to name one, and none to claim that none is known.
    """
    return tuple(
        entry
        for section in record.sections
        if section.category is not RecordCategory.ALLERGIES
        for entry in section.entries
        if entry.standing in CLAIMED
        and _AN_ALLERGY.search(entry.heading)
        and not _NOT_THE_PATIENTS.search(entry.heading)
        and absence_in_words(words=entry.heading, about=RecordCategory.ALLERGIES) is None
    )


def sources_that_know_of_no_allergies(*, record: LongitudinalRecord) -> tuple[str, ...]:
    """Return the sources that say that no allergies are known, in a fixed order."""
    denials = (entry for entry in record.section(RecordCategory.ALLERGIES).entries if entry.says_none_known)
    return tuple(sorted({source_id for entry in denials for source_id in entry.source_ids}))
