"""One entry, with each source's own copy of it, page by page. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from aggregator.record.answers import Answers
from aggregator.record.categories import CATEGORIES, type_rules
from aggregator.record.item import Item
from aggregator.record.names import own_name
from aggregator.record.parts import every_part
from aggregator.record.reading import Resource, parse
from aggregator.record.references import target_of
from aggregator.record.sent import Sent
from aggregator.record.timeline import Entry, LongitudinalRecord
from aggregator.services.view_record import RecordView
from aggregator.web.banner import Banner
from aggregator.web.record.banner import record_banner
from aggregator.web.record.parts import Mention, mention_of
from aggregator.web.record.readable import ReadableCopy, readable, weight_of
from aggregator.web.record.rows import ROW_WEIGHT, Row
from aggregator.web.record.sections import PAGE_WEIGHT, row_maker
from aggregator.web.record.sources import SourceNames, names_of
from fhir_data.access import text

LINES_SHOWN = 100
WHOLES_SHOWN = 20
JSON_WEIGHT = 150_000  # bytes of HTML per form of a copy
# The bytes of a document within JSON: they are opened and not read.
_DOCUMENT = re.compile(rb'("data"\s*:\s*")([A-Za-z0-9+/=\\nrt]{2000,})(?=")')


@dataclass(frozen=True, kw_only=True)
class Form:
    """One form of a copy: as sent, or as translated. `fields` are for reading, and `json` is all of it.

    Of one that is too large for a page, `json` is the beginning, and `left_out` the number of further characters.
    """

    title: str
    fields: ReadableCopy
    json: str
    left_out: int = 0

    @property
    def weight(self) -> int:
        """Roughly how many bytes of HTML it takes."""
        return weight_of(fields=self.fields.fields) + len(html.escape(self.json).encode())


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One source's own copy, to compare with the merged entry: in the form sent first, then as translated if it was."""

    source: str
    kind: str
    forms: tuple[Form, ...]
    notes: tuple[str, ...]
    flaws: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """One page of an entry's copies. `first` is the number of its first copy, from 1; `joined_by` is in words.

    `part_of` are the entries that it is a part of or that mention it, and `back_to` the one whose row it is found by.
    """

    retrieval_id: UUID
    banner: Banner
    row: Row
    section: str
    joined_by: str
    part_of: tuple[Mention, ...]
    back_to: str
    withheld: bool
    copies: tuple[Copy, ...]
    total: int
    first: int
    number: int
    pages: int

    @property
    def drawn(self) -> frozenset[str]:
        """The keys of the entries that have a row on this page: none, since its entry heads it."""
        return frozenset()


def entry_page(*, view: RecordView, entry_key: str, number: int = 1) -> EntryPage | None:
    """Return what a page of one entry shows, or None when the record no longer has that entry or page."""
    entry = view.record.entries.get(entry_key)
    if entry is None:
        return None
    pages = list(_copies_by_page(_copies(entry=entry, view=view)))
    if not 1 <= number <= len(pages):
        return None
    wholes = _wholes_of(entry_key, view.record)
    return EntryPage(
        retrieval_id=view.retrieval_id,
        banner=record_banner(view=view),
        row=row_maker(view=view, lines=LINES_SHOWN, in_full=True).row(entry=entry),
        section=CATEGORIES[entry.category].title,
        joined_by=_joined_by(entry),
        part_of=tuple(mention_of(entry=whole) for whole in wholes[:WHOLES_SHOWN]),
        back_to=_row_of(entry_key, view.record),
        withheld=view.withheld,
        copies=pages[number - 1],
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


def _wholes_of(key: str, record: LongitudinalRecord) -> list[Entry]:
    """Return the entries of which an entry is a part, and those that mention it, in reading order."""
    return [
        whole for whole in record.entries.values() if any(part.entry_key == key for part in every_part(whole.parts))
    ]


def _row_of(key: str, record: LongitudinalRecord) -> str:
    """Return the entry in whose row an entry is drawn, itself where it has a row of its own."""
    seen = {key}
    while key in record.drawn_within:
        owners = (
            whole.key
            for whole in _wholes_of(key, record)
            if any(part.entry_key == key and part.is_own for part in every_part(whole.parts))
        )
        key = next((owner for owner in owners if owner not in seen), "")
        seen.add(key)
    return key


def _copies_by_page(copies: Sequence[Copy]) -> Iterator[tuple[Copy, ...]]:
    """Yield the copies of each page. One that is too large for any page has a page of its own."""
    page: list[Copy] = []
    weight = 0
    for copy in copies:
        copy_weight = sum(form.weight for form in copy.forms) + ROW_WEIGHT
        if page and weight + copy_weight > PAGE_WEIGHT:
            yield tuple(page)
            page, weight = [], 0
        page.append(copy)
        weight += copy_weight
    yield tuple(page)


def _copies(*, entry: Entry, view: RecordView) -> list[Copy]:
    sources = set(entry.source_ids)
    items = (item for each in view.record.entries.values() for item in each.items)
    at_hand = [item for item in (*items, *view.record.supporting) if item.source_id in sources]
    answers = Answers(items=at_hand)
    names = names_of(statuses=view.sources)
    return [_copy(item=item, names=names, answers=answers) for item in entry.items]


def _copy(*, item: Item, names: SourceNames, answers: Answers) -> Copy:
    forms = [_form(item=item, sent=item.resource, title="As the source sent it", answers=answers)]
    if item.original:
        forms = [
            _form(item=item, sent=item.original, title="As the source sent it", answers=answers),
            _form(item=item, sent=item.resource, title="Translated to FHIR R4", answers=answers),
        ]
    return Copy(
        source=names.of(item.source_id),
        kind=target_of(item=item).partition("/")[0],
        forms=tuple(forms),
        notes=item.notes,
        flaws=tuple(flaw.words for flaw in item.flaws),
        labels=tuple(label.code for label in item.labels),
    )


def _form(*, item: Item, sent: bytes, title: str, answers: Answers) -> Form:
    resource = parse(resource=sent)
    whole = Sent(resource=resource, item=item, resolver=answers)

    def name_of(reference: str) -> str:
        if reference in item.subject_references:
            return "This patient"
        target: Resource = whole.find(reference=reference)
        return own_name(sent=whole, resource=target) if target else ""

    first = type_rules(resource_type=text(resource.get("resourceType"))).reads_first
    fields = readable(resource=resource, first=first, name_of=name_of)
    whole_json = _indented(sent)
    json = _beginning(whole_json)
    return Form(title=title, fields=fields, json=json, left_out=len(whole_json) - len(json))


def _beginning(json: str) -> str:
    """Return as much of a text from its beginning as a page has room for."""
    weight = len(html.escape(json).encode())
    while weight > JSON_WEIGHT:
        json = json[: len(json) * JSON_WEIGHT // weight]
        weight = len(html.escape(json).encode())
    return json


def _indented(resource: bytes) -> str:
    """Return JSON with line breaks and indents; numbers stay as they were sent. The bytes of documents are counted."""
    shorter = _DOCUMENT.sub(lambda match: match[1] + f"({len(match[2]):,} characters, not shown)".encode(), resource)
    return msgspec.json.format(shorter, indent=2).decode()
