"""Real payloads, shown: everything is drawn, every copy is read whole, and no page is large."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.record.arrange import branches_of
from aggregator.record.reading import parse
from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import record_page
from aggregator.web.record.readable import readable
from tests.contract.real_payloads import names, needs_payloads
from tests.contract.test_real_records_merged import ALL_RECORDS, items
from tests.property.test_merge_laws import keys_in
from tests.unit.web.showings import drawn, showing
from tests.unit.web.test_readable import untold

pytestmark = needs_payloads

MEGABYTE = 1_000_000
each_record = pytest.mark.parametrize(
    ("kind", "path"), ALL_RECORDS, ids=lambda value: names(value) if isinstance(value, Path) else value
)


@each_record
def test_everything_is_drawn_and_the_page_is_small(kind: str, path: Path) -> None:
    view = showing(*items(kind, path, source="practice"))
    record = view.record
    drawn_keys: set[str] = set()
    for key, entry in record.entries.items():
        if key not in record.drawn_within:
            drawn_keys.update([key, *keys_in(branches_of(entry=entry, entries=record.entries)[0])])
    assert drawn_keys == set(record.entries)
    page = record_page(view=view)
    assert len(drawn("record_part", page).encode()) < MEGABYTE
    whole = [section.total + section.within for section in page.sections]
    assert sum(whole) == len(record.entries)


@each_record
def test_nothing_of_a_source_s_copy_goes_unsaid(kind: str, path: Path) -> None:
    for item in items(kind, path, source="practice"):
        for sent in filter(None, (item.resource, item.original)):
            resource = parse(resource=sent)
            copy = readable(resource=resource)
            assert untold(resource, copy) <= copy.hidden


@each_record
def test_the_page_of_every_entry_with_parts_is_drawn_and_small(kind: str, path: Path) -> None:
    view = showing(*items(kind, path, source="practice"))
    for entry in [entry for entry in view.record.entries.values() if entry.parts][:10]:
        page = entry_page(view=view, entry_key=entry.key)
        assert page
        assert len(drawn("entry", page).encode()) < MEGABYTE
