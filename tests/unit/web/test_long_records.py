"""However much sources send, a page stays small, and a link leads to all of it."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.template.loader import get_template

from aggregator.mpi.golden import GoldenRecord
from aggregator.mpi.queries import PersonSummary
from aggregator.record.categories import CATEGORIES, SECTIONS
from aggregator.record.completeness.claims import AllergyStatus, SourceStatus, allergy_status
from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.services.view_record import RecordView
from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import ALLERGIES_SHOWN, record_page
from aggregator.web.record.rows import CLAIMS_SHOWN
from aggregator.web.record.sections import ROWS_DRAWN, section_page
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from connectors.contract.outcomes import Outcome
from tests.factories import allergy, condition, item, no_known_allergy, observation, order, procedure

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
MEGABYTE = 1_000_000


def showing(*items: Item, outcome: Outcome = Outcome.ANSWERED, withheld: bool = False) -> RecordView:
    record = merge(items=items)
    statuses = tuple(
        SourceStatus(
            source_id=source_id,
            name=source_id.capitalize(),
            organisation="",
            kind="fhir_r4",
            holds=CLINICAL_CATEGORIES,
            outcome=outcome if source_id == "hospital" else Outcome.ANSWERED,
            answered_at=NOW,
        )
        for source_id in ("hospital", "practice")
    )
    return RecordView(
        retrieval_id=UUID(int=7),
        person=PersonSummary(person_id=UUID(int=1), golden=GoldenRecord(family="Ferris", birth_date=date(1951, 5, 4))),
        asked_at=NOW,
        deadline_at=NOW,
        complete=True,
        sources=statuses,
        record=record,
        allergy_status=allergy_status(record=record, statuses=statuses, withheld=withheld),
        withheld=withheld,
        shown_at=NOW,
    )


def drawn(template: str, page: object) -> str:
    made: str = get_template(f"record/{template}.jinja").render({"page": page, "requester": None, "may": {}})
    return made


def allergies(*, count: int, source: str = "practice") -> list[Item]:
    return [
        item(
            resource=allergy(code=f"{100_000_000 + n}", display=f"Allergy to substance {n}", id=f"a{n}"), source=source
        )
        for n in range(count)
    ]


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
    assert "the whole is in the source copy" in page


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
        shown += len(page.copies)
        number += 1
    assert shown == 500
    assert number > 2


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


# What is marked


def test_what_each_source_says_is_named_on_the_page() -> None:
    mild = allergy(criticality="low", recordedDate="2025-01-01", reaction=[{"severity": "mild"}])
    severe = allergy(criticality="high", recordedDate="2010-01-01", reaction=[{"severity": "severe"}])
    view = showing(item(resource=mild, source="practice"), item(resource=severe, source="hospital"))
    page = record_page(view=view)
    (row,) = next(section.rows for section in page.sections if section.slug == "allergies")
    assert ("Severity, Hospital", "severe") in row.details
    assert ("Severity, Practice", "mild") in row.details
    html = drawn("record_part", page)
    assert "<dt>Severity, Hospital</dt> <dd>severe</dd>" in html
    (entry,) = view.record.section(RecordCategory.ALLERGIES).entries
    assert "<dt>Criticality, Practice</dt> <dd>low</dd>" in drawn("entry", entry_page(view=view, entry_key=entry.key))


def test_an_item_that_names_no_patient_is_tagged() -> None:
    nobody = item(resource=condition(), source="practice", names_no_patient=True, incidental=True)
    html = drawn("record_part", record_page(view=showing(nobody)))
    assert "Patient not named</strong>" in html
    assert "Linked item only</strong>" in html
    assert "Patient not named" not in drawn("record_part", record_page(view=showing(item(resource=condition()))))


def test_what_may_have_been_taken_back_is_tagged_and_stays() -> None:
    error = condition(verificationStatus={"coding": [{"code": "entered-in-error"}]})
    view = showing(item(resource=error, source="hospital"), item(resource=condition(), source="practice"))
    html = drawn("record_part", record_page(view=view))
    assert "May be entered in error</strong>" in html
    assert "Taken back by one source; this may be the same." in html


def test_the_banner_says_who_knows_of_no_allergies_where_that_is_not_the_whole() -> None:
    denied = item(resource=no_known_allergy(), source="practice")
    page = record_page(view=showing(denied, outcome=Outcome.TIMED_OUT))
    assert page.allergies.words == "Allergies unavailable"
    assert page.allergies.lines == ("Practice: none known",)
    assert "<li>Practice: none known</li>" in drawn("record_part", page)
    assert record_page(view=showing(denied)).allergies.lines == ()


def test_the_banner_shows_the_first_allergies_and_counts_the_rest() -> None:
    page = record_page(view=showing(*allergies(count=6)))
    assert len(page.allergies.lines) == ALLERGIES_SHOWN
    assert page.allergies.more == 6 - ALLERGIES_SHOWN
    assert '<a href="#allergies">and 2 more</a>' in drawn("record_part", page)
    assert record_page(view=showing(*allergies(count=ALLERGIES_SHOWN))).allergies.more == 0


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([item(resource=condition())], "Nothing: this is one item alone"),
        (
            [
                item(resource=condition(onsetDateTime="2020-01-01"), source=source)
                for source in ("hospital", "practice")
            ],
            "The same coded concept (version 2 of the rules)",
        ),
        (
            [item(resource=condition(id="c") | {"code": {"text": "Asthma"}}) for _ in range(2)],
            "The same resource, sent more than once (version 2 of the rules)",
        ),
    ],
)
def test_the_page_of_an_entry_says_in_words_what_joined_it(items: list[Item], words: str) -> None:
    view = showing(*items)
    (entry,) = view.record.section(RecordCategory.PROBLEMS).entries
    page = entry_page(view=view, entry_key=entry.key)
    assert page
    assert page.joined_by == words
    assert f"<dt>Joined by</dt> <dd>{words}</dd>" in drawn("entry", page)


@pytest.mark.parametrize("shown", [[no_known_allergy()], [], [condition()]])
def test_the_banner_says_the_same_whatever_is_withheld(shown: list[dict[str, Any]]) -> None:
    page = record_page(view=showing(*(item(resource=one) for one in shown), withheld=True))
    assert page.allergies.state is AllergyStatus.NONE_YOU_MAY_SEE
    assert page.allergies.words == "Allergies: none recorded in what you may see"
    assert page.allergies.lines == ()


def test_readings_of_many_minutes_are_grouped_in_few_steps() -> None:
    """Count the calls, by the profiler: twice the readings take about twice as many."""

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
        made = 0

        def count_call(frame: object, event: str, argument: object) -> None:
            nonlocal made
            made += event in {"call", "c_call"}

        sys.setprofile(count_call)
        try:
            merge(items=items)
        finally:
            sys.setprofile(None)
        return made

    assert calls(800) < 2.3 * calls(400)


# Sections without entries


@pytest.mark.parametrize(
    "outcome", [outcome for outcome in Outcome if outcome not in {Outcome.ANSWERED, Outcome.EMPTY}]
)
def test_an_empty_section_does_not_say_that_there_is_nothing_while_a_source_is_missing(outcome: Outcome) -> None:
    view = showing(outcome=outcome)
    page = drawn("record_part", record_page(view=view))
    assert "Nothing received. This does not mean that there is nothing" in page
    assert "hold nothing of this kind" not in page
    section = drawn("section", section_page(view=view, rules=CATEGORIES[RecordCategory.PROBLEMS], number=1))
    assert "Nothing received. This does not mean that there is nothing" in section
    assert "hold nothing of this kind" not in section


def test_an_empty_section_says_so_when_every_source_has_answered_in_full() -> None:
    page = drawn("record_part", record_page(view=showing()))
    assert page.count("The sources that answered hold nothing of this kind.") == sum(
        rules.always_shown for rules in SECTIONS
    )
    withheld = drawn("record_part", record_page(view=showing(withheld=True)))
    assert "hold nothing of this kind" not in withheld
    assert "There is nothing of this kind in what you may see." in withheld
