"""What a record may claim, given who was asked and who answered. Absence is never read as a negative. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from aggregator.record.timeline import LongitudinalRecord, Standing
from connectors.contract import ISSUE_CODES as ISSUE_CODES
from connectors.contract import Notice, RecordCategory
from connectors.contract import Outcome as Outcome


class AllergyStatus(StrEnum):
    """The banner says exactly one (NHS Common User Interface, patient banner, zone 2)."""

    KNOWN = "known-allergies"
    NONE_KNOWN = "no-known-allergies"
    NOT_RECORDED = "allergies-not-recorded"
    UNAVAILABLE = "allergies-unavailable"


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


# A notice of these says that allergies may be left out, so "none known" cannot be claimed.
PARTIAL_NOTICES = frozenset({"confidential-items", "data-in-transit", "data-awaiting-filing"})
# The source's system gives no content of this kind at all: no gap in its answer, but no ground for "none known" either.
NOT_SERVED = "not-served"
# A notice of these says that the question about allergies was not answered at all.
UNANSWERED_NOTICES = frozenset({"not-supported", "information-not-available", "incomplete"})
WHOLE_ANSWERS = frozenset({Outcome.ANSWERED, Outcome.EMPTY})

# What became of a source, in words for people. Codes after the colon are reasons.
OUTCOME_WORDS: Mapping[Outcome, str] = {
    Outcome.ANSWERED: "Answered",
    Outcome.EMPTY: "Answered: nothing of the kinds asked for",
    Outcome.UNKNOWN_PATIENT: "Does not know this patient",
    Outcome.REFUSED: "Would not release a record",
    Outcome.TIMED_OUT: "Did not answer in time",
    Outcome.UNREACHABLE: "Could not be reached",
    Outcome.MALFORMED: "Answer could not be used",
    Outcome.FAILED: "Fault on our side",
    Outcome.NOT_ASKED: "Not asked",
}
REASON_WORDS: Mapping[str, str] = {
    "not-released": "the practice did not release a record",
    "patient-consent": "the patient has not agreed",
    "organisation-consent": "the organisation has not agreed",
    "relationship": "it knows of no relationship with this patient",
    "credentials": "it did not accept our credentials",
    "too-large": "it was too large",
    "truncated": "it was cut short",
    "bad-http": "it was not sent properly",
    "redirect": "it pointed elsewhere",
    "paging": "its pages did not fit together",
    "not-fhir": "it was not in a form that can be read",
    "no-patient": "it did not say whose record it is",
    "wrong-patient": "it was about somebody else; this has been raised for review",
    "request-rejected": "it did not accept the question",
    "number-rejected": "it did not accept the NHS number",
    "demographics-rejected": "it did not accept the patient's details",
    "too-deep": "it was nested too deeply",
    "gateway": "the way to it failed",
    "tls": "its certificate or encryption was not accepted",
    "status": "it reported a fault",
    "connection": "there was no connection",
    "queue": "the asking could not be started",
    "store": "the answer could not be kept",
    "held-answer-lost": "the answer is no longer held; ask again",
    "our-fault": "the answer could not be handled",
    "resting": "it has failed too often and is being rested",
    "paused": "it is paused",
    "may-not": "you may not ask it",
    "no-link": "it is not linked to this patient",
}


def in_words(*, status: SourceStatus) -> str:
    """Return how a source stands, in words for people."""
    if status.outcome is None:
        return "Asked, waiting"
    if _answered_in_part(status):
        return "Answered in part"
    return outcome_words(outcome=status.outcome, reason=status.reason)


def outcome_words(*, outcome: Outcome, reason: str) -> str:
    """Return how an asking ended, and why, in words for people."""
    words, why = OUTCOME_WORDS[outcome], REASON_WORDS.get(reason, "")
    return f"{words}: {why}" if why else words


def summary_line(*, statuses: Sequence[SourceStatus]) -> str:
    """Return the completeness of a record in one sentence: how many answered, who in part, and who did not."""
    if not statuses:
        return "No source is known to hold a record of this patient."
    answered = [status for status in statuses if status.outcome in WHOLE_ANSWERS]
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

    Any known allergy comes first. Unless every source that can hold allergies gave a whole answer about them they are
    unavailable. "None known" needs a source to say so, and nothing withheld or left out by anybody.
    """
    entries = record.section(RecordCategory.ALLERGIES).entries
    if any(entry.standing in {Standing.ACTIVE, Standing.UNKNOWN} for entry in entries):
        return AllergyStatus.KNOWN
    holders = [status for status in statuses if RecordCategory.ALLERGIES in status.holds]
    if not holders or missing_for(category=RecordCategory.ALLERGIES, statuses=holders):
        return AllergyStatus.UNAVAILABLE
    # Any notice: what a source warns of in words that we do not know may be allergies as well.
    left_out = withheld or any(
        _concerns(notice=notice, category=RecordCategory.ALLERGIES) for status in holders for notice in status.notices
    )
    if not left_out and any(entry.no_known_allergy for entry in entries):
        return AllergyStatus.NONE_KNOWN
    return AllergyStatus.NOT_RECORDED


def _lacks(*, category: RecordCategory, status: SourceStatus) -> bool:
    if category not in status.holds:
        return False
    if status.outcome not in WHOLE_ANSWERS:
        return True
    unanswered = any(
        notice.code in UNANSWERED_NOTICES and _concerns(notice=notice, category=category) for notice in status.notices
    )
    set_aside = any(quarantined in {category, None} for quarantined, _ in status.quarantined)
    untranslated = any(kept is category for kept, _ in status.untranslated)
    return unanswered or set_aside or untranslated


def _answered_in_part(status: SourceStatus) -> bool:
    partly = any(notice.code in UNANSWERED_NOTICES | PARTIAL_NOTICES for notice in status.notices)
    return status.outcome is Outcome.ANSWERED and (partly or bool(status.quarantined))


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
        if category in status.holds and status.outcome not in WHOLE_ANSWERS:
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
