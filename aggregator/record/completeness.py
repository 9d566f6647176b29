"""What a record may claim, given who was asked and who answered. Absence is never read as a negative. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from aggregator.record.timeline import CURRENT, Entry, LongitudinalRecord
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Outcome as Outcome
from connectors.contract.outcomes import SectionEffect, reason_of


class AllergyStatus(StrEnum):
    """The banner says exactly one (NHS Common User Interface, patient banner, zone 2; the last is ours)."""

    KNOWN = "known-allergies"
    NONE_KNOWN = "no-known-allergies"
    NOT_RECORDED = "allergies-not-recorded"
    UNAVAILABLE = "allergies-unavailable"
    NONE_YOU_MAY_SEE = "none-recorded-in-what-you-may-see"


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """How one planned source stands in one retrieval. `outcome` None: asked, still waiting.

    `holds` are the categories that a source of its kind can give; `quarantined` maps a category (None: not known) to a
    count; `untranslated` maps a category to the number of items kept as sent but not translated yet.
    """

    source_id: str
    name: str
    organisation: str
    kind: str
    holds: frozenset[RecordCategory]
    outcome: Outcome | None
    reason: str = ""
    answered_at: datetime | None = None
    item_count: int = 0
    notices: tuple[Notice, ...] = ()
    quarantined: tuple[tuple[RecordCategory | None, int], ...] = ()
    untranslated: tuple[tuple[RecordCategory, int], ...] = ()


# A notice of these says that something may be left out.
PARTIAL_NOTICES = frozenset({"confidential-items", "data-in-transit", "data-awaiting-filing"})
# The source's system gives no content of this kind at all: no gap in its answer, but no ground for "none known" either.
NOT_SERVED = "not-served"
# A notice of these says that a question was not answered at all.
UNANSWERED_NOTICES = frozenset({"not-supported", "information-not-available", "incomplete"})
WHOLE_ANSWERS = frozenset(outcome for outcome in Outcome if outcome.effect is SectionEffect.WHOLE)


def in_words(*, status: SourceStatus) -> str:
    """Return how a source stands, in words for people."""
    if status.outcome is None:
        return "Asked, waiting"
    if status.outcome is Outcome.ANSWERED and _answered_in_part(status):
        return Outcome.ANSWERED_IN_PART.words
    return outcome_words(outcome=status.outcome, reason=status.reason)


def outcome_words(*, outcome: Outcome, reason: str) -> str:
    """Return how an asking ended, and why, in words for people."""
    why = reason_of(reason)
    return f"{outcome.words}: {why.words}" if why else outcome.words


def issue_code(*, outcome: Outcome, reason: str) -> str:
    """Return the code by which an asking's end is told to a FHIR caller. Source: http://hl7.org/fhir/issue-type."""
    why = reason_of(reason)
    return why.issue_code if why else outcome.issue_code


def summary_line(*, statuses: Sequence[SourceStatus]) -> str:
    """Return the completeness of a record in one sentence: how many answered, who in part, and who did not."""
    if not statuses:
        return "No source is known to hold a record of this patient."
    answered = [status for status in statuses if status.outcome and status.outcome.is_answer]
    waiting = [status for status in statuses if status.outcome is None]
    told = [
        status for status in statuses if status not in waiting and (status not in answered or _answered_in_part(status))
    ]
    parts = [f"{len(answered)} of {len(statuses)} {'source' if len(statuses) == 1 else 'sources'} answered"]
    if waiting:
        parts.append(f"waiting for {_listed([status.name for status in waiting])}")
    parts.extend(f"{status.name}: {_lower_first(in_words(status=status))}" for status in told)
    return "; ".join(parts) + "."


def missing_for(*, category: RecordCategory, statuses: Sequence[SourceStatus]) -> tuple[SourceStatus, ...]:
    """Return the sources that can hold a category and whose answer about it is not there or not whole."""
    return tuple(status for status in statuses if _lacks(category=category, status=status))


def allergy_status(*, record: LongitudinalRecord, statuses: Sequence[SourceStatus], withheld: bool) -> AllergyStatus:
    """Return what the banner may say of allergies.

    Any known allergy comes first. Unless every source that can hold allergies gave a whole answer they are unavailable,
    wherever the gap is said to lie: what was lost in one place may have been lost in another. Where something is
    withheld, be it of whatever kind, only what may be seen is spoken of, whatever was stated. "None known" needs a
    source to say so.
    """
    if known_allergies(record=record):
        return AllergyStatus.KNOWN
    holders = [status for status in statuses if RecordCategory.ALLERGIES in status.holds]
    in_part = any(status.outcome is Outcome.ANSWERED_IN_PART for status in holders)
    if not holders or in_part or missing_for(category=RecordCategory.ALLERGIES, statuses=holders):
        return AllergyStatus.UNAVAILABLE
    none_known = bool(sources_that_know_of_no_allergies(record=record))
    if none_known and any(_does_not_serve(status=status, category=RecordCategory.ALLERGIES) for status in holders):
        return AllergyStatus.UNAVAILABLE
    if withheld:
        return AllergyStatus.NONE_YOU_MAY_SEE
    return AllergyStatus.NONE_KNOWN if none_known else AllergyStatus.NOT_RECORDED


def known_allergies(*, record: LongitudinalRecord) -> tuple[Entry, ...]:
    """Return the allergies that the patient has or may have."""
    return tuple(entry for entry in record.section(RecordCategory.ALLERGIES).entries if entry.standing in CURRENT)


def sources_that_know_of_no_allergies(*, record: LongitudinalRecord) -> tuple[str, ...]:
    """Return the sources that say that no allergies are known, in a fixed order."""
    denials = (entry for entry in record.section(RecordCategory.ALLERGIES).entries if entry.says_none_known)
    return tuple(sorted({source_id for entry in denials for source_id in entry.source_ids}))


def _lacks(*, category: RecordCategory, status: SourceStatus) -> bool:
    if category not in status.holds:
        return False
    if status.outcome is None or not status.outcome.is_answer:
        return True
    warnings = [notice for notice in status.notices if notice.code != NOT_SERVED]
    if status.outcome is Outcome.ANSWERED_IN_PART and not any(notice.category for notice in warnings):
        return True  # something is missing, and nothing says where
    # Any notice: what a source warns of in words that we do not know may be this category as well.
    unanswered = any(_concerns(notice=notice, category=category) for notice in warnings)
    set_aside = any(quarantined in {category, None} for quarantined, _ in status.quarantined)
    untranslated = any(kept is category for kept, _ in status.untranslated)
    return unanswered or set_aside or untranslated


def _answered_in_part(status: SourceStatus) -> bool:
    partly = any(notice.code in UNANSWERED_NOTICES | PARTIAL_NOTICES for notice in status.notices)
    return status.outcome is Outcome.ANSWERED_IN_PART or (
        status.outcome is Outcome.ANSWERED and (partly or bool(status.quarantined))
    )


def _does_not_serve(*, status: SourceStatus, category: RecordCategory) -> bool:
    return any(notice.code == NOT_SERVED and _concerns(notice=notice, category=category) for notice in status.notices)


def _concerns(*, notice: Notice, category: RecordCategory) -> bool:
    return notice.category in {category, None}


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _lower_first(words: str) -> str:
    return words[:1].lower() + words[1:]


# What a source said of its own answer, in words that must be shown. Source: GP Connect, List warning codes.
NOTICE_WORDS: Mapping[str, str] = {
    "confidential-items": "Items excluded due to confidentiality and/or patient preferences.",
    "data-in-transit": "Patient record transfer from previous GP practice not yet complete; some may be missing.",
    "data-awaiting-filing": "Patient data may be incomplete: there are data awaiting filing.",
    "not-supported": "Not available from this source.",
    "information-not-available": "This source says that the information is not available.",
    "incomplete": "This source holds the patient more than once, and did not answer for each.",
}


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something to be said beside a section: by whom it is caused, and what."""

    source_name: str
    words: str


def notice_words(*, notice: Notice) -> str:
    """Return a notice in words: the source's own where it gave any."""
    return notice.text or NOTICE_WORDS.get(notice.code, "This source says that its answer may not be whole.")


def remarks_on(*, category: RecordCategory, statuses: Sequence[SourceStatus]) -> tuple[Remark, ...]:
    """Return what a reader of a section must know: who is missing, what was set aside, what is not shown."""
    remarks: list[Remark] = []
    for status in statuses:
        if category in status.holds and not (status.outcome and status.outcome.is_answer):
            remarks.append(Remark(source_name=status.name, words=f"{in_words(status=status)}."))
            continue
        remarks.extend(
            Remark(source_name=status.name, words=notice_words(notice=notice))
            for notice in status.notices
            if notice.category is category and notice.code != NOT_SERVED
        )
        remarks.extend(
            Remark(source_name=status.name, words=f"{_items(count)} could not be shown.")
            for quarantined, count in status.quarantined
            if quarantined is category
        )
        remarks.extend(
            Remark(source_name=status.name, words=f"{_items(count)} received but not translated yet, so not shown.")
            for untranslated, count in status.untranslated
            if untranslated is category
        )
    return tuple(dict.fromkeys(remarks))


def remarks_on_source(*, status: SourceStatus) -> tuple[str, ...]:
    """Return what must be known of one source's whole answer."""
    words = [notice_words(notice=notice) for notice in status.notices if notice.code != NOT_SERVED]
    not_served = sorted({notice.category or "other" for notice in status.notices if notice.code == NOT_SERVED})
    if not_served:
        words.append(f"Its system does not give: {', '.join(not_served)}.")
    words.extend(
        f"{_items(count)}{f' of {category}' if category else ''} could not be shown."
        for category, count in status.quarantined
    )
    words.extend(f"{_items(count)} of {category} not translated yet." for category, count in status.untranslated)
    return tuple(dict.fromkeys(words))


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"
