"""One entry, with each source's own copy of it, page by page. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from aggregator.record.categories import CATEGORIES
from aggregator.record.item import Item
from aggregator.record.references import target_of
from aggregator.record.timeline import Entry
from aggregator.services.view_record import RecordView
from aggregator.web import wording
from aggregator.web.banner import Banner, banner_of
from aggregator.web.record.rows import ROW_WEIGHT, Row, RowMaker
from aggregator.web.record.sections import PAGE_WEIGHT
from aggregator.web.record.sources import SourceNames, names_of

LINES_SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One source's own copy, as text, to compare with the merged entry."""

    source: str
    kind: str
    resource: str
    original: str
    notes: tuple[str, ...]
    flaws: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """One page of an entry's copies. `first` is the number of its first copy, from 1; `joined_by` is in words."""

    retrieval_id: UUID
    banner: Banner
    row: Row
    section: str
    joined_by: str
    copies: tuple[Copy, ...]
    total: int
    first: int
    number: int
    pages: int


def entry_page(*, view: RecordView, entry_key: str, number: int = 1) -> EntryPage | None:
    """Return what a page of one entry shows, or None when the record no longer has that entry or page."""
    entries = (entry for section in view.record.sections for entry in section.entries)
    entry = next((entry for entry in entries if entry.key == entry_key), None)
    if entry is None:
        return None
    pages = list(_copies_by_page(entry.items))
    if not 1 <= number <= len(pages):
        return None
    names = names_of(statuses=view.sources)
    return EntryPage(
        retrieval_id=view.retrieval_id,
        banner=banner_of(person=view.person, today=wording.london_date(view.shown_at)),
        row=RowMaker(names=names, lines=LINES_SHOWN).row(entry=entry),
        section=CATEGORIES[entry.category].title,
        joined_by=_joined_by(entry),
        copies=tuple(_copy(item=item, names=names) for item in pages[number - 1]),
        total=len(entry.items),
        first=sum(len(page) for page in pages[: number - 1]) + 1,
        number=number,
        pages=len(pages),
    )


def _joined_by(entry: Entry) -> str:
    if not entry.joined_by:
        return "There is only one item"
    words = "; ".join(rule.words for rule in entry.joined_by)
    return f"{words[:1].upper()}{words[1:]} (version {entry.rule_version} of the rules)"


def _copies_by_page(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the items of each page. An item that is too large for any page has a page of its own."""
    page: list[Item] = []
    weight = 0
    for item in items:
        drawn = [_indented(resource) for resource in (item.resource, item.original) if resource]
        item_weight = sum(len(html.escape(text).encode()) for text in drawn) + ROW_WEIGHT
        if page and weight + item_weight > PAGE_WEIGHT:
            yield page
            page, weight = [], 0
        page.append(item)
        weight += item_weight
    yield page


def _copy(*, item: Item, names: SourceNames) -> Copy:
    return Copy(
        source=names.of(item.source_id),
        kind=target_of(item=item).partition("/")[0],
        resource=_indented(item.resource),
        original=_indented(item.original) if item.original else "",
        notes=item.notes,
        flaws=tuple(flaw.words for flaw in item.flaws),
        labels=tuple(label.code for label in item.labels),
    )


def _indented(resource: bytes) -> str:
    """Return JSON with line breaks and indents; nothing else changes, so numbers stay as they were sent."""
    return msgspec.json.format(resource, indent=2).decode()
