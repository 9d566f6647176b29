"""The sentences that say how complete a record is: how each source stands, and what a section lacks. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aggregator.record.categories import CATEGORIES
from aggregator.record.completeness.claims import AllergyStatus, Emptiness, SourceStatus
from aggregator.record.dates import LONDON
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Outcome, reason_of

# Source: NHS Common User Interface, patient banner, zone 2; the last is ours.
ALLERGY_WORDS: Mapping[AllergyStatus, str] = {
    AllergyStatus.KNOWN: "Known allergies",
    AllergyStatus.NONE_KNOWN: "No known allergies",
    AllergyStatus.NOT_RECORDED: "Allergies not recorded",
    AllergyStatus.UNAVAILABLE: "Allergies unavailable",
    AllergyStatus.NONE_YOU_MAY_SEE: "Allergies: none recorded in what you may see",
}
# Of what one source says about one kind of content, and of each thing that it says, in characters.
MOST_NOTICES, MOST_CHARACTERS = 20, 500
NO_SOURCES = "No source is known to hold a record of this patient that you may see."


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something to be said beside a section: which source it is about, and what."""

    source_name: str
    words: str


def in_words(*, status: SourceStatus) -> str:
    """Return how a source stands, in words for people."""
    if status.kept_for_s is not None:
        return f"{_answer_words(status)}; {_kept_words(status)}"
    return _answer_words(status)


def _answer_words(status: SourceStatus) -> str:
    if status.outcome is None:
        return "Asked, waiting"
    if status.outcome is Outcome.ANSWERED and status.answered_in_part:
        return Outcome.ANSWERED_IN_PART.words
    words = outcome_words(outcome=status.outcome, reason=status.reason)
    return f"{words}, since {status.since.astimezone(LONDON):%H:%M}" if status.since else words


def _kept_words(status: SourceStatus) -> str:
    """Return as of when an answer is that was held already, and how old it was when the record was opened."""
    age_s = status.kept_for_s or 0.0
    minutes = math.ceil(age_s / 60)
    age = "less than a minute" if age_s < 60 else "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"held answer, as of {_moment(status.answered_at)}, {age} before this record was opened"


def _moment(at: datetime | None) -> str:
    return f"{at.astimezone(LONDON):%d-%b-%Y %H:%M}" if at else "a time that is not known"


def outcome_words(*, outcome: Outcome, reason: str) -> str:
    """Return how the asking of a source ended, and why, in words for people."""
    why = reason_of(reason)
    return f"{outcome.words}: {why.words}" if why else outcome.words


def failure_words(name: str, /) -> str:
    """Return how a request ended that a source failed, in words for people; `name` is an outcome's or its reason's.

    A worker of a newer version may name one that this one does not know.
    """
    why = reason_of(name)
    if why is None and name not in set(Outcome):
        return "A fault that this version has no words for"
    return outcome_words(outcome=why.outcome if why else Outcome(name), reason=name)


def issue_code(*, outcome: Outcome, reason: str) -> str:
    """Return the code by which a FHIR caller is told how the asking of a source ended, and why.

    Source: http://hl7.org/fhir/issue-type, R4.
    """
    why = reason_of(reason)
    return why.issue_code if why else outcome.issue_code


def summary_line(*, statuses: Sequence[SourceStatus]) -> str:
    """Return the completeness of a record in one sentence: how many answered, who in part, and who did not."""
    if not statuses:
        return NO_SOURCES
    waiting = [status.name for status in statuses if status.outcome is None]
    parts = [_answered(statuses)]
    if waiting:
        parts.append(f"waiting for {_listed(waiting, last='and')}")
    parts.extend(
        f"{status.name}: {_lower_first(in_words(status=status))}"
        for status in statuses
        if status.outcome is not None and (status.answered_in_part or not status.has_answered)
    )
    if kept := [status for status in statuses if status.kept_for_s is not None]:
        parts.append(_kept_line(kept))
    return "; ".join(parts) + "."


def _kept_line(kept: Sequence[SourceStatus]) -> str:
    oldest = min((status.answered_at for status in kept if status.answered_at), default=None)
    if len(kept) == 1:
        return f"1 answer was held already, as of {_moment(oldest)}"
    return f"{len(kept)} answers were held already, the oldest as of {_moment(oldest)}"


def progress_line(*, statuses: Sequence[SourceStatus]) -> str:
    """Return in one short sentence how many answered and how many are awaited, to be read aloud as it changes."""
    if not statuses:
        return NO_SOURCES
    waiting = sum(status.outcome is None for status in statuses)
    return f"{_answered(statuses)}; waiting for {waiting} more." if waiting else f"{_answered(statuses)}."


def _answered(statuses: Sequence[SourceStatus]) -> str:
    count = sum(status.has_answered for status in statuses)
    return f"{count} of {len(statuses)} {'source has' if len(statuses) == 1 else 'sources have'} answered"


def empty_words(*, emptiness: Emptiness, category: RecordCategory) -> str:
    """Return what is said in a section without entries."""
    match emptiness:
        case Emptiness.WAITING:
            return "Waiting for sources to answer."
        case Emptiness.INCOMPLETE:
            return "Nothing received. This does not mean that there is nothing: not every source has answered in full."
        case Emptiness.NO_HOLDER:
            return f"No source that was asked provides {CATEGORIES[category].many}."
        case Emptiness.NONE_YOU_MAY_SEE:
            return "There is nothing of this kind in what you may see."
        case Emptiness.NONE_HELD:
            return "The sources that answered hold nothing of this kind."


def in_brief(*, status: SourceStatus) -> SourceStatus:
    """Return a status with as much of what its source says as there is room for on a page, and that there is more.

    Of many notices about one kind of content the first, those of a gap before others; of a long one its beginning.
    """
    if len(status.notices) <= MOST_NOTICES and all(len(notice.text) <= MOST_CHARACTERS for notice in status.notices):
        return status
    kept: list[Notice] = [notice for notice in status.notices if notice.code is NoticeCode.NOT_SERVED]
    said: dict[RecordCategory | None, dict[str, Notice]] = {}
    for notice in sorted(status.notices, key=lambda notice: not notice.code.is_of_a_gap):
        if notice.code is not NoticeCode.NOT_SERVED:
            said.setdefault(notice.category, {}).setdefault(notice.words, notice)
    for category, notices in said.items():
        kept += map(_shortened, list(notices.values())[:MOST_NOTICES])
        if (left := len(notices) - MOST_NOTICES) > 0:
            words = f"It says {left:,} more {'thing' if left == 1 else 'things'}, for which there is no room here."
            kept.append(Notice(code=NoticeCode.RESOURCE_WARNING, text=words, category=category))
    return replace(status, notices=tuple(kept))


def _shortened(notice: Notice) -> Notice:
    if len(notice.text) <= MOST_CHARACTERS:
        return notice
    words = f"{notice.text[:MOST_CHARACTERS]}… (the first of {len(notice.text):,} characters)"
    return replace(notice, text=words)


def remarks_on(*, category: RecordCategory, statuses: Sequence[SourceStatus]) -> tuple[Remark, ...]:
    """Return what a reader of a section must know: who is missing, what was set aside, what is not shown."""
    return tuple(
        dict.fromkeys(
            Remark(source_name=status.name, words=words)
            for status in statuses
            for words in _remarks_on(category, status)
        )
    )


def _remarks_on(category: RecordCategory, status: SourceStatus) -> Iterable[str]:
    if category in status.holds and not status.has_answered:
        yield f"{in_words(status=status)}."
        return
    for notice in status.notices:
        if notice.category is category and notice.code is not NoticeCode.NOT_SERVED:
            yield notice.words
    yield from (_not_shown(count) for set_aside, count in status.quarantined if set_aside is category)
    yield from (_not_shown_yet(count) for untranslated, count in status.untranslated if untranslated is category)


def remarks_on_source(*, status: SourceStatus) -> tuple[str, ...]:
    """Return what must be known of one source's whole answer."""
    remarks = [notice.words for notice in status.notices if notice.code is not NoticeCode.NOT_SERVED]
    if not_served := _not_served(status):
        remarks.append(f"Its system does not provide {_listed(not_served, last='or')}.")
    remarks.extend(_not_shown(count, under=category) for category, count in status.quarantined)
    remarks.extend(_not_shown_yet(count, under=category) for category, count in status.untranslated)
    if status.billing_count:
        entries = "1 entry is" if status.billing_count == 1 else f"{status.billing_count:,} entries are"
        remarks.append(f"{entries} about billing, which is not part of a care record.")
    return tuple(dict.fromkeys(remarks))


def doubts_about_source(*, status: SourceStatus) -> tuple[str, ...]:
    """Return what must be known of one source's whole answer, save what the source has only remarked."""
    notices = tuple(notice for notice in status.notices if notice.code is not NoticeCode.REMARK)
    return remarks_on_source(status=replace(status, notices=notices))


def _not_served(status: SourceStatus) -> Sequence[str]:
    not_served = {notice.category for notice in status.notices if notice.code is NoticeCode.NOT_SERVED}
    named = [rules.many for category, rules in CATEGORIES.items() if category in not_served]
    return [*named, "some content"] if None in not_served else named


def _not_shown(count: int, *, under: RecordCategory | None = None) -> str:
    return f"{_items(count, under=under)} could not be shown."


def _not_shown_yet(count: int, *, under: RecordCategory | None = None) -> str:
    return f"{_items(count, under=under)} {'was' if count == 1 else 'were'} received but cannot be shown yet."


def _items(count: int, *, under: RecordCategory | None) -> str:
    items = "1 item" if count == 1 else f"{count:,} items"
    return f"{items} under {CATEGORIES[under].title}" if under else items


def _listed(names: Sequence[str], *, last: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def _lower_first(words: str) -> str:
    return words[:1].lower() + words[1:]
