"""What the record page shows of a record. Pure: nothing is decided here, only worded and ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from aggregator.record.categories import CATEGORIES
from aggregator.record.completeness.claims import (
    AllergyStatus,
    allergies_named_elsewhere,
    known_allergies,
    sources_that_know_of_no_allergies,
)
from aggregator.record.completeness.words import ALLERGY_WORDS, progress_line, summary_line
from aggregator.services.view_record import RecordView
from aggregator.web import wording
from aggregator.web.banner import Banner
from aggregator.web.record.banner import record_banner
from aggregator.web.record.patient import DetailsShown, details_shown
from aggregator.web.record.rows import LONGEST_CLAIM
from aggregator.web.record.sections import SectionShown, sections_of
from aggregator.web.record.sources import SourceShown, names_of, source_shown

ALLERGIES_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class AllergiesShown:
    """What the banner says about allergies: the state in words, and the first allergies, or who says none.

    `more` counts those that only the section on allergies shows.
    """

    state: AllergyStatus
    words: str
    lines: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True, kw_only=True)
class RecordPage:
    """The record page. Screen readers announce `progress`; `conflicts` counts the places where sources differ.

    `uses_kept`: not every answer was asked for when the record was opened.
    """

    retrieval_id: UUID
    banner: Banner
    allergies: AllergiesShown
    summary: str
    progress: str
    complete: bool
    asked_at: str
    uses_kept: bool
    withheld: bool
    conflicts: int
    sources: tuple[SourceShown, ...]
    sections: tuple[SectionShown, ...]
    patient_details: tuple[DetailsShown, ...]

    @cached_property
    def drawn(self) -> frozenset[str]:
        """The keys of the entries that have a row on this page."""
        return frozenset(row.key for section in self.sections for row in (*section.rows, *section.more))


def record_page(*, view: RecordView) -> RecordPage:
    """Return what the record page shows."""
    names = names_of(statuses=view.sources)
    return RecordPage(
        retrieval_id=view.retrieval_id,
        banner=record_banner(view=view),
        allergies=_allergies(view),
        summary=summary_line(statuses=view.sources),
        progress=progress_line(statuses=view.sources),
        complete=view.complete,
        asked_at=wording.moment(view.asked_at),
        uses_kept=any(status.kept_for_s is not None for status in view.sources),
        withheld=view.withheld,
        conflicts=len(view.record.conflicts),
        sources=tuple(source_shown(status=status) for status in view.sources),
        sections=sections_of(view=view),
        patient_details=tuple(details_shown(details=details, names=names) for details in view.patient_details),
    )


def _allergies(view: RecordView) -> AllergiesShown:
    lines = _allergy_lines(view)
    return AllergiesShown(
        state=view.allergy_status,
        words=ALLERGY_WORDS[view.allergy_status],
        lines=tuple(lines[:ALLERGIES_SHOWN]),
        more=max(0, len(lines) - ALLERGIES_SHOWN),
    )


def _allergy_lines(view: RecordView) -> Sequence[str]:
    if view.allergy_status is AllergyStatus.KNOWN:
        allergies = known_allergies(record=view.record)
        return list(dict.fromkeys(wording.shortened(entry.heading, longest=LONGEST_CLAIM) for entry in allergies))
    if view.allergy_status is AllergyStatus.UNAVAILABLE:
        # Which sources say that no allergies are known, where that is not the whole answer.
        names = names_of(statuses=view.sources)
        denying = sources_that_know_of_no_allergies(record=view.record)
        named = [
            f"{wording.shortened(entry.heading, longest=LONGEST_CLAIM)} (under {CATEGORIES[entry.category].title})"
            for entry in allergies_named_elsewhere(record=view.record)
        ]
        return [*dict.fromkeys(named), *(f"{names.of(source_id)}: none known" for source_id in denying)]
    return ()
