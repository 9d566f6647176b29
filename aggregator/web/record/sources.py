"""What the record page says about each source. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aggregator.record.completeness.claims import SourceStatus
from aggregator.record.completeness.words import in_brief, in_words, remarks_on_source
from aggregator.web import wording


@dataclass(frozen=True, kw_only=True)
class SourceNames:
    """The names of sources, by id."""

    by_id: Mapping[str, str]

    def of(self, source_id: str, /) -> str:
        """Return the name of a source; a source that is not in the plan is called "A source"."""
        return self.by_id.get(source_id, "A source")


@dataclass(frozen=True, kw_only=True)
class SourceShown:
    """The state of one source. `at` is when it answered, "" while it is awaited.

    `may_ask_again`: to ask it again may bring something else.
    """

    source_id: str
    name: str
    organisation: str
    words: str
    state: str
    at: str
    items: int
    remarks: tuple[str, ...]
    may_ask_again: bool


def names_of(*, statuses: Sequence[SourceStatus]) -> SourceNames:
    """Return the names of a record's sources."""
    return SourceNames(by_id={status.source_id: status.name for status in statuses})


def source_shown(*, status: SourceStatus) -> SourceShown:
    """Return what the page says about one source."""
    return SourceShown(
        source_id=status.source_id,
        name=status.name,
        organisation=status.organisation if status.organisation != status.name else "",
        words=in_words(status=status),
        state=status.outcome or "waiting",
        at=wording.clock(status.answered_at) if status.outcome else "",
        items=status.item_count,
        remarks=remarks_on_source(status=in_brief(status=status)),
        may_ask_again=status.may_change,
    )
