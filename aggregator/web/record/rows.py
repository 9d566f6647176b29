"""An entry as a row of a list, with what its sources say and where they differ. Pure.

However much sources send, a row stays short: only the first of its lines, claims and conflicts are shown. The rest is
counted, with a link to it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from aggregator.record.categories import CATEGORIES
from aggregator.record.timeline import DATE_LABELS, Conflict, ConflictKind, DetailLine, Entry, Standing
from aggregator.web import wording
from aggregator.web.record.sources import SourceNames

CLAIMS_SHOWN = 20  # per conflict
# If more entries than this share a conflict, only the first shows it in full; the others point to it.
FULL_CONFLICTS = 4
CONFLICTS_SHOWN = 10  # per row
FLAWS_SHOWN = 5  # per row
LINES_SHOWN = 40  # per row of a list
LONGEST_LINE = 1000  # characters per line of a list; the source copy has the full text
LONGEST_CLAIM = 300
ROW_WEIGHT = 900  # bytes of markup per row
LINE_WEIGHT = 50  # bytes of markup per line or claim

TAG_COLOURS: Mapping[Standing, str] = {
    Standing.ACTIVE: "green",
    Standing.PAST: "grey",
    Standing.RETRACTED: "red",
    Standing.NEGATED: "white",
    Standing.NO_INFORMATION: "white",
    Standing.UNKNOWN: "yellow",
}
# Standings that are always shown, even in sections whose entries are events.
ALWAYS_TAGGED = frozenset({Standing.RETRACTED, Standing.NEGATED, Standing.NO_INFORMATION})
CONFLICT_LEADS: Mapping[ConflictKind, str] = {
    ConflictKind.DOSE_WORDING: "Compare.",
    ConflictKind.RETRACTION: "Check.",
}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What one source says."""

    source: str
    says: str


@dataclass(frozen=True, kw_only=True)
class ConflictShown:
    """A conflict. `more` claims are not shown here, but with the entry's copies (`in_entry`) or in its section.

    `anchor` identifies a conflict that others point to; `pointed_to` is the one that this row points to, in place of
    its claims.
    """

    lead: str
    statement: str
    claims: tuple[Claim, ...]
    more: int = 0
    in_entry: bool = False
    anchor: str = ""
    pointed_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One entry. `tag` is empty where its standing is not shown; `more_lines` and `more_conflicts` are counts."""

    key: str
    section: str
    heading: str
    date: str
    tag: str
    tag_colour: str
    details: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    copies: int
    incidental: bool
    names_no_patient: bool
    may_be_retracted: bool
    flaws: tuple[str, ...]
    conflicts: tuple[ConflictShown, ...]
    more_lines: int = 0
    more_conflicts: int = 0
    more_flaws: int = 0

    @cached_property
    def weight(self) -> int:
        """Roughly how many bytes of HTML it takes."""
        texts = [
            self.heading,
            self.heading,
            *self.sources,
            *self.flaws,
            *(text for line in self.details for text in line),
        ]
        texts.extend(
            text for conflict in self.conflicts for claim in conflict.claims for text in (claim.source, claim.says)
        )
        frames = len(self.details) + sum(len(conflict.claims) + 5 for conflict in self.conflicts)
        return ROW_WEIGHT + LINE_WEIGHT * frames + len(html.escape("".join(texts)).encode())


@dataclass(kw_only=True)
class RowMaker:
    """Makes the rows of one page or section, and remembers which conflicts it has shown in full there.

    `prefix` keeps the anchors of several makers on one page distinct.
    """

    names: SourceNames
    lines: int = LINES_SHOWN
    prefix: str = "page"
    _shown_in_full: dict[int, str] = field(default_factory=dict)

    def row(self, *, entry: Entry) -> Row:
        """Return one entry as a row."""
        lasts = CATEGORIES[entry.category].is_lasting
        tagged = lasts or entry.is_doubted or entry.standing in ALWAYS_TAGGED
        flaws = self._flaws(entry)
        may_be_wrong = any(conflict.kind is ConflictKind.RETRACTION for conflict in entry.conflicts)
        return Row(
            key=entry.key,
            section=entry.category.value,
            heading=shortened(entry.heading, longest=LONGEST_LINE),
            date=wording.sent_date(entry.date.text) if entry.date else "Date not recorded",
            tag=wording.STANDING_WORDS[entry.standing] if tagged else "",
            tag_colour=TAG_COLOURS[entry.standing],
            details=tuple(self._detail(line) for line in entry.lines[: self.lines]),
            sources=tuple(self.names.of(source_id) for source_id in entry.source_ids),
            copies=len(entry.items),
            incidental=entry.incidental,
            names_no_patient=entry.names_no_patient,
            may_be_retracted=(may_be_wrong or entry.may_be_in_error) and entry.standing is not Standing.RETRACTED,
            flaws=flaws[:FLAWS_SHOWN],
            more_flaws=max(0, len(flaws) - FLAWS_SHOWN),
            conflicts=tuple(self._conflict(conflict) for conflict in entry.conflicts[:CONFLICTS_SHOWN]),
            more_lines=max(0, len(entry.lines) - self.lines),
            more_conflicts=max(0, len(entry.conflicts) - CONFLICTS_SHOWN),
        )

    def _flaws(self, entry: Entry) -> tuple[str, ...]:
        """Return what in an entry is not as the standard says, with the source where the entry has several."""
        several = len(entry.source_ids) > 1
        return tuple(
            dict.fromkeys(
                f"{self.names.of(item.source_id)}: {flaw.words}" if several else flaw.words
                for item in entry.items
                for flaw in item.flaws
            )
        )

    def _detail(self, line: DetailLine) -> tuple[str, str]:
        label = ", ".join([line.label, *map(self.names.of, line.source_ids)])
        value = wording.sent_dates(line.value) if line.label in DATE_LABELS else line.value
        return (label, shortened(value, longest=LONGEST_LINE))

    def _conflict(self, conflict: Conflict) -> ConflictShown:
        lead = CONFLICT_LEADS.get(conflict.kind, "Sources disagree.")
        shared = len(conflict.entry_keys) > FULL_CONFLICTS
        if shared and id(conflict) in self._shown_in_full:
            pointed_to = self._shown_in_full[id(conflict)]
            return ConflictShown(lead=lead, statement=conflict.statement, claims=(), pointed_to=pointed_to)
        if shared:
            self._shown_in_full[id(conflict)] = f"conflict-{self.prefix}-{len(self._shown_in_full) + 1}"
        return ConflictShown(
            lead=lead,
            statement=conflict.statement,
            claims=tuple(
                Claim(source=self.names.of(source_id), says=shortened(says, longest=LONGEST_CLAIM))
                for source_id, says in conflict.claims[:CLAIMS_SHOWN]
            ),
            more=max(0, len(conflict.claims) - CLAIMS_SHOWN),
            in_entry=len(conflict.entry_keys) == 1,
            anchor=self._shown_in_full.get(id(conflict), ""),
        )


def shortened(words: str, *, longest: int) -> str:
    """Return a text of at most `longest` characters, or its start and where the rest is."""
    return words if len(words) <= longest else f"{words[:longest]} … (see the source copy for the full text)"
