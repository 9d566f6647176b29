"""What a record may claim, given who was asked and who answered. Absence is never read as a negative. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connectors.contract import Notice, Outcome, RecordCategory


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
