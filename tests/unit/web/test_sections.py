"""What a section says of what it lacks, how much of it is drawn, and how its sources stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator.record.categories import CATEGORIES
from aggregator.record.completeness.claims import SourceStatus
from aggregator.record.completeness.words import Remark
from aggregator.record.item import Item
from aggregator.services.view_record import RecordView
from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import record_page
from aggregator.web.record.rows import LINES_SHOWN
from aggregator.web.record.sections import (
    PAGE_WEIGHT,
    ROWS_OPEN,
    ROWS_PER_PAGE,
    SECTION_WEIGHT,
    SectionPage,
    SectionShown,
    section_page,
)
from aggregator.web.record.sources import SourceShown, source_shown
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Outcome
from tests.factories import allergy, condition, item, procedure
from tests.unit.web.showings import showing

PROBLEMS = CATEGORIES[RecordCategory.PROBLEMS]
LONG = "&" * 1000  # five times as many bytes of HTML
LATE = Remark(source_name="Hospital", words="Did not answer in time.")


def problems(view: RecordView) -> SectionShown:
    (section,) = [section for section in record_page(view=view).sections if section.slug == "problems"]
    return section


def pages(view: RecordView) -> list[SectionPage]:
    read: list[SectionPage] = []
    while page := section_page(view=view, rules=PROBLEMS, number=len(read) + 1):
        read.append(page)
    return read


def problem(number: int) -> Item:
    return item(resource=condition(code=f"{100_000_000 + number}", display=LONG, id=f"c{number}"))


# What is missing


@pytest.mark.parametrize(
    ("items", "complete", "remarks"),
    [
        ([], True, (LATE,)),
        ([], False, ()),  # whoever is awaited may answer yet
        ([item(resource=condition())], True, (LATE,)),
        ([item(resource=condition())], False, (LATE,)),
    ],
)
def test_a_section_says_who_is_missing_once_it_shows_something_or_nobody_is_awaited(
    items: list[Item], complete: bool, remarks: tuple[Remark, ...]
) -> None:
    view = replace(showing(*items, outcome=Outcome.TIMED_OUT), complete=complete)
    assert problems(view).remarks == remarks


def test_only_a_section_without_entries_says_that_it_is_empty() -> None:
    assert problems(showing(item(resource=condition()))).empty_words == ""
    assert problems(showing()).empty_words == "The sources that answered hold nothing of this kind."


# How much is drawn


def test_a_section_opens_with_its_first_rows_and_folds_the_rest() -> None:
    section = problems(showing(*(problem(number) for number in range(ROWS_OPEN + 5))))
    assert (len(section.rows), len(section.more), section.total, section.undrawn) == (ROWS_OPEN, 5, ROWS_OPEN + 5, 0)


def test_the_sections_of_a_page_that_would_be_too_large_are_shortened_to_their_share() -> None:
    heavy = [problem(number) for number in range(90)]
    assert len(problems(showing(*heavy)).more) > 0  # one such section fills a page, and two do not fit
    acts = [item(resource=procedure(code=f"{300_000_000 + number}", display=LONG)) for number in range(90)]
    sections = [section for section in record_page(view=showing(*heavy, *acts)).sections if section.total]
    assert [section.slug for section in sections] == ["problems", "procedures"]
    for section in sections:
        drawn = [*section.rows, *section.more]
        assert drawn
        assert sum(row.weight for row in drawn) <= SECTION_WEIGHT
        assert len(drawn) + section.undrawn == 90


def test_a_section_whose_first_row_is_too_large_for_its_share_shows_that_one() -> None:
    severe = [
        item(resource=allergy(code=f"{400_000_000 + number}", reaction=[{"description": LONG}] * LINES_SHOWN))
        for number in range(3)
    ]
    page = record_page(view=showing(*severe, *(problem(number) for number in range(90))))
    section = next(section for section in page.sections if section.slug == "allergies")
    (row,) = section.rows
    assert row.weight > SECTION_WEIGHT
    assert (section.more, section.undrawn) == ((), 2)


def test_no_page_of_a_section_is_heavier_than_a_page_may_be() -> None:
    view = showing(*(problem(number) for number in range(150)))
    read = pages(view)
    assert len(read) > 2
    for page in read:
        assert len(page.rows) < ROWS_PER_PAGE
        assert sum(row.weight for row in page.rows) <= PAGE_WEIGHT
    assert sum(len(page.rows) for page in read) == 150


def test_no_page_of_copies_is_heavier_than_a_page_may_be() -> None:
    copies = [
        item(resource=condition(id=f"c{number}", onsetDateTime="2020-01-01", note=[{"text": "&" * 9000}]))
        for number in range(30)
    ]
    view = showing(*copies)
    (entry,) = view.record.section(RecordCategory.PROBLEMS).entries
    number, seen = 1, 0
    while page := entry_page(view=view, entry_key=entry.key, number=number):
        assert sum(form.weight for copy in page.copies for form in copy.forms) <= PAGE_WEIGHT
        number, seen = number + 1, seen + len(page.copies)
    assert seen == 30
    assert number > 3


# How the sources stand

ANSWERED_AT = datetime(2026, 7, 1, 12, 5, 9, tzinfo=UTC)


def status(**values: Any) -> SourceStatus:
    return SourceStatus(
        **{
            "source_id": "practice",
            "name": "The Practice",
            "organisation": "The Trust",
            "kind": "gp_connect",
            "holds": frozenset({RecordCategory.PROBLEMS}),
            "outcome": Outcome.ANSWERED,
            "answered_at": ANSWERED_AT,
            "item_count": 3,
            **values,
        }
    )


def test_the_page_says_of_a_source_how_it_stands_since_when_and_what_it_gave() -> None:
    warned = status(notices=(Notice(code=NoticeCode.NOT_SERVED, category=RecordCategory.PROBLEMS),))
    assert source_shown(status=warned) == SourceShown(
        source_id="practice",
        name="The Practice",
        organisation="The Trust",
        words="Answered",
        state="answered",
        at="13:05:09",
        items=3,
        remarks=("Its system does not provide problems.",),
        may_ask_again=True,
    )


def test_a_source_that_is_awaited_has_answered_at_no_time() -> None:
    awaited = source_shown(status=status(outcome=None, item_count=0))
    assert (awaited.words, awaited.state, awaited.at, awaited.items) == ("Asked, waiting", "waiting", "", 0)


def test_an_organisation_that_is_called_as_its_source_is_named_once() -> None:
    assert source_shown(status=status(organisation="The Practice")).organisation == ""
