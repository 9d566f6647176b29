"""What each source says of the patient, as the record page shows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.record.patient_details import PatientDetails
from aggregator.web import wording
from aggregator.web.record.rows import LONGEST_CLAIM
from aggregator.web.record.sources import SourceNames


@dataclass(frozen=True, kw_only=True)
class DetailsShown:
    """What one source says of the patient. `restricted`: what is not shown, in words; "" where nothing is left out."""

    source: str
    lines: tuple[tuple[str, str], ...]
    restricted: str


def details_shown(*, details: PatientDetails, names: SourceNames) -> DetailsShown:
    """Return the details of one source in words."""
    return DetailsShown(
        source=names.of(details.source_id),
        lines=tuple(
            (label, wording.shortened(wording.sent_dates(words), longest=LONGEST_CLAIM))
            for label, words in details.lines
        ),
        restricted="Where the patient lives and how to reach them is not shown: a source marks this as restricted. "
        "Letters and other free text are shown as they came, and may tell it."
        if details.is_restricted
        else "",
    )
