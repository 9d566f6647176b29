"""A showing of a record -> what the templates draw. Pure: nothing is decided here, only worded and put in order.

However much sources send, a page stays below 1 MB: of a long list the first are drawn, and the rest is on pages of its
own; what differs between many entries is written out once a page. What is not drawn is counted, and a link leads to it.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import accumulate
from uuid import UUID

import msgspec

from aggregator.record.categories import CATEGORIES, SECTIONS
from aggregator.record.completeness.claims import (
    AllergyStatus,
    SourceStatus,
    emptiness_of,
    known_allergies,
    sources_that_know_of_no_allergies,
)
from aggregator.record.completeness.words import (
    ALLERGY_WORDS,
    Remark,
    empty_words,
    in_words,
    progress_line,
    remarks_on,
    remarks_on_source,
    summary_line,
)
from aggregator.record.item import Item
from aggregator.record.references import target_of
from aggregator.record.rules import CategoryRules
from aggregator.record.timeline import DATE_LABELS, Conflict, ConflictKind, DetailLine, Entry, Standing
from aggregator.services.find_person import GoldenRecord, PersonSummary
from aggregator.services.view_record import RecordView
from aggregator.web import wording

ROWS_OPEN = 30
ROWS_DRAWN = 100  # per section of the record page
ROWS_A_PAGE = 200  # on a section's own pages
CLAIMS_SHOWN = 20  # per conflict
# Entries that share a conflict and each show it in full; of more, the first does, and the others point to it.
FULL_CONFLICTS = 4
CONFLICTS_SHOWN = 10  # per row
LINES_SHOWN = 40  # per row of a list
LINES_ON_ENTRY = 100
LONGEST_LINE = 1000  # characters of one line in a list; the source's copy has the whole
LONGEST_CLAIM = 300
# Bytes: what all rows of a page may weigh, and each section of a record page where they would weigh more together.
PAGE_WEIGHT = 500_000
SECTION_WEIGHT = PAGE_WEIGHT // len(SECTIONS)
ROW_WEIGHT = 900  # the frame of a row
LINE_WEIGHT = 50  # the frame of a line or of a claim

TAG_COLOURS = {
    Standing.ACTIVE: "green",
    Standing.PAST: "grey",
    Standing.RETRACTED: "red",
    Standing.NEGATED: "white",
    Standing.NO_INFORMATION: "white",
    Standing.UNKNOWN: "yellow",
}

CONFLICT_LEADS = {ConflictKind.DOSE_WORDING: "Compare.", ConflictKind.RETRACTION: "Check."}


@dataclass(frozen=True, kw_only=True)
class Banner:
    """The patient banner: four identifiers, always in sight. The dead have no age but that at death."""

    person_id: UUID
    name: str
    born: str
    age: str
    gender: str
    nhs_number: str
    number_remark: str
    address: str
    deceased: bool = False
    died: str = ""
    age_at_death: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Claim:
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


@dataclass(frozen=True, kw_only=True)
class SectionShown:
    slug: str
    title: str
    rows: tuple[Row, ...]
    more: tuple[Row, ...]
    remarks: tuple[Remark, ...]
    empty_words: str
    total: int = 0

    @property
    def undrawn(self) -> int:
        """How many entries are only on the section's own pages."""
        return self.total - len(self.rows) - len(self.more)


@dataclass(frozen=True, kw_only=True)
class SectionPage:
    """One page of one section. `first` is the place of its first row in the section, from 1."""

    retrieval_id: UUID
    banner: Banner
    summary: str
    withheld: bool
    slug: str
    title: str
    rows: tuple[Row, ...]
    remarks: tuple[Remark, ...]
    empty_words: str
    total: int
    first: int
    number: int
    pages: int


@dataclass(frozen=True, kw_only=True)
class SourceShown:
    name: str
    organisation: str
    words: str
    state: str
    at: str
    items: int
    remarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RecordPage:
    retrieval_id: UUID
    banner: Banner
    allergy_words: str
    allergy_state: str
    allergies: tuple[str, ...]
    allergy_claims: tuple[Claim, ...]
    summary: str
    progress: str
    complete: bool
    asked_at: str
    withheld: bool
    conflicts: int
    sources: tuple[SourceShown, ...]
    sections: tuple[SectionShown, ...]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One source's own copy, as text to read beside what we made of it."""

    source: str
    kind: str
    resource: str
    translated: bool
    original: str
    notes: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    retrieval_id: UUID
    banner: Banner
    row: Row
    section: str
    rule: str
    rule_version: str
    copies: tuple[Copy, ...]
    total: int
    first: int
    number: int
    pages: int


def banner_of(*, person: PersonSummary, today: date) -> Banner:
    """Return a person's banner."""
    golden = person.golden
    return Banner(
        person_id=person.person_id,
        name=wording.banner_name(family=golden.family, given=golden.given),
        born=wording.short_date(golden.birth_date),
        age="" if golden.deceased else wording.age(golden.birth_date, today=today),
        gender=golden.sex.capitalize() or wording.NOT_KNOWN,
        nhs_number=wording.nhs_number(golden.nhs_number or golden.unusable_number),
        number_remark=_number_remark(golden),
        address=", ".join(part for part in (golden.address_line, golden.postcode) if part),
        deceased=bool(golden.deceased),
        died=wording.died(golden.death_date) if golden.deceased else "",
        age_at_death=wording.age_at_death(golden.birth_date, died=golden.death_days, today=today)
        if golden.deceased
        else "",
        warnings=warnings_of(person=person),
    )


def warnings_of(*, person: PersonSummary) -> tuple[str, ...]:
    """Return what must be known before this person is taken for the right one."""
    warnings = []
    if person.death_claims:
        said = "; ".join(
            f"{claim.source_name}: {wording.death_claim(deceased=claim.deceased, sent=claim.death_date)}"
            for claim in person.death_claims
        )
        warnings.append(f"Sources disagree about death: {said}.")
    if person.shares_number:
        warnings.append("This NHS number is also on another person's record: check the other identifiers.")
    return tuple(warnings)


def _number_remark(golden: GoldenRecord) -> str:
    if golden.nhs_number_is_verified:
        return ""
    if golden.nhs_number:
        return "not verified"
    return "not a valid number" if golden.unusable_number else ""


def record_page(*, view: RecordView) -> RecordPage:
    """Return what the record page draws."""
    names = {status.source_id: status.name for status in view.sources}
    known = [_cut(entry.heading, LONGEST_CLAIM) for entry in known_allergies(record=view.record)]
    return RecordPage(
        retrieval_id=view.retrieval_id,
        banner=banner_of(person=view.person, today=view.shown_at.astimezone(wording.LONDON).date()),
        allergy_words=ALLERGY_WORDS[view.allergy_status],
        allergy_state=view.allergy_status,
        allergies=tuple(dict.fromkeys(known)) if view.allergy_status is AllergyStatus.KNOWN else (),
        allergy_claims=_none_known(view=view, names=names),
        summary=summary_line(statuses=view.sources),
        progress=progress_line(statuses=view.sources),
        complete=view.complete,
        asked_at=wording.moment(view.asked_at),
        withheld=view.withheld,
        conflicts=len(view.record.conflicts),
        sources=tuple(_source(status) for status in view.sources),
        sections=_sections(view=view, names=names),
    )


def _sections(*, view: RecordView, names: Mapping[str, str]) -> tuple[SectionShown, ...]:
    found = (_section(view=view, rules=rules, names=names) for rules in SECTIONS)
    sections = tuple(section for section in found if section is not None)
    weight = sum(row.weight for section in sections for row in (*section.rows, *section.more))
    if weight <= PAGE_WEIGHT:
        return sections
    return tuple(_shortened(section=section, limit=SECTION_WEIGHT) for section in sections)


def _shortened(*, section: SectionShown, limit: int) -> SectionShown:
    """Return a section with the first of its rows that weigh no more than the limit together, one at least."""
    rows = (*section.rows, *section.more)
    weights = list(accumulate(row.weight for row in rows))
    kept = rows[: max(1, sum(weight <= limit for weight in weights))]
    return replace(section, rows=kept[:ROWS_OPEN], more=kept[ROWS_OPEN:])


def section_page(*, view: RecordView, rules: CategoryRules, number: int) -> SectionPage | None:
    """Return what one page of a section draws, pages counted from 1; None when there is no such page."""
    names = {status.source_id: status.name for status in view.sources}
    entries = view.record.section(rules.category).entries
    remarks = remarks_on(category=rules.category, statuses=view.sources)
    pages = list(_pages(entries=entries, names=names)) or [()]
    if not 1 <= number <= len(pages):
        return None
    return SectionPage(
        retrieval_id=view.retrieval_id,
        banner=banner_of(person=view.person, today=view.shown_at.astimezone(wording.LONDON).date()),
        summary=summary_line(statuses=view.sources),
        withheld=view.withheld,
        slug=rules.category.value,
        title=rules.title,
        rows=pages[number - 1],
        remarks=remarks,
        empty_words="" if entries else _empty_words(view=view, rules=rules),
        total=len(entries),
        first=sum(len(page) for page in pages[: number - 1]) + 1,
        number=number,
        pages=len(pages),
    )


def entry_page(*, view: RecordView, entry_key: str, number: int = 1) -> EntryPage | None:
    """Return what a page of one entry draws, or None when the record as it stands has no such entry or page."""
    names = {status.source_id: status.name for status in view.sources}
    for section in view.record.sections:
        for entry in section.entries:
            if entry.key == entry_key:
                return _entry_page(view=view, entry=entry, names=names, number=number)
    return None


def _entry_page(*, view: RecordView, entry: Entry, names: Mapping[str, str], number: int) -> EntryPage | None:
    pages = list(_copies_by_page(items=entry.items))
    if not 1 <= number <= len(pages):
        return None
    drawing = _Drawing(names=names, lines=LINES_ON_ENTRY)
    return EntryPage(
        retrieval_id=view.retrieval_id,
        banner=banner_of(person=view.person, today=view.shown_at.astimezone(wording.LONDON).date()),
        row=drawing.row(entry=entry),
        section=CATEGORIES[entry.category].title,
        rule=entry.rule,
        rule_version=entry.rule_version,
        copies=tuple(_copy(item=item, names=names) for item in pages[number - 1]),
        total=len(entry.items),
        first=sum(len(page) for page in pages[: number - 1]) + 1,
        number=number,
        pages=len(pages),
    )


def _copies_by_page(*, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the items of each page. One that is too large for any page has one of its own."""
    page: list[Item] = []
    weight = 0
    for item in items:
        drawn = [_indented(written) for written in (item.resource, item.original) if written]
        heavier = sum(len(html.escape(written).encode()) for written in drawn) + ROW_WEIGHT
        if page and weight + heavier > PAGE_WEIGHT:
            yield page
            page, weight = [], 0
        page.append(item)
        weight += heavier
    yield page


def _none_known(*, view: RecordView, names: Mapping[str, str]) -> tuple[Claim, ...]:
    """Return who says that no allergies are known, where that cannot be taken for the whole."""
    if view.allergy_status is not AllergyStatus.UNAVAILABLE:
        return ()
    sources = sources_that_know_of_no_allergies(record=view.record)
    return tuple(Claim(source=names.get(source, "A source"), says="none known") for source in sources)


def _section(*, view: RecordView, rules: CategoryRules, names: Mapping[str, str]) -> SectionShown | None:
    entries = view.record.section(rules.category).entries
    remarks = remarks_on(category=rules.category, statuses=view.sources) if view.complete or entries else ()
    if not entries and not remarks and not rules.always_shown:
        return None
    drawing = _Drawing(names=names, prefix=rules.category.value)
    rows: list[Row] = []
    weight = 0
    for entry in entries[:ROWS_DRAWN]:
        row = drawing.row(entry=entry)
        weight += row.weight
        if rows and weight > PAGE_WEIGHT:
            break
        rows.append(row)
    return SectionShown(
        slug=rules.category.value,
        title=rules.title,
        rows=tuple(rows[:ROWS_OPEN]),
        more=tuple(rows[ROWS_OPEN:]),
        remarks=remarks,
        empty_words="" if entries else _empty_words(view=view, rules=rules),
        total=len(entries),
    )


def _pages(*, entries: Sequence[Entry], names: Mapping[str, str]) -> Iterator[tuple[Row, ...]]:
    """Yield the rows of each page of a section."""
    drawing, rows, weight = _Drawing(names=names), list[Row](), 0
    for entry in entries:
        row = drawing.row(entry=entry)
        if rows and (len(rows) == ROWS_A_PAGE or weight + row.weight > PAGE_WEIGHT):
            yield tuple(rows)
            drawing, rows, weight = _Drawing(names=names), [], 0
            row = drawing.row(entry=entry)
        rows.append(row)
        weight += row.weight
    if rows:
        yield tuple(rows)


def _empty_words(*, view: RecordView, rules: CategoryRules) -> str:
    emptiness = emptiness_of(
        category=rules.category, statuses=view.sources, complete=view.complete, withheld=view.withheld
    )
    return empty_words(emptiness=emptiness, category=rules.category)


@dataclass(kw_only=True)
class _Drawing:
    """Makes the rows of one page or section, and knows which conflicts it has written out there."""

    names: Mapping[str, str]
    lines: int = LINES_SHOWN
    longest: int = LONGEST_LINE
    prefix: str = "page"
    _written: dict[int, str] = field(default_factory=dict)

    def row(self, *, entry: Entry) -> Row:
        shows_standing = CATEGORIES[entry.category].is_lasting or entry.standing in {
            Standing.RETRACTED,
            Standing.NEGATED,
            Standing.NO_INFORMATION,
        }
        doubted = any(conflict.kind is ConflictKind.RETRACTION for conflict in entry.conflicts)
        return Row(
            key=entry.key,
            section=entry.category.value,
            heading=_cut(entry.heading, self.longest),
            date=wording.sent_date(entry.date.text) if entry.date else "Date not recorded",
            tag=wording.STANDING_WORDS[entry.standing] if shows_standing else "",
            tag_colour=TAG_COLOURS[entry.standing],
            details=tuple(self._detail(line) for line in entry.lines[: self.lines]),
            sources=tuple(self._name(source_id) for source_id in entry.source_ids),
            copies=len(entry.items),
            incidental=entry.incidental,
            names_no_patient=entry.names_no_patient,
            may_be_retracted=doubted and entry.standing is not Standing.RETRACTED,
            conflicts=tuple(self._conflict(conflict) for conflict in entry.conflicts[:CONFLICTS_SHOWN]),
            more_lines=max(0, len(entry.lines) - self.lines),
            more_conflicts=max(0, len(entry.conflicts) - CONFLICTS_SHOWN),
        )

    def _name(self, source_id: str) -> str:
        return self.names.get(source_id, "A source")

    def _detail(self, line: DetailLine) -> tuple[str, str]:
        label = ", ".join([line.label, *map(self._name, line.source_ids)])
        value = wording.sent_dates(line.value) if line.label in DATE_LABELS else line.value
        return (label, _cut(value, self.longest))

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
                Claim(source=self._name(source_id), says=_cut(says, LONGEST_CLAIM))
                for source_id, says in conflict.claims[:CLAIMS_SHOWN]
            ),
            more=max(0, len(conflict.claims) - CLAIMS_SHOWN),
            in_entry=len(conflict.entry_keys) == 1,
            anchor=self._written.get(id(conflict), ""),
        )


def _cut(words: str, longest: int) -> str:
    """Return words that fit in a list, saying where the rest is."""
    return words if len(words) <= longest else f"{words[:longest]} … (the whole is in the source copy)"


def _source(status: SourceStatus) -> SourceShown:
    return SourceShown(
        name=status.name,
        organisation=status.organisation if status.organisation != status.name else "",
        words=in_words(status=status),
        state=status.outcome or "waiting",
        at=wording.clock(status.answered_at),
        items=status.item_count,
        remarks=remarks_on_source(status=status),
    )


def _copy(*, item: Item, names: Mapping[str, str]) -> Copy:
    return Copy(
        source=names.get(item.source_id, "A source"),
        kind=target_of(item=item).partition("/")[0],
        resource=_indented(item.resource),
        translated=item.original is not None,
        original=_indented(item.original) if item.original else "",
        notes=item.notes,
        labels=tuple(label.code for label in item.labels),
    )


def _indented(resource: bytes) -> str:
    """Return JSON with line breaks and nothing else changed: numbers stay as they were written."""
    return msgspec.json.format(resource, indent=2).decode()
