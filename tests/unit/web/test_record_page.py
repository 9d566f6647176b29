"""What the pages of a record mark, and what they say of what is not there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from aggregator.record.categories import CATEGORIES, SECTIONS
from aggregator.record.completeness.claims import AllergyStatus
from aggregator.record.completeness.words import Remark
from aggregator.record.item import Item
from aggregator.services.view_record import RecordView
from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import ALLERGIES_SHOWN, record_page
from aggregator.web.record.rows import LINES_SHOWN
from aggregator.web.record.sections import section_page
from connectors.contract.categories import RecordCategory
from connectors.contract.outcomes import Outcome
from tests.factories import (
    allergy,
    concept,
    condition,
    item,
    no_known_allergy,
    observation,
    order,
    procedure,
    restricted,
)
from tests.unit.web.showings import allergies, drawn, showing

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
    assert "May have been entered in error</strong>" in html
    assert "Taken back by one source; this may be the same." in html


def test_the_banner_says_who_knows_of_no_allergies_where_that_is_not_the_whole() -> None:
    denied = item(resource=no_known_allergy(), source="practice")
    page = record_page(view=showing(denied, outcome=Outcome.TIMED_OUT))
    assert page.allergies.words == "Allergies unavailable"
    assert page.allergies.lines == ("Practice: none known",)
    assert "<li>Practice: none known</li>" in drawn("record_part", page)
    assert record_page(view=showing(denied)).allergies.lines == ()


def test_the_banner_names_what_is_called_an_allergy_under_other_content() -> None:
    filed = item(resource=condition(id="c") | {"code": {"text": "Allergy to penicillin"}}, source="hospital")
    allergies = record_page(view=showing(filed, item(resource=no_known_allergy(), source="practice"))).allergies
    assert allergies.words == "Allergies unavailable"
    assert allergies.lines == ("Allergy to penicillin (under Problems)", "Practice: none known")


def test_the_banner_shows_the_first_allergies_and_counts_the_rest() -> None:
    page = record_page(view=showing(*allergies(count=6)))
    assert len(page.allergies.lines) == ALLERGIES_SHOWN
    assert page.allergies.more == 6 - ALLERGIES_SHOWN
    assert '<a href="#allergies">and 2 more</a>' in drawn("record_part", page)
    assert record_page(view=showing(*allergies(count=ALLERGIES_SHOWN))).allergies.more == 0


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([item(resource=condition())], "There is only one item"),
        (
            [
                item(resource=condition(onsetDateTime="2020-01-01"), source=source)
                for source in ("hospital", "practice")
            ],
            "The same coded concept (version 3 of the rules)",
        ),
        (
            [item(resource=condition(id="c") | {"code": {"text": "Asthma"}}) for _ in range(2)],
            "The same resource, sent more than once (version 3 of the rules)",
        ),
    ],
)
def test_the_page_of_an_entry_says_in_words_what_joined_it(items: list[Item], words: str) -> None:
    view = showing(*items)
    (entry,) = view.record.section(RecordCategory.PROBLEMS).entries
    page = entry_page(view=view, entry_key=entry.key)
    assert page
    assert page.joined_by == words
    assert f"<dt>Why these are one entry</dt> <dd>{words}</dd>" in drawn("entry", page)


@pytest.mark.parametrize("shown", [[no_known_allergy()], [], [condition()]])
def test_the_banner_says_the_same_whatever_is_withheld(shown: list[dict[str, Any]]) -> None:
    page = record_page(view=showing(*(item(resource=one) for one in shown), withheld=True))
    assert page.allergies.state is AllergyStatus.NONE_YOU_MAY_SEE
    assert page.allergies.words == "Allergies: none recorded in what you may see"
    assert page.allergies.lines == ()


# What stands on every page


def in_doubt() -> RecordView:
    """Return a showing of a problem on which two sources differ, one of which has since not answered in time."""
    problem = condition(id="c1", onsetDateTime="2020-01-01")
    labelled = item(
        resource={**problem, "meta": restricted()}, source="hospital", notes=("noted",), original=b'{"as":"sent"}'
    )
    over = item(resource={**problem, "clinicalStatus": concept(code="resolved")}, source="practice")
    return showing(labelled, over, outcome=Outcome.TIMED_OUT, withheld=True)


def test_the_record_page_says_whose_it_is_how_complete_and_what_differs() -> None:
    page = record_page(view=in_doubt())
    assert page.banner.name == "FERRIS, given name not known"
    assert page.summary == "1 of 2 sources have answered; Hospital: did not answer in time."
    assert page.progress == "1 of 2 sources have answered."
    assert (page.complete, page.asked_at) == (True, "25-Nov-2026 09:00")
    assert (page.withheld, page.conflicts) == (True, 1)


def test_a_page_of_a_section_says_whose_it_is_how_complete_and_what_is_missing() -> None:
    page = section_page(view=in_doubt(), rules=CATEGORIES[RecordCategory.PROBLEMS], number=1)
    assert page
    assert page.banner.name == "FERRIS, given name not known"
    assert page.summary == "1 of 2 sources have answered; Hospital: did not answer in time."
    assert (page.slug, page.title, page.withheld, page.empty_words) == ("problems", "Problems", True, "")
    assert page.remarks == (Remark(source_name="Hospital", words="Did not answer in time."),)


def test_the_page_of_an_entry_shows_each_source_s_own_copy() -> None:
    view = in_doubt()
    (entry,) = view.record.section(RecordCategory.PROBLEMS).entries
    page = entry_page(view=view, entry_key=entry.key)
    assert page
    assert (page.banner.name, page.section, page.first) == ("FERRIS, given name not known", "Problems", 1)
    hospital, practice = page.copies
    assert (hospital.source, hospital.kind, hospital.notes, hospital.labels) == (
        "Hospital",
        "Condition",
        ("noted",),
        ("R",),
    )
    as_sent, translated = hospital.forms
    assert json.loads(as_sent.json) == {"as": "sent"}
    assert json.loads(translated.json)["clinicalStatus"] == condition()["clinicalStatus"]
    assert (practice.source, len(practice.forms), practice.notes, practice.labels) == ("Practice", 1, (), ())
    assert ("Began", "01-Jan-2020") in page.row.details


def test_the_page_of_an_entry_shows_the_lines_for_which_the_record_page_has_no_room() -> None:
    told = allergy(reaction=[{"description": f"rash {number}"} for number in range(LINES_SHOWN + 10)])
    view = showing(item(resource=told))
    (row,) = record_page(view=view).sections[0].rows
    assert (len(row.details), row.more_lines) == (LINES_SHOWN, 10)
    page = entry_page(view=view, entry_key=row.key)
    assert page
    assert (len(page.row.details), page.row.more_lines) == (LINES_SHOWN + 10, 0)


def test_what_is_no_date_is_shown_as_it_was_sent() -> None:
    told = item(resource=condition(onsetDateTime="2020-01-01", note=[{"text": "Seen 2020-01-01, well"}]))
    (row,) = record_page(view=showing(told)).sections[-1].rows
    assert {("Began", "01-Jan-2020"), ("Note", "Seen 2020-01-01, well")} <= set(row.details)


def test_an_entry_that_is_not_there_has_no_page() -> None:
    assert entry_page(view=in_doubt(), entry_key="0" * 20) is None


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
    whole = section_page(view=showing(), rules=CATEGORIES[RecordCategory.PROBLEMS], number=1)
    assert whole
    assert whole.empty_words == "The sources that answered hold nothing of this kind."


def test_an_empty_section_says_so_when_every_source_has_answered_in_full() -> None:
    page = drawn("record_part", record_page(view=showing()))
    assert page.count("The sources that answered hold nothing of this kind.") == sum(
        rules.always_shown for rules in SECTIONS
    )
    withheld = drawn("record_part", record_page(view=showing(withheld=True)))
    assert "hold nothing of this kind" not in withheld
    assert "There is nothing of this kind in what you may see." in withheld


def test_an_empty_section_says_when_no_source_that_was_asked_could_fill_it() -> None:
    view = showing()
    sources = tuple(replace(status, holds=frozenset({RecordCategory.ALLERGIES})) for status in view.sources)
    page = section_page(view=replace(view, sources=sources), rules=CATEGORIES[RecordCategory.PROBLEMS], number=1)
    assert page
    assert page.empty_words == "No source that was asked provides problems."


def titles(*items: Item) -> list[str]:
    return [section.title for section in record_page(view=showing(*items)).sections]


def test_the_sections_whose_emptiness_matters_are_always_there() -> None:
    assert titles() == ["Allergies and adverse reactions", "Medications", "Problems"]


# What can hurt most, and then the headings of the PRSB Core Information Standard v2.
READING_ORDER = [
    "Alerts",
    "Allergies and adverse reactions",
    "Medications",
    "Problems",
    "Contacts",
    "Test results",
    "Observations",
    "Procedures",
    "Immunisations",
    "Documents",
    "Care plans",
    "Referrals",
    "Appointments and recalls",
    "Family and social history",
    "Other",
]


def test_sections_stand_in_reading_order() -> None:
    holding = [item(resource={"resourceType": rules.types[0].name}) for rules in SECTIONS]
    assert [title for title in titles(*holding) if title in READING_ORDER] == READING_ORDER


@pytest.mark.parametrize(
    ("resource", "tag"),
    [
        (condition(), "Current"),
        (condition(clinicalStatus={"coding": [{"code": "resolved"}]}), "Past"),
        (order(status="nonsense"), "Status not known"),
        ({"resourceType": "Flag", "status": "inactive"}, "Past"),
        ({"resourceType": "CarePlan", "status": "active"}, "Current"),
        (procedure(), ""),
        (observation(), ""),
        (procedure(status="not-done"), "Negative"),
        (procedure(status="entered-in-error"), "Entered in error"),
        (allergy() | {"code": {"text": "Not asked"}}, "No information"),
    ],
)
def test_lasting_things_say_how_they_stand_and_events_only_that_they_did_not_happen(
    resource: dict[str, Any], tag: str
) -> None:
    rows = [row for section in record_page(view=showing(item(resource=resource))).sections for row in section.rows]
    assert [row.tag for row in rows] == [tag]
