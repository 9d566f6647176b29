"""An entry as a row of a list, with what its sources say and where they differ. Pure.

However much sources send, a row stays short: only the first of its lines, claims and conflicts are shown. The rest is
counted, with a link to it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from aggregator.record.categories import CATEGORIES
from aggregator.record.dates import DAY_LENGTH, minute_of
from aggregator.record.timeline import Conflict, ConflictKind, DetailLabel, Entry, PartialDate, Standing
from aggregator.web import wording
from aggregator.web.record.parts import ALWAYS_TAGGED, LONGEST_LINE, NO_PARTS, PartsMaker, PartsShown, detail
from aggregator.web.record.sources import SourceNames

CLAIMS_SHOWN = 20  # per conflict
# If more entries than this share a conflict, only the first shows it in full; the others point to it.
FULL_CONFLICTS = 4
CONFLICTS_SHOWN = 10  # per row
FLAWS_SHOWN = 5  # per row
GROUPS_TOLD = 3  # beside the heading of a report
LINES_SHOWN = 40  # per row of a list
LONGEST_VALUE = 100  # characters of a value that stands beside its heading
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
# Of what is planned and is no longer to be done.
DONE_WORDS: Mapping[str, str] = {"completed": "Done", "revoked": "Cancelled"}
ROUTINE = frozenset({"", "Routine"})
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
    """One entry. `tag` is empty where its standing is not shown; `more_lines` and `more_conflicts` are counts.

    `value` is what was measured, and `urgency` how urgent a request is, "" where it is routine.
    """

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
    value: str = ""
    urgency: str = ""
    parts: PartsShown = NO_PARTS
    more_flaws: int = 0

    @property
    def has_parts(self) -> bool:
        """Whether anything is drawn under its heading."""
        return self.parts is not NO_PARTS

    @cached_property
    def weight(self) -> int:
        """Roughly how many bytes of HTML it takes."""
        texts = [
            self.heading,
            self.heading,
            self.value,
            *self.sources,
            *self.flaws,
            *(text for line in self.details for text in line),
        ]
        texts.extend(
            text for conflict in self.conflicts for claim in conflict.claims for text in (claim.source, claim.says)
        )
        frames = len(self.details) + sum(len(conflict.claims) + 5 for conflict in self.conflicts)
        return ROW_WEIGHT + LINE_WEIGHT * frames + len(html.escape("".join(texts)).encode()) + self.parts.weight


@dataclass(kw_only=True)
class RowMaker:
    """Makes the rows of one page or section, and remembers which conflicts it has shown in full there.

    `parts` makes what is drawn under their headings. `prefix` keeps the anchors of several makers on one page distinct.
    """

    parts: PartsMaker
    today: date
    lines: int = LINES_SHOWN
    prefix: str = "page"
    _shown_in_full: dict[int, str] = field(default_factory=dict)

    @property
    def names(self) -> SourceNames:
        """The names of the sources."""
        return self.parts.names

    def row(self, *, entry: Entry) -> Row:
        """Return one entry as a row."""
        flaws = self._flaws(entry)
        may_be_wrong = any(conflict.kind is ConflictKind.RETRACTION for conflict in entry.conflicts)
        value = _value_of(entry)
        lines = [line for line in entry.lines if not value or line.label != DetailLabel.VALUE]
        tag, colour = self._tag(entry)
        parts = self.parts.parts(entry=entry)
        priority = next((line.value for line in entry.lines if line.label == DetailLabel.PRIORITY), "")
        return Row(
            key=entry.key,
            section=entry.category.value,
            heading=wording.shortened(entry.heading, longest=LONGEST_LINE),
            date=_date_words(entry),
            tag=tag,
            tag_colour=colour,
            details=tuple(detail(line=line, names=self.names) for line in lines[: self.lines]),
            sources=tuple(self.names.of(source_id) for source_id in entry.source_ids),
            copies=len(entry.items),
            incidental=entry.incidental,
            names_no_patient=entry.names_no_patient,
            may_be_retracted=(may_be_wrong or entry.may_be_in_error) and entry.standing is not Standing.RETRACTED,
            flaws=flaws[:FLAWS_SHOWN],
            more_flaws=max(0, len(flaws) - FLAWS_SHOWN),
            conflicts=tuple(self._conflict(conflict) for conflict in entry.conflicts[:CONFLICTS_SHOWN]),
            more_lines=max(0, len(lines) - self.lines),
            more_conflicts=max(0, len(entry.conflicts) - CONFLICTS_SHOWN),
            value=value or _groups_told(entry, parts),
            urgency=priority if priority not in ROUTINE else "",
            parts=parts,
        )

    def _tag(self, entry: Entry) -> tuple[str, str]:
        """Return how an entry stands, in words and in a colour; "" where its date says it."""
        colour = TAG_COLOURS[entry.standing]
        if entry.is_doubted:
            return wording.STANDING_WORDS[entry.standing], colour
        if entry.is_open and _is_past(entry.due, today=self.today):
            return "Overdue", "orange"
        if entry.due and entry.standing is Standing.PAST:
            return DONE_WORDS.get(entry.status_text, wording.STANDING_WORDS[entry.standing]), colour
        tagged = CATEGORIES[entry.category].is_lasting or entry.standing in ALWAYS_TAGGED
        return (wording.STANDING_WORDS[entry.standing] if tagged else "", colour)

    def _flaws(self, entry: Entry) -> tuple[str, ...]:
        """Return what in an entry is not as the standard says, with the source where the entry has several."""
        if not any(item.flaws for item in entry.items):
            return ()
        several = len(entry.source_ids) > 1
        return tuple(
            dict.fromkeys(
                f"{self.names.of(item.source_id)}: {flaw.words}" if several else flaw.words
                for item in entry.items
                for flaw in item.flaws
            )
        )

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
                Claim(source=self.names.of(source_id), says=wording.shortened(says, longest=LONGEST_CLAIM))
                for source_id, says in conflict.claims[:CLAIMS_SHOWN]
            ),
            more=max(0, len(conflict.claims) - CLAIMS_SHOWN),
            in_entry=len(conflict.entry_keys) == 1,
            anchor=self._shown_in_full.get(id(conflict), ""),
        )


def _value_of(entry: Entry) -> str:
    """Return what was measured, where there is one such value and nobody says another."""
    values = [line for line in entry.lines if line.label == DetailLabel.VALUE]
    is_plain = len(values) == 1 and not values[0].source_ids and len(values[0].value) <= LONGEST_VALUE
    return values[0].value if is_plain and entry.is_measurement else ""


def _date_words(entry: Entry) -> str:
    if entry.due:
        return f"Due {wording.sent_date(entry.due.text)}"
    if entry.date is None:
        return "Date not recorded"
    words = wording.sent_date(entry.date.text)
    return f"Recorded {words}" if entry.is_date_of_recording else words


def _is_past(due: PartialDate | None, *, today: date) -> bool:
    """Return whether all of a day, month or year lies before today; no date that cannot be meant does."""
    if due is None or not due.sort_key:
        return False
    day = minute_of(date=due)[:DAY_LENGTH]
    return day < today.isoformat()[: len(day)]


def _groups_told(entry: Entry, parts: PartsShown) -> str:
    """Return what the groups of a report are called, where that is short: a report's own name may tell little."""
    names = [group.heading for group in parts.groups if group.members and group.heading not in ("", entry.heading)]
    return ", ".join(names) if len(names) <= GROUPS_TOLD else ""
