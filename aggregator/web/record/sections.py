"""The sections of a record, on the record page and on pages of their own. Pure.

However much sources send, a page stays below 1 MB: only the first rows of a long section are shown, and the rest is on
pages of its own. What is not shown is counted, with a link to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from uuid import UUID

from aggregator.record.categories import SECTIONS
from aggregator.record.completeness.claims import SourceStatus, emptiness_of
from aggregator.record.completeness.words import Remark, empty_words, in_brief, remarks_on, summary_line
from aggregator.record.rules import CategoryRules
from aggregator.record.timeline import Entry
from aggregator.services.view_record import RecordView
from aggregator.web import wording
from aggregator.web.banner import Banner
from aggregator.web.record.banner import record_banner
from aggregator.web.record.parts import PartsMaker
from aggregator.web.record.rows import LINES_SHOWN, Row, RowMaker
from aggregator.web.record.sources import names_of

ROWS_OPEN = 30
ROWS_DRAWN = 100  # per section of the record page
ROWS_PER_PAGE = 200  # on a section's own pages
# Bytes of HTML: the limit for all rows of a page, and for each section of a record page that would exceed it.
PAGE_WEIGHT = 500_000
SECTION_WEIGHT = PAGE_WEIGHT // len(SECTIONS)


@dataclass(frozen=True, kw_only=True)
class SectionShown:
    """A section of the record page. `more` rows are collapsed; `empty_words` are shown if there are no entries.

    `total` counts the entries that are drawn by themselves, and `within` those that are drawn within others.
    """

    slug: str
    title: str
    rows: tuple[Row, ...]
    more: tuple[Row, ...]
    remarks: tuple[Remark, ...]
    empty_words: str
    total: int = 0
    within: int = 0

    @property
    def undrawn(self) -> int:
        """How many entries are only on the section's own pages."""
        return self.total - len(self.rows) - len(self.more)


@dataclass(frozen=True, kw_only=True)
class SectionPage:
    """One page of one section. `first` is the number of its first row in the section, from 1."""

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
    within: int = 0

    @property
    def drawn(self) -> frozenset[str]:
        """The keys of the entries that have a row on this page."""
        return frozenset(row.key for row in self.rows)


def sections_of(*, view: RecordView) -> tuple[SectionShown, ...]:
    """Return the sections of the record page, in reading order, short enough for one page."""
    sections: list[SectionShown] = []
    weight = 0
    for rules in SECTIONS:
        # Once the page is too heavy each section is shortened, and rows beyond that are not made at all.
        section = _section(view=view, rules=rules, room=max(PAGE_WEIGHT - weight, SECTION_WEIGHT))
        if section is not None:
            sections.append(section)
            weight += sum(row.weight for row in (*section.rows, *section.more))
    if weight <= PAGE_WEIGHT:
        return tuple(sections)
    return tuple(_shortened(section=section, limit=SECTION_WEIGHT) for section in sections)


def section_page(*, view: RecordView, rules: CategoryRules, number: int) -> SectionPage | None:
    """Return what one page of a section shows, counting from 1; None when there is no such page."""
    entries = view.record.section(rules.category).entries
    own_rows = _drawn_by_themselves(view, entries)
    pages = list(_pages(entries=own_rows, view=view)) or [()]
    if not 1 <= number <= len(pages):
        return None
    return SectionPage(
        retrieval_id=view.retrieval_id,
        banner=record_banner(view=view),
        summary=summary_line(statuses=view.sources),
        withheld=view.withheld,
        slug=rules.category.value,
        title=rules.title,
        rows=pages[number - 1],
        remarks=remarks_on(category=rules.category, statuses=_in_brief(view)),
        empty_words="" if entries else _empty_words(view=view, rules=rules),
        total=len(own_rows),
        within=len(entries) - len(own_rows),
        first=sum(len(page) for page in pages[: number - 1]) + 1,
        number=number,
        pages=len(pages),
    )


def _in_brief(view: RecordView) -> list[SourceStatus]:
    return [in_brief(status=status) for status in view.sources]


def _drawn_by_themselves(view: RecordView, entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.key not in view.record.drawn_within]


def _section(*, view: RecordView, rules: CategoryRules, room: int) -> SectionShown | None:
    """Return a section with its first rows, up to the one by which they weigh more than there is room for."""
    entries = view.record.section(rules.category).entries
    remarks = remarks_on(category=rules.category, statuses=_in_brief(view)) if view.complete or entries else ()
    if not entries and not remarks and not rules.always_shown:
        return None
    own_rows = _drawn_by_themselves(view, entries)
    rows = _first_rows(entries=own_rows[:ROWS_DRAWN], view=view, prefix=rules.category.value, room=room)
    return SectionShown(
        slug=rules.category.value,
        title=rules.title,
        rows=rows[:ROWS_OPEN],
        more=rows[ROWS_OPEN:],
        remarks=remarks,
        empty_words="" if entries else _empty_words(view=view, rules=rules),
        total=len(own_rows),
        within=len(entries) - len(own_rows),
    )


def row_maker(*, view: RecordView, prefix: str = "page", lines: int = LINES_SHOWN, in_full: bool = False) -> RowMaker:
    """Return what makes the rows of a page; `in_full` draws all that is in an entry."""
    parts = PartsMaker(names=names_of(statuses=view.sources), entries=view.record.entries, in_full=in_full)
    return RowMaker(parts=parts, today=wording.london_date(view.shown_at), prefix=prefix, lines=lines)


def _pages(*, entries: Sequence[Entry], view: RecordView) -> Iterator[tuple[Row, ...]]:
    """Yield the rows of each page of a section, within the limits of a page."""
    maker, rows, weight = row_maker(view=view), list[Row](), 0
    for entry in entries:
        row = maker.row(entry=entry)
        if rows and (len(rows) == ROWS_PER_PAGE or weight + row.weight > PAGE_WEIGHT):
            yield tuple(rows)
            maker, rows, weight = row_maker(view=view), [], 0
            row = maker.row(entry=entry)
        rows.append(row)
        weight += row.weight
    if rows:
        yield tuple(rows)


def _first_rows(*, entries: Sequence[Entry], view: RecordView, prefix: str, room: int) -> tuple[Row, ...]:
    maker, rows, weight = row_maker(view=view, prefix=prefix), list[Row](), 0
    for entry in entries:
        row = maker.row(entry=entry)
        weight += row.weight
        if rows and weight > PAGE_WEIGHT:
            break
        rows.append(row)
        if weight > room:
            break
    return tuple(rows)


def _shortened(*, section: SectionShown, limit: int) -> SectionShown:
    """Return a section with as many of its first rows as stay within the limit, but at least one."""
    rows = (*section.rows, *section.more)
    weights = list(accumulate(row.weight for row in rows))
    kept = rows[: max(1, sum(weight <= limit for weight in weights))]
    return replace(section, rows=kept[:ROWS_OPEN], more=kept[ROWS_OPEN:])


def _empty_words(*, view: RecordView, rules: CategoryRules) -> str:
    emptiness = emptiness_of(
        category=rules.category, statuses=view.sources, complete=view.complete, withheld=view.withheld
    )
    return empty_words(emptiness=emptiness, category=rules.category)
