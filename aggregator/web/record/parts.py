"""What is drawn under the heading of an entry: results in a table, what stands under headings, documents. Pure.

However much sources send, a row stays short: what is not drawn is counted, with a link to it.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

from aggregator.record.arrange import Branch, branches_of
from aggregator.record.attachments import Attachment
from aggregator.record.categories import CATEGORIES
from aggregator.record.dates import DAY_LENGTH
from aggregator.record.files import size_in_words, type_in_words
from aggregator.record.parts import Part, every_part
from aggregator.record.timeline import DATE_LABELS, DetailLabel, DetailLine, Entry, Standing
from aggregator.web import wording
from aggregator.web.record.sources import SourceNames

MEMBERS_SHOWN = 50  # results per row of a list
MENTIONS_SHOWN = 25  # entries that a row of a list mentions
LASTING_MENTIONS_SHOWN = 6  # of what lasts, such as a problem, to which a whole history may be related
DOCUMENTS_SHOWN = 20
LONGEST_LINE = 1000  # characters per line; the source copy has the full text
LONGEST_MENTION = 200
# Bytes of HTML of one entry's results: in a list, no more are drawn; on its own page, their notes are left out.
ROW_MEMBERS_WEIGHT = 30_000
MEMBERS_WEIGHT = 150_000
MEMBER_WEIGHT = 320  # bytes of markup per result
MENTION_WEIGHT = 150

# Standings that are always shown, even of what has happened.
ALWAYS_TAGGED = frozenset({Standing.RETRACTED, Standing.NEGATED, Standing.NO_INFORMATION})
MAY_BE_IN_ERROR = "May have been entered in error"
UNREMARKABLE_FLAGS = frozenset({"", "normal", "n"})
_COLUMNS = frozenset({DetailLabel.VALUE, DetailLabel.FLAG, DetailLabel.REFERENCE_RANGE})
# What the line of a whole says of the part that it tells.
_TOLD = frozenset({DetailLabel.VALUE, DetailLabel.FORMAT})
_LABELS = frozenset(DetailLabel)

Labelled = tuple[tuple[str, str], ...]
Said = AbstractSet[tuple[str, str]]  # lines that need not be said again


@dataclass(frozen=True, kw_only=True)
class Member:
    """One result in a table. `key` is its entry's, "" for what is no entry; `notes` are its further lines.

    `tag` says that it does not stand as it is, and `differs` that its sources disagree.
    """

    key: str
    name: str
    value: str
    parts: Labelled
    reference_range: str
    flag: str
    notes: Labelled
    tag: str = ""
    differs: bool = False

    @property
    def is_flagged(self) -> bool:
        """Whether its flag says more than that it is normal."""
        return self.flag.casefold() not in UNREMARKABLE_FLAGS

    @cached_property
    def weight(self) -> int:
        """Roughly how many bytes of HTML it takes."""
        texts = [self.name, self.value, self.reference_range, self.flag]
        texts.extend(text for line in (*self.parts, *self.notes) for text in line)
        return MEMBER_WEIGHT + 60 * len(self.notes) + len(html.escape("".join(texts)).encode())


@dataclass(frozen=True, kw_only=True)
class MemberGroup:
    """Results under the heading of their group, "" for those of the entry itself. `notes` are the group's own lines.

    One without results is something else that belongs to the entry, such as the request for it.
    """

    key: str
    heading: str
    notes: Labelled
    members: tuple[Member, ...]
    tag: str = ""
    differs: bool = False

    @property
    def has_ranges(self) -> bool:
        """Whether any of its results has a reference range."""
        return any(member.reference_range for member in self.members)

    @property
    def has_flags(self) -> bool:
        """Whether any of its results has a flag."""
        return any(member.flag for member in self.members)

    @property
    def weight(self) -> int:
        """Roughly how many bytes of HTML it takes."""
        own = html.escape("".join([self.heading, *(text for line in self.notes for text in line)]))
        return MEMBER_WEIGHT + len(own.encode()) + sum(member.weight for member in self.members)


@dataclass(frozen=True, kw_only=True)
class Mention:
    """An entry that is mentioned in another, in a few words that lead to it."""

    key: str
    words: str
    tag: str = ""


@dataclass(frozen=True, kw_only=True)
class Content:
    """A heading with what stands under it. `level` is how deep it lies, from 0."""

    level: int
    heading: str
    lines: Labelled
    mentions: tuple[Mention, ...]

    @property
    def weight(self) -> int:
        """Roughly how many bytes of HTML it takes."""
        texts = [self.heading, *(text for line in self.lines for text in line)]
        texts.extend(mention.words for mention in self.mentions)
        return MENTION_WEIGHT * (1 + len(self.mentions)) + len(html.escape("".join(texts)).encode())


@dataclass(frozen=True, kw_only=True)
class DocumentShown:
    """A document of an entry, by its number from 1: what it is in words, or where it is.

    `verb` says what its page does: open it, or ask its source for it; "" where neither can be done.
    """

    number: int
    verb: str
    words: str


@dataclass(frozen=True, kw_only=True)
class PartsShown:
    """What is drawn under the heading of an entry. `more_members` and `more_mentions` are counts.

    `missing` says in words what belongs here and is not there, "" where nothing is known to be missing.
    """

    groups: tuple[MemberGroup, ...] = ()
    more_members: int = 0
    contents: tuple[Content, ...] = ()
    more_mentions: int = 0
    missing: str = ""
    documents: tuple[DocumentShown, ...] = ()
    more_documents: int = 0

    @property
    def weight(self) -> int:
        """Roughly how many bytes of HTML it takes."""
        drawn = sum(group.weight for group in self.groups) + sum(content.weight for content in self.contents)
        return drawn + sum(MENTION_WEIGHT + len(document.words) for document in self.documents)


NO_PARTS = PartsShown()


@dataclass(frozen=True, kw_only=True)
class PartsMaker:
    """Makes what is drawn under the headings of entries, of one showing of a record.

    `entries` are all of the record's. With `in_full` all of an entry's results and headings are drawn, as on its own
    page.
    """

    names: SourceNames
    entries: Mapping[str, Entry]
    in_full: bool = False

    def parts(self, *, entry: Entry) -> PartsShown:
        """Return what is drawn under the heading of an entry."""
        if not entry.parts and not entry.attachments:
            return NO_PARTS
        branches, undrawn = branches_of(entry=entry, entries=self.entries)
        groups, left_out = self._groups(entry, branches)
        contents, unmentioned = self._contents(entry)
        shown = len(entry.attachments) if self.in_full else DOCUMENTS_SHOWN
        return PartsShown(
            groups=groups,
            more_members=undrawn + left_out,
            contents=contents,
            more_mentions=unmentioned,
            missing=self._missing(entry),
            documents=tuple(
                document_shown(number=number, attachment=attachment)
                for number, attachment in enumerate(entry.attachments[:shown], 1)
            ),
            more_documents=max(0, len(entry.attachments) - shown),
        )

    def _groups(self, entry: Entry, branches: Sequence[Branch]) -> tuple[tuple[MemberGroup, ...], int]:
        """Return the results that are drawn within an entry, in their groups, and how many are left out."""
        drawn: list[MemberGroup] = []
        room = None if self.in_full else MEMBERS_SHOWN
        weight, left_out = 0, 0
        for heading, whole, members in self._flattened(entry, branches):
            kept = members if room is None else members[:room]
            left_out += len(members) - len(kept)
            if room is not None:
                room -= len(kept)
            if members and not kept:
                continue
            said_above = {(line.label, line.value) for line in entry.lines}
            days = {_day(member.entry) for member in kept if member.entry} - {""}
            shared = days.pop() if len(days) == 1 else ""
            rows = []
            for member in kept:
                row = self._member(member, said_above, day=shared or _day(entry))
                if not self.in_full and weight + row.weight > ROW_MEMBERS_WEIGHT and weight:
                    left_out += 1
                    continue
                if weight + row.weight > MEMBERS_WEIGHT:
                    row = _without_notes(row)
                weight += row.weight
                rows.append(row)
            if kept and not rows:
                continue
            drawn.append(self._group(heading, whole, rows, said_above, day=shared if shared != _day(entry) else ""))
        return tuple(drawn), left_out

    def _flattened(
        self, entry: Entry, branches: Sequence[Branch], path: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, Entry | None, list[Branch]]]:
        """Yield the results under each heading: an entry's own first, then those of each group in it.

        What is no result, such as the request that a report answers, has a heading of its own.
        """
        results: list[Branch] = []
        groups: list[tuple[Entry, Branch]] = []
        for branch in branches:
            if branch.entry is None or (branch.entry.is_measurement and not branch.branches):
                if not self._is_told(branch):
                    results.append(branch)
            elif branch.branches or not self._is_told(branch):
                groups.append((branch.entry, branch))
        if results or path:
            yield " – ".join(path), entry if path else None, results
        for group, branch in groups:
            yield from self._flattened(group, branch.branches, (*path, _name(branch)))

    def _is_told(self, branch: Branch) -> bool:
        """Return whether the lines of the whole say all that there is to say of a part."""
        entry = branch.entry
        if not branch.part.is_told or entry is None or self.in_full:
            return False
        plain = len(entry.source_ids) == 1 and not entry.conflicts and entry.standing not in ALWAYS_TAGGED
        return plain and all(line.label in _TOLD for line in entry.lines)

    def _group(
        self,
        heading: str,
        whole: Entry | None,
        members: Sequence[Member],
        said_above: Said,
        *,
        day: str,
    ) -> MemberGroup:
        dated = ((DetailLabel.DATE.value, wording.sent_date(day)),) if day else ()
        if whole is None:
            return MemberGroup(key="", heading="", notes=dated, members=tuple(members))
        lines = (line for line in whole.lines if (line.label, line.value) not in said_above)
        return MemberGroup(
            key=whole.key,
            heading=wording.shortened(heading, longest=LONGEST_LINE),
            notes=(*dated, *self._labelled(lines)),
            members=tuple(members),
            tag=_tag(whole),
            differs=bool(whole.conflicts),
        )

    def _member(self, branch: Branch, said_above: Said, *, day: str) -> Member:
        entry = branch.entry
        lines = entry.lines if entry else _as_lines(branch.part.lines)
        further = [
            line
            for line in lines
            if line.label not in _COLUMNS and line.label in _LABELS and (line.label, line.value) not in said_above
        ]
        notes = self._labelled(further)
        if entry and entry.date and _day(entry) != day:
            label = DetailLabel.RECORDED if entry.is_date_of_recording else DetailLabel.DATE
            notes = ((label.value, wording.sent_date(entry.date.text)), *notes)
        return Member(
            key=entry.key if entry else "",
            name=wording.shortened(_name(branch), longest=LONGEST_MENTION),
            value=self._column(lines, DetailLabel.VALUE),
            parts=self._labelled(line for line in lines if line.label not in _LABELS),
            reference_range=self._column(lines, DetailLabel.REFERENCE_RANGE),
            flag=self._column(lines, DetailLabel.FLAG),
            notes=notes,
            tag=_tag(entry) if entry else "",
            differs=bool(entry and entry.conflicts),
        )

    def _column(self, lines: Iterable[DetailLine], label: DetailLabel) -> str:
        """Return what stands in a column; where sources differ, who says what."""
        said = [
            f"{line.value} ({', '.join(map(self.names.of, line.source_ids))})" if line.source_ids else line.value
            for line in lines
            if line.label == label
        ]
        return wording.shortened("; ".join(said), longest=LONGEST_LINE)

    def _labelled(self, lines: Iterable[DetailLine]) -> Labelled:
        return tuple(detail(line=line, names=self.names) for line in lines)

    def _contents(self, entry: Entry) -> tuple[tuple[Content, ...], int]:
        """Return the headings under an entry with what they mention, and how much is left out."""
        contents: list[Content] = []
        most = LASTING_MENTIONS_SHOWN if CATEGORIES[entry.category].is_lasting else MENTIONS_SHOWN
        room = None if self.in_full else most
        left_out = 0
        for run in _runs(entry.parts):
            kept = run.keys if room is None else run.keys[:room]
            left_out += len(run.keys) - len(kept)
            if room is not None:
                room -= len(kept)
            lines = run.lines if room is None or room > 0 else ()
            contents.append(
                Content(
                    level=run.level,
                    heading=wording.shortened(run.heading, longest=LONGEST_MENTION),
                    lines=self._labelled(_as_lines(lines)),
                    mentions=tuple(mention_of(entry=self.entries[key]) for key in kept),
                )
            )
        return _with_something_under(contents), left_out

    def _missing(self, entry: Entry) -> str:
        count = sum(part.missing for part in every_part(entry.parts))
        if not count:
            return ""
        noun = CATEGORIES[entry.category].part
        words = f"1 {noun} that belongs" if count == 1 else f"{count:,} {noun}s that belong"
        return f"{words} here did not come with the record or cannot be shown."


def detail(*, line: DetailLine, names: SourceNames) -> tuple[str, str]:
    """Return a line of an entry as its label and value, dates written for people and long values cut."""
    label = ", ".join([line.label, *map(names.of, line.source_ids)])
    value = wording.sent_dates(line.value) if line.label in DATE_LABELS else line.value
    return (label, wording.shortened(value, longest=LONGEST_LINE))


def mention_of(*, entry: Entry) -> Mention:
    """Return an entry in a few words: its heading, and what was measured."""
    said = {line.label: line.value for line in reversed(entry.lines)}
    words = f"{entry.heading} {said.get(DetailLabel.VALUE, '')}".strip()
    if entry.is_measurement and DetailLabel.VALUE not in said and DetailLabel.NOTE in said:
        words = f"{entry.heading}: {said[DetailLabel.NOTE]}"
    status = said.get(DetailLabel.STATUS, "")
    if status and not CATEGORIES[entry.category].is_lasting and entry.standing not in ALWAYS_TAGGED:
        words = f"{wording.shortened(words, longest=LONGEST_MENTION)} (status: {status})"
    return Mention(key=entry.key, words=wording.shortened(words, longest=LONGEST_MENTION), tag=_tag(entry))


def document_shown(*, number: int, attachment: Attachment) -> DocumentShown:
    """Return what is said of a document: what it is, and whether it is at hand."""
    what = attachment.title or "Document"
    sort = ", ".join([*map(type_in_words, attachment.content_types[:1]), *_size_words(attachment.size)])
    name = wording.shortened(f"{what} ({sort})" if sort else what, longest=LONGEST_MENTION)
    if attachment.held:
        return DocumentShown(number=number, verb="Open", words=name)
    if attachment.may_be_at_source:
        return DocumentShown(number=number, verb="Ask for", words=name)
    where = "its address cannot be followed" if attachment.address else "not sent with the record"
    return DocumentShown(number=number, verb="", words=f"{name}: {where}")


def _as_lines(labelled: Labelled) -> tuple[DetailLine, ...]:
    return tuple(DetailLine(label=label, value=value) for label, value in labelled)


def _size_words(size: str) -> list[str]:
    return [size_in_words(size=int(size))] if size.isascii() and size.isdecimal() and len(size) < 13 else []


def _day(entry: Entry) -> str:
    return entry.date.text[:DAY_LENGTH] if entry.date else ""


def _name(branch: Branch) -> str:
    if branch.entry is None:
        return branch.part.heading
    return ": ".join(words for words in (branch.part.heading, branch.entry.heading) if words)


def _tag(entry: Entry) -> str:
    """Return how an entry stands where it is drawn or mentioned in another, "" where it stands as what has happened."""
    if entry.may_be_in_error and entry.standing is not Standing.RETRACTED:
        return MAY_BE_IN_ERROR
    is_tagged = entry.is_doubted or entry.standing in ALWAYS_TAGGED
    return wording.STANDING_WORDS[entry.standing] if is_tagged else ""


def _without_notes(member: Member) -> Member:
    return Member(
        key=member.key,
        name=member.name,
        value=wording.shortened(member.value, longest=LONGEST_MENTION),
        parts=(),
        reference_range=wording.shortened(member.reference_range, longest=LONGEST_MENTION),
        flag=wording.shortened(member.flag, longest=LONGEST_MENTION),
        notes=(("More", "see the source copy"),) if member.notes or member.parts else (),
        tag=member.tag,
        differs=member.differs,
    )


@dataclass(kw_only=True)
class _Run:
    """What stands under one heading before the next one begins."""

    level: int
    heading: str
    lines: Labelled = ()
    keys: list[str] = field(default_factory=list)


def _runs(parts: Sequence[Part], *, heading: str = "", lines: Labelled = (), level: int = 0) -> list[_Run]:
    """Return the headings of parts with what stands under each, in the order sent; a heading is said once."""
    runs = [_Run(level=level, heading=heading, lines=lines)]
    for part in parts:
        if part.is_own or part.missing:
            continue
        if part.entry_key:
            if runs[-1].level != level:
                runs.append(_Run(level=level, heading=""))
            runs[-1].keys.append(part.entry_key)
        else:
            below = level + 1 if part.heading else level
            runs.extend(_runs(part.parts, heading=part.heading, lines=part.lines, level=below))
    return runs


def _with_something_under(contents: Sequence[Content]) -> tuple[Content, ...]:
    """Return the headings under which something stands: one with nothing under it is left out."""
    kept: list[Content] = []
    for content in reversed(contents):
        if content.mentions or content.lines or (content.heading and kept and kept[-1].level > content.level):
            kept.append(content)
    return tuple(reversed(kept))
