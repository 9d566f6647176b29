"""An entry -> a row of a list, with what its sources say and where they differ. Pure.

However much sources send, a row stays short: of its lines, claims and conflicts the first are drawn. What is not drawn
is counted, and a link leads to it.
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
# Entries that share a conflict and each show it in full; of more, the first does, and the others point to it.
FULL_CONFLICTS = 4
CONFLICTS_SHOWN = 10  # per row
LINES_SHOWN = 40  # per row of a list
LONGEST_LINE = 1000  # characters of one line in a list; the source's copy has the whole
LONGEST_CLAIM = 300
ROW_WEIGHT = 900  # bytes: the frame of a row
LINE_WEIGHT = 50  # bytes: the frame of a line or of a claim

TAG_COLOURS: Mapping[Standing, str] = {
    Standing.ACTIVE: "green",
    Standing.PAST: "grey",
    Standing.RETRACTED: "red",
    Standing.NEGATED: "white",
    Standing.NO_INFORMATION: "white",
    Standing.UNKNOWN: "yellow",
}
# How things stand that must be said even where all else has simply happened.
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
    """`more` claims are not shown here; `in_entry`: they are all in the entry's own copies, else in its section.

    `anchor` names a conflict that others point to, `pointed_to` the one that this row points to instead of claims.
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
    """One entry. `tag` is empty where its standing says nothing; `more_lines` and `more_conflicts` are not drawn."""

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
    conflicts: tuple[ConflictShown, ...]
    more_lines: int = 0
    more_conflicts: int = 0

    @cached_property
    def weight(self) -> int:
        """About how many bytes it is drawn in."""
        texts = [self.heading, self.heading, *self.sources, *(text for line in self.details for text in line)]
        texts.extend(
            text for conflict in self.conflicts for claim in conflict.claims for text in (claim.source, claim.says)
        )
        frames = len(self.details) + sum(len(conflict.claims) + 5 for conflict in self.conflicts)
        return ROW_WEIGHT + LINE_WEIGHT * frames + len(html.escape("".join(texts)).encode())


@dataclass(kw_only=True)
class RowMaker:
    """Makes the rows of one page or section, and remembers which conflicts it has written out there.

    `prefix` keeps the anchors of several makers on one page apart.
    """

    names: SourceNames
    lines: int = LINES_SHOWN
    prefix: str = "page"
    _written: dict[int, str] = field(default_factory=dict)

    def row(self, *, entry: Entry) -> Row:
        """Return one entry as a row."""
        tagged = CATEGORIES[entry.category].is_lasting or entry.standing in ALWAYS_TAGGED
        doubted = any(conflict.kind is ConflictKind.RETRACTION for conflict in entry.conflicts)
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
            may_be_retracted=doubted and entry.standing is not Standing.RETRACTED,
            conflicts=tuple(self._conflict(conflict) for conflict in entry.conflicts[:CONFLICTS_SHOWN]),
            more_lines=max(0, len(entry.lines) - self.lines),
            more_conflicts=max(0, len(entry.conflicts) - CONFLICTS_SHOWN),
        )

    def _detail(self, line: DetailLine) -> tuple[str, str]:
        label = ", ".join([line.label, *map(self.names.of, line.source_ids)])
        value = wording.sent_dates(line.value) if line.label in DATE_LABELS else line.value
        return (label, shortened(value, longest=LONGEST_LINE))

    def _conflict(self, conflict: Conflict) -> ConflictShown:
        lead = CONFLICT_LEADS.get(conflict.kind, "Sources disagree.")
        shared = len(conflict.entry_keys) > FULL_CONFLICTS
        if shared and id(conflict) in self._written:
            pointed_to = self._written[id(conflict)]
            return ConflictShown(lead=lead, statement=conflict.statement, claims=(), pointed_to=pointed_to)
        if shared:
            self._written[id(conflict)] = f"conflict-{self.prefix}-{len(self._written) + 1}"
        return ConflictShown(
            lead=lead,
            statement=conflict.statement,
            claims=tuple(
                Claim(source=self.names.of(source_id), says=shortened(says, longest=LONGEST_CLAIM))
                for source_id, says in conflict.claims[:CLAIMS_SHOWN]
            ),
            more=max(0, len(conflict.claims) - CLAIMS_SHOWN),
            in_entry=len(conflict.entry_keys) == 1,
            anchor=self._written.get(id(conflict), ""),
        )


def shortened(words: str, *, longest: int) -> str:
    """Return words that fit in a list, saying where the rest is. `longest`: characters."""
    return words if len(words) <= longest else f"{words[:longest]} … (see the source copy for the full text)"
