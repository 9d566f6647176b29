"""However much sources send, a page stays small, and a link leads to all of it."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from aggregator.record.categories import CATEGORIES
from aggregator.record.merge import merge
from aggregator.services.view_record import RecordView
from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import record_page
from aggregator.web.record.rows import CLAIMS_SHOWN
from aggregator.web.record.sections import ROWS_DRAWN, section_page
from connectors.contract.categories import RecordCategory
from tests.factories import allergy, condition, item, no_known_allergy, observation, order, procedure
from tests.unit.web.showings import allergies, drawn, showing

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def long_view() -> RecordView:
    return showing(*allergies(count=2000), item(resource=no_known_allergy(), source="hospital"))


def test_two_thousand_allergies_beside_one_denial_are_a_small_page(long_view: RecordView) -> None:
    page = drawn("record_part", record_page(view=long_view))
    assert len(page.encode()) < MEGABYTE
    assert page.count('<li class="app-entry') == ROWS_DRAWN
    assert page.count("One source says that no allergies are known") == ROWS_DRAWN
    assert "Show all 2,001" in page
    assert f"and {2001 - CLAIMS_SHOWN:,} more" in page
    assert page.count("<b>") == CLAIMS_SHOWN


def test_every_entry_of_a_long_section_is_on_one_of_its_pages(long_view: RecordView) -> None:
    keys: list[str] = []
    number = 1
    while page := section_page(view=long_view, rules=CATEGORIES[RecordCategory.ALLERGIES], number=number):
        html = drawn("section", page)
        assert len(html.encode()) < MEGABYTE
        assert page.first == len(keys) + 1
        keys.extend(re.findall(r'id="entry-([0-9a-f]{20})"', html))
        assert ("Next page" in html) == (number < page.pages)
        number += 1
    section = long_view.record.section(RecordCategory.ALLERGIES)
    assert keys == [entry.key for entry in section.entries]


def test_a_page_of_every_section_full_of_long_words_stays_small() -> None:
    makers = (allergy, condition, procedure, order, observation)
    items = [
        item(resource=make(code=f"{n}00", display="<&'\"> " * 300, note=[{"text": "&" * 5000}], id=f"i{n}"))
        for make in makers
        for n in range(1, 200)
    ]
    page = drawn("record_part", record_page(view=showing(*items)))
    assert len(page.encode()) < MEGABYTE
    assert "see the source copy for the full text" in page


def test_an_entry_of_many_copies_has_pages_and_loses_none() -> None:
    copies = [
        item(resource=condition(id=f"c{n}", onsetDateTime="2020-01-01", note=[{"text": f"note {n} " * 200}]))
        for n in range(500)
    ]
    view = showing(*copies)
    (entry,) = view.record.section(RecordCategory.PROBLEMS).entries
    shown = 0
    number = 1
    while page := entry_page(view=view, entry_key=entry.key, number=number):
        html = drawn("entry", page)
        assert len(html.encode()) < MEGABYTE
        assert page.first == shown + 1
        shown += len(page.copies)
        number += 1
    assert shown == 500
    assert number > 2


@pytest.mark.parametrize(
    "members",
    [
        {"result": [{"reference": f"Observation/{n}"} for n in range(20_000)]},
        {"note": [{"text": '"<&' * 500_000}]},
        {"extension": [{"url": f"https://x.example/{n}", "valueString": "&" * 3000} for n in range(1000)]},
    ],
    ids=["many members", "one long text", "many long texts"],
)
def test_a_copy_that_is_too_large_for_a_page_is_cut_and_says_so(members: dict[str, Any]) -> None:
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "Large"}, **members}
    sent = json.dumps(report).encode()
    view = showing(item(resource=report, original=sent))
    (key,) = view.record.entries
    page = entry_page(view=view, entry_key=key)
    assert page
    html = drawn("entry", page)
    assert len(html.encode()) < MEGABYTE
    form = page.copies[0].forms[0]
    assert form.left_out == len(msgspec.json.format(sent, indent=2)) - len(form.json)
    assert f"{form.left_out:,} more characters are not shown" in html


def test_a_short_record_says_all_at_once() -> None:
    view = showing(*allergies(count=2), item(resource=no_known_allergy(), source="hospital"))
    page = record_page(view=view)
    (section,) = [one for one in page.sections if one.slug == "allergies"]
    assert section.undrawn == 0
    assert [len(row.conflicts[0].claims) for row in section.rows] == [3, 3, 3]
    assert "Show all" not in drawn("record_part", page)


def test_work_grows_with_the_conflict_and_not_with_its_square() -> None:
    """Count what is drawn: twice the allergies make no more claims on the page."""

    def claims(count: int) -> int:
        view = showing(*allergies(count=count), item(resource=no_known_allergy(), source="hospital"))
        page = record_page(view=view)
        return sum(len(conflict.claims) for s in page.sections for row in s.rows for conflict in row.conflicts)

    assert claims(400) == claims(200) == CLAIMS_SHOWN


def test_readings_of_many_minutes_are_grouped_in_few_steps() -> None:
    """Count the calls, by the profiler: twice the readings take about twice as many.

    The fewest of three: what a coverage tool or a first use does in this thread, once, is no step of the grouping.
    """

    def calls(count: int) -> int:
        items = [
            item(
                resource=observation(
                    id=f"o{n}",
                    valueQuantity={"value": 4.1, "unit": "mmol/L"},
                    effectiveDateTime=(datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=n)).isoformat(),
                )
            )
            for n in range(count)
        ]
        made: list[int] = []

        def count_call(frame: object, event: str, argument: object) -> None:
            made[-1] += event in {"call", "c_call"}

        for _ in range(3):
            made.append(0)
            sys.setprofile(count_call)
            try:
                merge(items=items)
            finally:
                sys.setprofile(None)
        return min(made)

    assert calls(800) < 2.3 * calls(400)
