"""What is drawn under the heading of an entry: results, contacts, plans, letters; and how much of it a page draws."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from aggregator.record.arrange import MOST_DRAWN
from aggregator.record.categories import CATEGORIES
from aggregator.record.item import Item
from aggregator.record.timeline import Entry
from aggregator.services.view_record import RecordView
from aggregator.web.record.documents import document_content, document_page
from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import RecordPage, record_page
from aggregator.web.record.parts import LASTING_MENTIONS_SHOWN, MEMBERS_SHOWN, MENTIONS_SHOWN
from aggregator.web.record.rows import Row
from aggregator.web.record.sections import section_page
from connectors.contract.categories import RecordCategory
from tests.factories import concept, condition, item, observation, procedure
from tests.unit.record.test_files import PDF, encoded, letter
from tests.unit.record.test_parts import HERE, contact, references, report, request_for, result
from tests.unit.web.showings import drawn, showing

Json = dict[str, Any]
MEGABYTE = 1_000_000


def shown(*resources: Json | Item, **named: Any) -> RecordView:
    return showing(*(each if isinstance(each, Item) else item(resource=each) for each in resources), **named)


def rows(page: RecordPage) -> dict[str, Row]:
    return {row.heading: row for section in page.sections for row in (*section.rows, *section.more)}


def row(heading: str, *resources: Json | Item, **named: Any) -> Row:
    return rows(record_page(view=shown(*resources, **named)))[heading]


def html_of(*resources: Json | Item, **named: Any) -> str:
    return drawn("record_part", record_page(view=shown(*resources, **named)))


def entry_called(view: RecordView, heading: str) -> Entry:
    (entry,) = [entry for entry in view.record.entries.values() if entry.heading == heading]
    return entry


# Results


def test_a_report_is_a_table_of_its_results() -> None:
    sodium = result(
        "na",
        words="Sodium",
        valueQuantity={"value": 128, "unit": "mmol/L"},
        interpretation=[{"text": "Low"}],
        referenceRange=[{"text": "133 to 146"}],
        note=[{"text": "Haemolysed"}],
    )
    potassium = result("k", words="Potassium", valueQuantity={"value": 4.1, "unit": "mmol/L"})
    whole = row("Report", report("Observation/na", "Observation/k", conclusion="Repeat"), sodium, potassium)
    (group,) = whole.parts.groups
    assert ("Conclusion", "Repeat") in whole.details
    assert [(m.name, m.value, m.flag, m.reference_range, m.notes) for m in group.members] == [
        ("Sodium", "128 mmol/L", "Low", "133 to 146", (("Note", "Haemolysed"),)),
        ("Potassium", "4.1 mmol/L", "", "", ()),
    ]
    page = html_of(report("Observation/na", "Observation/k"), sodium, potassium)
    for heading in ("Test", "Result", "Flag", "Reference range"):
        assert f'<th scope="col">{heading}</th>' in page
    assert '<strong class="app-flag">Low</strong>' in page
    assert page.count("Sodium") == 1


def test_columns_that_would_be_empty_are_left_out() -> None:
    page = html_of(report("Observation/na"), result("na", valueString="5"))
    assert '<th scope="col">Test</th><th scope="col">Result</th></tr>' in page


def test_a_normal_flag_is_not_marked() -> None:
    page = html_of(report("Observation/na"), result("na", interpretation=[{"text": "Normal"}]))
    assert "<td>Normal</td>" in page


def test_a_group_has_its_heading_and_what_is_said_once_is_not_said_again() -> None:
    blood = {"resourceType": "Specimen", "id": "s", "type": {"text": "Blood"}}
    specimen = {"specimen": {"reference": "Specimen/s"}}
    whole = row(
        "Report",
        report("Observation/g", specimen=references("Specimen/s")),
        result("g", "Observation/a", words="Full blood count", note=[{"text": "Group note"}], **specimen),
        result("a", words="Haemoglobin", **specimen),
        blood,
    )
    (group,) = whole.parts.groups
    assert ("Specimen", "Blood") in whole.details
    assert (group.heading, group.notes) == ("Full blood count", (("Note", "Group note"),))
    assert [(member.name, member.notes) for member in group.members] == [("Haemoglobin", ())]


@pytest.mark.parametrize(
    ("groups", "told"), [(("FBC",), "FBC"), (("FBC", "Renal"), "FBC, Renal"), (("a", "b", "c", "d"), "")]
)
def test_the_groups_of_a_report_stand_beside_its_heading_where_they_are_few(groups: tuple[str, ...], told: str) -> None:
    grouped = [result(f"g{name}", f"Observation/r{name}", words=name) for name in groups]
    single = [result(f"r{name}", words=f"Result of {name}") for name in groups]
    assert row("Report", report(*(f"Observation/g{name}" for name in groups)), *grouped, *single).value == told


def test_a_date_is_said_of_a_group_where_it_is_one_and_of_each_result_where_they_differ() -> None:
    dated = {"effectiveDateTime": "2024-05-01"}

    def notes(second: str) -> tuple[Any, ...]:
        whole = row(
            "Report",
            report("Observation/a", "Observation/b", effectiveDateTime="2024-05-03"),
            result("a", **dated),
            result("b", effectiveDateTime=second),
        )
        (group,) = whole.parts.groups
        return (group.notes, [member.notes for member in group.members])

    assert notes("2024-05-01") == ((("Date", "01-May-2024"),), [(), ()])
    assert notes("2024-05-03") == ((), [(("Date", "01-May-2024"),), ()])


def test_the_parts_of_a_result_stand_beside_its_value() -> None:
    part = {"code": {"text": "Left"}, "valueString": "clear"}
    (group,) = row("Report", report("Observation/a"), result("a", component=[part])).parts.groups
    assert group.members[0].parts == (("Left", "clear"),)


def test_a_request_stands_with_its_report_and_is_no_result() -> None:
    whole = row("Report", report("Observation/a", basedOn=references("ServiceRequest/q")), result("a"), request_for())
    results, request = whole.parts.groups
    assert [member.name for member in results.members] == ["a"]
    assert (request.heading, request.members) == ("Request: Full blood count", ())
    assert ("Status", "Active") in request.notes


def test_what_has_no_row_of_its_own_is_counted_in_its_section() -> None:
    page = record_page(view=shown(report("Observation/a", "Observation/b"), result("a"), result("b"), result("c")))
    (section,) = [section for section in page.sections if section.slug == "results"]
    assert (section.total, section.within) == (2, 2)
    assert "2 more entries of this kind are shown within what they belong to" in drawn("record_part", page)


def test_a_section_all_of_which_is_drawn_elsewhere_does_not_say_that_nothing_is_held() -> None:
    vital = result("a") | {"category": []}
    view = shown(report("Observation/a"), vital)
    (section,) = [each for each in record_page(view=view).sections if each.slug == "observations"]
    assert (section.total, section.within, section.empty_words, section.rows) == (0, 1, "", ())
    page = section_page(view=view, rules=CATEGORIES[RecordCategory.OBSERVATIONS], number=1)
    assert page
    assert "1 more entry of this kind is shown within what it belongs to" in drawn("section", page)


def test_a_result_that_sources_give_differently_says_so_in_the_table() -> None:
    moment = {"effectiveDateTime": "2024-05-01T10:00:00Z"}
    coded = {"code": concept(code="1000731000000107", display="Creatinine")}
    ours = observation(id="a", valueQuantity={"value": 85, "unit": "umol/L"}, **moment) | coded
    theirs = observation(id="z", valueQuantity={"value": 95, "unit": "umol/L"}, **moment) | coded
    whole = row("Report", report("Observation/a"), ours, item(resource=theirs, source="hospital"))
    (group,) = whole.parts.groups
    assert group.members[0].differs
    assert "Sources differ</strong>" in html_of(report("Observation/a"), ours, item(resource=theirs, source="hospital"))


# What is missing


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (1, "1 result that belongs here did not come with the record or cannot be shown."),
        (1200, "1,200 results that belong here did not come with the record or cannot be shown."),
    ],
)
def test_what_did_not_come_is_said(gone: int, words: str) -> None:
    told = report(*(f"Observation/x{n}" for n in range(gone)))
    assert row("Report", told).parts.missing == words
    assert words in html_of(told)


def test_what_is_missing_is_said_whatever_is_withheld_and_an_empty_place_is_no_proof() -> None:
    told = report("Observation/x")
    page = html_of(told, withheld=True)
    assert "1 result that belongs here did not come with the record or cannot be shown." in page
    assert "Where a section, a report or a contact is empty or lacks something" in page


# Blood pressure and values


def test_a_value_stands_beside_its_heading() -> None:
    told = row("Pulse", result("p", words="Pulse", valueQuantity={"value": 72, "unit": "/min"}))
    assert (told.value, told.details) == ("72 /min", ())
    assert 'Pulse <span class="app-entry__value">72 /min</span>' in html_of(
        result("p", words="Pulse", valueQuantity={"value": 72, "unit": "/min"})
    )
    long = row("Pulse", result("p", words="Pulse", valueString="x" * 200))
    assert (long.value, long.details) == ("", (("Value", "x" * 200),))


def pressures(**members: Any) -> list[Json]:
    def part(id: str, code: str, value: str) -> Json:
        return observation(id=id, valueQuantity={"value": value, "unit": "mmHg"}, **members) | {
            "code": concept(code=code, display=id)
        }

    group = result("g", "Observation/s", "Observation/d", words="Blood pressure")
    return [group, part("s", "72313002", "142"), part("d", "1091811000000102", "88")]


def test_a_blood_pressure_is_drawn_as_one_reading() -> None:
    told = row("Blood pressure", *pressures())
    assert (told.value, told.parts.groups) == ("142/88 mmHg", ())
    page = html_of(*pressures())
    assert "142/88 mmHg" in page
    assert ">s<" not in page


def test_what_else_is_said_of_one_of_its_parts_is_drawn_below() -> None:
    (group,) = row("Blood pressure", *pressures(note=[{"text": "Left arm"}])).parts.groups
    assert [member.notes for member in group.members] == [(("Note", "Left arm"),)] * 2


def test_the_page_of_a_reading_leads_to_both_its_parts() -> None:
    view = shown(*pressures())
    page = entry_page(view=view, entry_key=entry_called(view, "Blood pressure").key)
    assert page
    assert [member.name for member in page.row.parts.groups[0].members] == ["s", "d"]
    member = entry_page(view=view, entry_key=entry_called(view, "s").key)
    assert member
    assert [whole.words for whole in member.part_of] == ["Blood pressure 142/88 mmHg"]
    assert member.back_to == page.row.key


# Contacts


def test_a_contact_leads_to_the_rows_of_what_was_found() -> None:
    view = shown(
        contact(), condition(id="p", display="Asthma", **HERE), result("o", words="Pulse", valueString="72", **HERE)
    )
    page = record_page(view=view)
    (content,) = rows(page)["Surgery"].parts.contents
    assert [mention.words for mention in content.mentions] == ["Asthma", "Pulse 72"]
    key = entry_called(view, "Asthma").key
    html = drawn("record_part", page)
    assert f'<a href="#entry-{key}">Asthma</a>' in html
    assert f'id="entry-{key}"' in html


def test_what_has_no_row_on_the_page_is_led_to_by_its_own_page() -> None:
    view = shown(contact(), report("Observation/o"), result("o", words="Pulse", **HERE))
    key = entry_called(view, "Pulse").key
    assert f'/entries/{key}">Pulse</a>' in drawn("record_part", record_page(view=view))


def test_a_comment_is_told_by_its_words_and_a_denial_by_its_tag() -> None:
    comment = result("o", words="Comment note", note=[{"text": "Feels better"}], **HERE)
    refuted = condition(id="p", display="Asthma", verificationStatus=concept(code="refuted"), **HERE)
    (content,) = row("Surgery", contact(), comment, refuted).parts.contents
    assert [(mention.words, mention.tag) for mention in content.mentions] == [
        ("Refuted: Asthma", "Negative"),
        ("Comment note: Feels better", ""),
    ]


def test_a_long_contact_mentions_its_first_entries_and_its_page_all() -> None:
    found = [result(f"o{n:03}", **HERE) for n in range(MENTIONS_SHOWN + 15)]
    view = shown(contact(), *found)
    short = rows(record_page(view=view))["Surgery"].parts
    assert (sum(len(content.mentions) for content in short.contents), short.more_mentions) == (MENTIONS_SHOWN, 15)
    page = entry_page(view=view, entry_key=entry_called(view, "Surgery").key)
    assert page
    assert sum(len(content.mentions) for content in page.row.parts.contents) == MENTIONS_SHOWN + 15
    assert page.row.parts.more_mentions == 0


def test_a_problem_mentions_only_the_first_of_its_history() -> None:
    url = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-RelatedClinicalContent"
    names = [f"o{n}" for n in range(10)]
    related = [{"url": url, "valueReference": {"reference": f"Observation/{name}"}} for name in names]
    parts = row("Asthma", condition(display="Asthma", extension=related), *map(result, names)).parts
    assert (len(parts.contents[0].mentions), parts.more_mentions) == (LASTING_MENTIONS_SHOWN, 4)


# Plans and referrals


def planned(due: str, status: str = "active") -> Item:
    resource = {
        "resourceType": "ServiceRequest",
        "status": status,
        "intent": "plan",
        "code": {"text": "Medication review"},
        "occurrenceDateTime": due,
    }
    return item(resource=resource, category=RecordCategory.APPOINTMENTS)


@pytest.mark.parametrize(
    ("due", "status", "date", "tag"),
    [
        ("2011-01-15", "active", "Due 15-Jan-2011", "Overdue"),
        ("2026-11-24", "unknown", "Due 24-Nov-2026", "Overdue"),
        ("2026-11-25", "active", "Due 25-Nov-2026", ""),
        ("2026-11", "active", "Due Nov-2026", ""),
        ("2026-10", "active", "Due Oct-2026", "Overdue"),
        ("2025", "active", "Due 2025", "Overdue"),
        ("2026-11-25T00:30:00Z", "active", "Due 25-Nov-2026 00:30", ""),
        ("next spring", "active", "Due next spring", ""),
        ("2011-01-15", "completed", "Due 15-Jan-2011", "Done"),
        ("2011-01-15", "revoked", "Due 15-Jan-2011", "Cancelled"),
        ("2011-01-15", "entered-in-error", "15-Jan-2011", "Entered in error"),
    ],
)
def test_a_plan_says_when_it_is_due_and_whether_that_is_past(due: str, status: str, date: str, tag: str) -> None:
    told = row("Medication review", planned(due, status))
    assert (told.date, told.tag) == (date, tag)


@pytest.mark.parametrize(("priority", "tag"), [("urgent", "Urgent"), ("stat", "Immediate"), ("routine", ""), ("", "")])
def test_an_urgent_referral_is_marked_in_words(priority: str, tag: str) -> None:
    referral = {"resourceType": "ServiceRequest", "status": "active", "priority": priority, "code": {"text": "Heart"}}
    assert row("Heart", referral).urgency == tag
    assert (f"{tag}</strong>" in html_of(referral)) or not tag


# Letters


def test_a_letter_that_came_can_be_opened_and_one_that_did_not_says_where_it_is() -> None:
    told = row(
        "Letter",
        letter(
            {"title": "Scan", "contentType": "application/pdf", "size": 315497, "data": encoded(PDF)},
            {"url": "https://gp.example/Binary/1"},
            {"url": "file:///etc/passwd"},
            {"title": "Nothing"},
        ),
    )
    assert [(document.verb, document.words) for document in told.parts.documents] == [
        ("Open", "Scan (PDF, 315 KB)"),
        ("Ask for", "Document"),
        ("", "Document: its address cannot be followed"),
        ("", "Nothing: not sent with the record"),
    ]


def test_no_address_of_a_source_is_a_link() -> None:
    page = html_of(letter({"url": "https://gp.example/Binary/1"}, {"url": "javascript:alert(1)"}))
    assert "gp.example" not in page
    assert "javascript" not in page


def opened(view: RecordView, number: int = 1) -> Any:
    key = entry_called(view, "Letter").key
    return document_page(view=view, entry_key=key, number=number), document_content(
        view=view, entry_key=key, number=number
    )


def test_a_letter_is_shown_in_a_sandbox_under_the_banner() -> None:
    page, content = opened(shown(letter({"contentType": "application/pdf", "data": encoded(PDF)})))
    assert content.content == PDF
    html = drawn("document", page)
    assert re.search(r"<iframe[^>]* sandbox title=", html)
    assert "FERRIS, given name not known" in html
    assert (page.problem, page.kind, page.is_shown) == ("", "PDF", True)


def test_a_file_that_no_browser_shows_safely_can_only_be_saved() -> None:
    page, content = opened(shown(letter({"contentType": "application/rtf", "data": encoded(b"{\\rtf1 x}")})))
    assert content.kind.media_type == "application/rtf"
    html = drawn("document", page)
    assert "<iframe" not in html
    assert "Save the document" in html


@pytest.mark.parametrize(
    ("attachment", "words"),
    [
        ({"contentType": "application/pdf", "data": encoded(b"<html>")}, "is not of the type that its source says"),
        ({"data": encoded(PDF), "size": 5}, "is not as long as its source says"),
        ({"data": "%%%"}, "cannot be read as a document"),
        ({"url": "Binary/1"}, "did not come with the record"),
    ],
)
def test_a_document_that_is_not_what_it_is_said_to_be_is_not_opened(attachment: Json, words: str) -> None:
    page, content = opened(shown(letter(attachment)))
    assert content is None
    html = drawn("document", page)
    assert words in html
    assert "<iframe" not in html
    assert "Save the document" not in html


def test_a_document_that_is_not_there_has_no_page() -> None:
    view = shown(letter({"data": encoded(PDF)}))
    key = entry_called(view, "Letter").key
    for number in (0, 2):
        assert document_page(view=view, entry_key=key, number=number) is None
        assert document_content(view=view, entry_key=key, number=number) is None
    assert document_page(view=view, entry_key="0" * 20, number=1) is None


# However much there is


def test_a_report_of_many_results_is_short_on_the_record_and_whole_on_its_page() -> None:
    names = [f"o{n:03}" for n in range(200)]
    results = [result(name, valueString="x", note=[{"text": "&" * 20}]) for name in names]
    view = shown(report(*(f"Observation/{name}" for name in names)), *results)
    page = record_page(view=view)
    parts = rows(page)["Report"].parts
    assert (sum(len(group.members) for group in parts.groups), parts.more_members) == (MEMBERS_SHOWN, 150)
    html = drawn("record_part", page)
    assert len(html.encode()) < MEGABYTE
    assert "and 150 more results" in html
    whole = entry_page(view=view, entry_key=entry_called(view, "Report").key)
    assert whole
    assert sum(len(group.members) for group in whole.row.parts.groups) == 200
    assert len(drawn("entry", whole).encode()) < MEGABYTE


def test_pages_of_many_long_reports_stay_small() -> None:
    resources: list[Json] = []
    for number in range(20):
        names = [f"o{number}-{n}" for n in range(100)]
        resources.append(report(*(f"Observation/{name}" for name in names), id=f"r{number}"))
        resources.extend(result(name, valueString="<&>" * 50, note=[{"text": "&" * 900}]) for name in names)
    view = shown(*resources)
    page = record_page(view=view)
    assert len(drawn("record_part", page).encode()) < MEGABYTE
    number, drawn_reports = 1, 0
    while shown_page := section_page(view=view, rules=CATEGORIES[RecordCategory.RESULTS], number=number):
        html = drawn("section", shown_page)
        assert len(html.encode()) < MEGABYTE
        drawn_reports += len(shown_page.rows)
        number += 1
    assert drawn_reports == 20


def test_results_that_are_too_many_for_one_report_have_rows_of_their_own() -> None:
    names = [f"o{n}" for n in range(MOST_DRAWN + 20)]
    view = shown(report(*(f"Observation/{name}" for name in names)), *(result(name) for name in names))
    page = section_page(view=view, rules=CATEGORIES[RecordCategory.RESULTS], number=1)
    assert page
    assert (page.total, page.within) == (21, MOST_DRAWN)
    whole = entry_page(view=view, entry_key=entry_called(view, "Report").key)
    assert whole
    assert whole.row.parts.more_members == 20


def test_the_bytes_of_a_large_document_do_not_fill_its_page() -> None:
    view = shown(letter({"contentType": "application/pdf", "data": base64.b64encode(PDF + b"x" * 3_000_000).decode()}))
    page = entry_page(view=view, entry_key=entry_called(view, "Letter").key)
    assert page
    html = drawn("entry", page)
    assert len(html.encode()) < 200_000
    assert "characters, not shown" in html
    assert "1 value is not shown here: see the JSON." in html


# How a part stands


@pytest.mark.parametrize(
    ("members", "tag"),
    [
        ({"modifierExtension": [{"url": "http://example.org/negated", "valueBoolean": True}]}, "Status not known"),
        ({"status": "Entered in error"}, "May have been entered in error"),
        ({}, ""),
    ],
)
def test_a_result_whose_standing_is_in_doubt_says_so_in_its_table(members: Json, tag: str) -> None:
    whole = row("Report", report("Observation/na"), result("na", valueString="Positive", **members))
    (group,) = whole.parts.groups
    assert [member.tag for member in group.members] == [tag]


def test_what_is_mentioned_says_that_it_was_not_done_yet_or_is_not_final() -> None:
    encounter = {"resourceType": "Encounter", "id": "e", "status": "finished", "type": [{"text": "Visit"}]}
    belongs = {"encounter": {"reference": "Encounter/e"}}
    planned = procedure(id="p", status="preparation", **belongs)
    measured = result("r", words="Potassium", status="preliminary", valueString="7.1", **belongs)
    done = procedure(id="d", code="1", display="Biopsy", **belongs)
    (content,) = row("Visit", encounter, planned, measured, done).parts.contents
    assert sorted(mention.words for mention in content.mentions) == [
        "Appendicectomy (status: preparation)",
        "Biopsy",
        "Potassium 7.1 (status: preliminary)",
    ]
