"""How the Lists of a practice's answer are read."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.gp_connect.lists import ALLERGIES, ENDED_ALLERGIES, lacking, notices, reach, silent

SNOMED = "http://snomed.info/sct"
SECONDARY = "https://fhir.hl7.org.uk/STU3/CodeSystem/GPConnect-SecondaryListValues-1"
MEDICATIONS, CONSULTATIONS, INVESTIGATIONS = "933361000000108", "1149501000000101", "887191000000108"
WARNING = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-ListWarningCode-1"


def arranged(code: str, /, *references: str, system: str = SNOMED, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "List",
        "code": {"coding": [{"system": system, "code": code}]},
        "entry": [{"item": {"reference": reference}} for reference in references],
        **members,
    }


def worded(notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
    return tuple(Notice(code=notice.code, text=notice.text, category=notice.category) for notice in notices)


def medicine(key: str) -> list[dict[str, Any]]:
    """A statement, its plan and one issue."""
    plan = {"reference": f"MedicationRequest/{key}-plan"}
    return [
        {"resourceType": "MedicationStatement", "id": key, "basedOn": [plan]},
        {"resourceType": "MedicationRequest", "id": f"{key}-plan"},
        {"resourceType": "MedicationRequest", "id": f"{key}-order", "basedOn": [plan]},
    ]


WARFARIN = {"MedicationStatement/warfarin", "MedicationRequest/warfarin-plan", "MedicationRequest/warfarin-order"}


def test_a_medicine_that_is_only_linked_is_no_answer_with_its_plan_and_its_issues() -> None:
    found = reach(
        resources=[
            *medicine("aspirin"),
            *medicine("warfarin"),
            arranged(MEDICATIONS, "MedicationStatement/aspirin"),
            arranged("problems-medications", "MedicationStatement/warfarin", system=SECONDARY),
        ]
    )
    assert found.incidental == WARFARIN
    assert "MedicationRequest/aspirin-order" in found.answering


def test_a_consultations_plan_makes_no_answer_of_a_linked_medicine() -> None:
    found = reach(
        resources=[
            *medicine("warfarin"),
            arranged(MEDICATIONS),
            arranged(CONSULTATIONS, "Encounter/1"),
            arranged("consultations-medications", "MedicationStatement/warfarin", system=SECONDARY),
            arranged(
                "24781000000107",
                "MedicationRequest/warfarin-order",
                "Observation/note",
                encounter={"reference": "Encounter/1"},
            ),
        ]
    )
    assert found.incidental == WARFARIN
    assert "Observation/note" in found.answering


def test_an_item_in_both_kinds_of_list_is_an_answer() -> None:
    found = reach(
        resources=[
            *medicine("warfarin"),
            arranged("problems-medications", "MedicationStatement/warfarin", system=SECONDARY),
            arranged(MEDICATIONS, "MedicationStatement/warfarin"),
        ]
    )
    assert found.incidental == frozenset()
    assert found.answering >= WARFARIN


def test_what_no_list_names_is_not_hidden() -> None:
    assert reach(resources=[{"resourceType": "AllergyIntolerance", "id": "1"}]).incidental == frozenset()


def test_the_results_of_a_report_go_with_it() -> None:
    found = reach(
        resources=[
            arranged(INVESTIGATIONS, "DiagnosticReport/1"),
            {"resourceType": "DiagnosticReport", "id": "1", "result": [{"reference": "Observation/group"}]},
            {
                "resourceType": "Observation",
                "id": "group",
                "related": [{"type": "has-member", "target": {"reference": "Observation/member"}}],
            },
        ]
    )
    assert {"Observation/group", "Observation/member"} <= found.reported


def test_warnings_are_said_once_with_their_text_and_section() -> None:
    warned = arranged(
        MEDICATIONS,
        extension=[{"url": WARNING, "valueCode": "confidential-items"}, {"url": WARNING, "valueCode": "new-code"}],
        note=[{"text": "Items <b>excluded</b>."}],
    )
    assert worded(notices(resources=[warned, warned])) == (
        Notice(code=NoticeCode.CONFIDENTIAL_ITEMS, text="Items <b>excluded</b>.", category=RecordCategory.MEDICATIONS),
        Notice(code=NoticeCode.RESOURCE_WARNING, text="Items <b>excluded</b>.", category=RecordCategory.MEDICATIONS),
    )


def test_an_ordinary_empty_list_is_no_warning_and_another_reason_is() -> None:
    def empty(code: str) -> dict[str, Any]:
        note = [{"text": "Information not available"}]
        return arranged(MEDICATIONS, emptyReason={"coding": [{"code": code}]}, note=note)

    assert notices(resources=[empty("no-content-recorded")]) == ()
    (notice,) = notices(resources=[empty("withheld")])
    assert (notice.code, notice.category) == ("information-not-available", RecordCategory.MEDICATIONS)


@pytest.mark.parametrize("members", [{}, {"emptyReason": {}}, {"note": [{"text": ""}]}, {"entry": None}])
def test_an_empty_list_that_does_not_say_that_there_is_nothing_is_less_than_an_answer(members: dict[str, Any]) -> None:
    (notice,) = notices(resources=[arranged(ALLERGIES, **members)])
    assert (notice.code, notice.category) == ("information-not-available", RecordCategory.ALLERGIES)
    assert notice.text == "Its list of this is empty, and does not say that nothing is recorded."
    assert notices(resources=[arranged(ENDED_ALLERGIES, **members)]) == ()


CONFIDENTIAL = {"url": WARNING, "valueCode": "confidential-items"}


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"extension": CONFIDENTIAL}, NoticeCode.CONFIDENTIAL_ITEMS),
        ({"extension": [{**CONFIDENTIAL, "url": WARNING.lower()}]}, NoticeCode.CONFIDENTIAL_ITEMS),
        ({"extension": [{**CONFIDENTIAL, "valueCode": " Confidential-Items"}]}, NoticeCode.CONFIDENTIAL_ITEMS),
        ({"modifierExtension": [CONFIDENTIAL]}, NoticeCode.CONFIDENTIAL_ITEMS),
        ({"modifierExtension": [{"url": "https://example.org/partial", "valueBoolean": True}]}, "resource-warning"),
        ({"note": {"text": "Not all"}}, "resource-warning"),
    ],
)
def test_a_warning_in_another_form_is_one_all_the_same(members: dict[str, Any], code: str) -> None:
    reason = {"coding": [{"code": "no-content-recorded"}]}
    (notice,) = notices(resources=[arranged(ALLERGIES, emptyReason=reason, **members)])
    assert (notice.code, notice.category) == (code, RecordCategory.ALLERGIES)


@pytest.mark.parametrize(
    ("note", "told"),
    [
        (["Allergies held elsewhere are not shown."], "Allergies held elsewhere are not shown."),
        (["Information not available", "Not all was migrated"], "Not all was migrated"),
        (["Not all was migrated. Information not available."], "Not all was migrated."),
    ],
)
def test_what_else_the_note_of_an_empty_list_says_is_told(note: list[str], told: str) -> None:
    reason = {"coding": [{"code": "no-content-recorded"}]}
    empty = arranged(ALLERGIES, emptyReason=reason, note=[{"text": words} for words in note])
    expected = Notice(code=NoticeCode.RESOURCE_WARNING, text=told, category=RecordCategory.ALLERGIES)
    assert worded(notices(resources=[empty])) == (expected,)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ({"coding": [{"code": "withheld", "display": "Withheld"}]}, "Withheld"),
        (
            {"coding": [{"code": "withheld", "display": "Withheld"}], "text": "By choice"},
            "By choice",
        ),
        ({"text": "Not known"}, "Not known"),
        ({"coding": [{"code": "no-content-recorded"}, {"code": "unavailable"}]}, ""),
    ],
)
def test_why_a_list_is_empty_is_told_in_its_words(reason: Any, told: str) -> None:
    expected = Notice(code=NoticeCode.INFORMATION_NOT_AVAILABLE, text=told, category=RecordCategory.ALLERGIES)
    assert worded(notices(resources=[arranged(ALLERGIES, emptyReason=reason)])) == (expected,)


def test_the_fixed_note_of_an_empty_list_is_no_part_of_a_warning() -> None:
    warning = {"url": WARNING, "valueCode": "data-in-transit"}
    full = arranged(ALLERGIES, extension=[warning], note=[{"text": "Transfer not complete."}])
    reason = {"coding": [{"code": "no-content-recorded"}]}
    for said in (
        "Transfer not complete. Information not available",
        "Transfer not complete. Information not available.",
    ):
        empty = arranged(ENDED_ALLERGIES, extension=[warning], note=[{"text": said}], emptyReason=reason)
        (notice,) = notices(resources=[full, empty])
        assert notice.text == "Transfer not complete."


def without(*resources: dict[str, Any], hidden: set[str], emptied: set[str] | None = None) -> list[str]:
    left = (notice.without(hidden=hidden, emptied=emptied or set()) for notice in notices(resources=resources))
    return [notice.text for notice in left if notice]


def test_what_a_list_warns_of_is_told_to_whoever_may_see_a_list_that_warns_of_it() -> None:
    first, second = (arranged(MEDICATIONS, id=key, note=[{"text": "Clozapine not shown"}]) for key in "ab")
    assert without(first, second, hidden={"List/a"}) == ["Clozapine not shown"]
    assert without(first, second, hidden={"List/a", "List/b"}) == []
    listed = arranged(MEDICATIONS, "MedicationStatement/m", id="a", note=[{"text": "Some are missing"}])
    assert without(listed, hidden={"MedicationStatement/m"}, emptied={"List/a"}) == ["Some are missing"]


def test_what_a_heading_says_is_about_what_stands_under_it_and_goes_with_the_last_of_that() -> None:
    sentence = "Referral items are not supported by this system"
    heading = arranged("24781000000107", "Condition/a", "List/b", sentence, id="h")
    assert without(heading, hidden={"Condition/a"}) == [sentence]
    assert without(heading, hidden={"Condition/a", "List/b"}) == []
    assert without(heading, hidden={"Condition/a"}, emptied={"List/b"}) == []
    assert without(arranged("24781000000107", sentence, id="h"), hidden={"Condition/a"}) == [sentence]


def test_a_sentence_in_place_of_an_item_is_said() -> None:
    shown = arranged("24781000000107", entry=[{"item": {"display": "Test requests are not supported"}}])
    referred = arranged("24781000000107", "Referral items are not supported by this system")
    assert [notice.text for notice in notices(resources=[shown, referred])] == [
        "Test requests are not supported",
        "Referral items are not supported by this system",
    ]


def test_an_area_without_its_list_is_missing() -> None:
    asked = (RecordCategory.MEDICATIONS, RecordCategory.ALLERGIES)
    assert silent(resources=[arranged(MEDICATIONS)], asked=asked) == (
        Notice(code=NoticeCode.INFORMATION_NOT_AVAILABLE, category=RecordCategory.ALLERGIES),
    )


@pytest.mark.parametrize(
    "others",
    [
        arranged(ENDED_ALLERGIES, "AllergyIntolerance/1"),
        arranged(ALLERGIES, status="entered-in-error"),
        arranged(ALLERGIES, status="retired"),
    ],
)
def test_neither_the_ended_allergies_nor_a_list_that_is_not_in_force_say_which_allergies_hold(others: Any) -> None:
    (notice,) = silent(resources=[others], asked=[RecordCategory.ALLERGIES])
    assert (notice.code, notice.category) == (NoticeCode.INFORMATION_NOT_AVAILABLE, RecordCategory.ALLERGIES)
    assert silent(resources=[others, arranged(ALLERGIES, status="current")], asked=[RecordCategory.ALLERGIES]) == ()


def test_an_area_whose_labelled_list_may_not_be_seen_is_missing_for_that_reader() -> None:
    labelled = arranged(MEDICATIONS, id="m", meta={"security": [{"code": "R"}]})
    (notice,) = silent(resources=[labelled], asked=(RecordCategory.MEDICATIONS,))
    assert notice.without(hidden=set()) is None
    assert notice.without(hidden={"List/m"}) is not None


def linked(code: str, *references: str, **members: Any) -> dict[str, Any]:
    return arranged(code, *references, system=SECONDARY, **members)


def test_a_warning_of_what_is_only_linked_is_told_apart_from_one_of_the_answer() -> None:
    warning = {"extension": [{"url": WARNING, "valueCode": "confidential-items"}], "note": [{"text": "Excluded."}]}
    code, title = "problems-medications-related-to-problems", "Problems - medications related to problems"
    assert worded(notices(resources=[arranged(MEDICATIONS, **warning), linked(code, title=title, **warning)])) == (
        Notice(code=NoticeCode.CONFIDENTIAL_ITEMS, text="Excluded.", category=RecordCategory.MEDICATIONS),
        Notice(code=NoticeCode.CONFIDENTIAL_ITEMS, text=f"{title}: Excluded.", category=RecordCategory.MEDICATIONS),
    )


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("consultations-outbound-referrals-in-consultations", RecordCategory.REFERRALS),
        ("problems-linked-problems-not-relating-to-the-primary-query", RecordCategory.PROBLEMS),
        ("consultations-diary-entries-contained-in-consultations", RecordCategory.APPOINTMENTS),
        ("something-new", None),
    ],
)
def test_the_section_of_a_linked_lists_warning_is_that_of_what_it_holds(
    code: str, category: RecordCategory | None
) -> None:
    warned = linked(code, extension=[{"url": WARNING, "valueCode": "data-in-transit"}])
    (notice,) = notices(resources=[warned])
    assert (notice.category, notice.text) == (category, f"Linked items: {NoticeCode.DATA_IN_TRANSIT.words}")


def test_a_warning_of_a_consultations_heading_is_about_the_consultations() -> None:
    heading = arranged("24781000000107", extension=[{"url": WARNING, "valueCode": "data-in-transit"}])
    assert [notice.category for notice in notices(resources=[heading])] == [RecordCategory.ENCOUNTERS]


def test_a_warning_in_an_unknown_form_is_a_warning_and_so_is_a_note_alone() -> None:
    odd = arranged(MEDICATIONS, extension=[{"url": WARNING, "valueString": "?"}])
    noted = arranged(MEDICATIONS, note=[{"text": "Part of the record is on paper."}])
    assert [(notice.code, notice.text) for notice in notices(resources=[odd, noted])] == [
        (NoticeCode.RESOURCE_WARNING, ""),
        (NoticeCode.RESOURCE_WARNING, "Part of the record is on paper."),
    ]


def test_results_of_a_report_that_no_list_names_are_results_all_the_same() -> None:
    lone = {"resourceType": "DiagnosticReport", "id": "1", "result": [{"reference": "Observation/1"}]}
    assert reach(resources=[lone]).reported == {"DiagnosticReport/1", "Observation/1"}


def test_references_are_followed_by_what_they_mean() -> None:
    found = reach(
        resources=[arranged(INVESTIGATIONS, "urn:uuid:7"), {"resourceType": "DiagnosticReport", "id": "1"}],
        find=lambda reference: "DiagnosticReport/1" if reference == "urn:uuid:7" else reference,
    )
    assert "DiagnosticReport/1" in found.answering


def test_an_allergy_among_the_ended_and_the_active_is_not_taken_for_ended() -> None:
    ended, active = "1103671000000101", "886921000000105"
    resources = [
        arranged(ended, "AllergyIntolerance/1", "AllergyIntolerance/2"),
        arranged(active, "AllergyIntolerance/2"),
    ]
    assert reach(resources=resources).ended == {"AllergyIntolerance/1"}


def test_an_allergy_that_only_a_linked_list_has_among_the_ended_has_ended() -> None:
    first, second, third = (f"AllergyIntolerance/{key}" for key in "abc")
    ended = linked("problems-allergies-that-have-been-ended-related-to-problems", first, second)
    holding = linked("problems-allergies-related-to-problems", second, third)
    assert reach(resources=[ended, holding]).ended == {first}
    assert reach(resources=[ended, arranged(ALLERGIES, first)]).ended == {second}
    # What is linked may be anything; what the answer itself has among the ended has ended.
    assert reach(resources=[holding, arranged(ENDED_ALLERGIES, third)]).ended == {third}


def test_lists_that_hold_one_another_end() -> None:
    first = arranged(CONSULTATIONS, "List/b", id="a")
    second = arranged("25851000000105", "List/a", "List/b", "Observation/1", id="b")
    assert "Observation/1" in reach(resources=[first, second]).answering


def test_what_a_list_names_and_the_answer_lacks_is_counted_in_its_section() -> None:
    known = frozenset({"AllergyIntolerance/here"})
    area = arranged(ALLERGIES, "AllergyIntolerance/here", "AllergyIntolerance/gone", "AllergyIntolerance/gone", "#gone")
    sentence = arranged(MEDICATIONS, "Medicines are not supported by this system")
    heading = arranged("24781000000107", "Observation/elsewhere")
    assert worded(lacking(resources=[area, area, sentence, heading], known=known)) == (
        Notice(
            code=NoticeCode.INCOMPLETE, text="2 listed items are not in its answer.", category=RecordCategory.ALLERGIES
        ),
    )


@pytest.mark.parametrize(
    "entry",
    [
        {"item": {"identifier": {"system": "urn:x", "value": "1"}}},
        {"item": {"extension": [{"url": "x", "valueCode": "masked"}]}},
        {"item": {"reference": ""}},
        {"date": "2020-01-01"},
        "AllergyIntolerance/1",
        None,
    ],
)
def test_an_item_that_is_listed_by_nothing_that_leads_to_it_is_counted_as_lacking(entry: Any) -> None:
    found = {"item": {"reference": "AllergyIntolerance/here"}}
    area = arranged(ALLERGIES, entry=[found, entry], id="a")
    (notice,) = lacking(resources=[area], known=frozenset({"AllergyIntolerance/here"}))
    assert (notice.text, notice.category) == ("1 listed item is not in its answer.", RecordCategory.ALLERGIES)
    assert notice.without(hidden={"List/a"}) is None


def test_an_entry_or_an_item_in_another_form_is_followed_all_the_same() -> None:
    item = {"reference": "AllergyIntolerance/gone"}
    for entry in ({"item": item}, [{"item": [item]}]):
        (notice,) = lacking(resources=[arranged(ALLERGIES, entry=entry)], known=frozenset())
        assert notice.text == "1 listed item is not in its answer."
        assert lacking(resources=[arranged(ALLERGIES, entry=entry)], known=frozenset({item["reference"]})) == ()


@pytest.mark.parametrize("confidential", ["Observation/member", "DiagnosticReport/1"])
def test_nothing_is_reached_by_way_of_what_is_confidential(confidential: str) -> None:
    resources = [
        {"resourceType": "DiagnosticReport", "id": "1", "result": [{"reference": "Observation/member"}]},
        {
            "resourceType": "Observation",
            "id": "group",
            "related": [{"type": "has-member", "target": {"reference": "Observation/member"}}],
        },
        {"resourceType": "Observation", "id": "member"},
    ]
    assert "Observation/group" in reach(resources=resources).reported
    assert "Observation/group" not in reach(resources=resources, confidential={confidential}).reported


def test_what_belongs_to_a_confidential_contact_leads_nowhere() -> None:
    resources = [
        {"resourceType": "Encounter", "id": "e"},
        {"resourceType": "DiagnosticReport", "id": "1", "result": [{"reference": "Observation/member"}]},
        {"resourceType": "Observation", "id": "member", "context": {"reference": "Encounter/e"}},
        {
            "resourceType": "Observation",
            "id": "group",
            "related": [{"type": "has-member", "target": {"reference": "Observation/member"}}],
        },
    ]
    assert "Observation/group" in reach(resources=resources).reported
    assert "Observation/group" not in reach(resources=resources, confidential={"Encounter/e"}).reported


def test_of_what_is_lacking_no_more_is_counted_than_the_lists_that_may_be_seen_name() -> None:
    areas = (
        arranged(ALLERGIES, "AllergyIntolerance/1", "AllergyIntolerance/2", id="a"),
        arranged(ENDED_ALLERGIES, "AllergyIntolerance/2", "AllergyIntolerance/3", id="b"),
    )
    (notice,) = lacking(resources=areas, known=frozenset())
    assert notice.text == "3 listed items are not in its answer."
    fewer = notice.without(hidden={"List/b"})
    assert fewer is not None
    assert fewer.text == "2 listed items are not in its answer."
    assert fewer.without(hidden={"List/a", "List/b"}) is None
    (notice,) = lacking(resources=areas[:1], known=frozenset({"AllergyIntolerance/1"}))
    assert notice.text == "1 listed item is not in its answer."


def test_what_a_secondary_list_names_and_the_answer_lacks_is_counted_too() -> None:
    area = linked("problems-medications-related-to-problems", "MedicationStatement/gone")
    (notice,) = lacking(resources=[area], known=frozenset())
    assert (notice.code, notice.category) == (NoticeCode.INCOMPLETE, RecordCategory.MEDICATIONS)
    other = {**area, "resourceType": "Composition"}
    assert lacking(resources=[other], known=frozenset()) == ()


def test_the_words_beside_a_reference_are_no_sentence_in_its_place() -> None:
    item = {"item": {"reference": "Observation/1", "display": "Blood pressure"}}
    assert notices(resources=[arranged("24781000000107", entry=[item])]) == ()


def test_each_secondary_list_counts() -> None:
    medicines, allergies = "problems-medications-related", "problems-allergies-related"
    found = reach(resources=[linked(medicines, "MedicationStatement/1"), linked(allergies, "AllergyIntolerance/1")])
    assert found.incidental == {"MedicationStatement/1", "AllergyIntolerance/1"}


def test_what_only_a_confidential_plan_joins_is_not_reached() -> None:
    secondary = linked("problems-medications-related", "MedicationStatement/warfarin")
    plan = {"MedicationRequest/warfarin-plan"}
    resources = [*medicine("warfarin"), secondary]
    assert reach(resources=resources).incidental == WARFARIN
    assert reach(resources=resources, confidential=plan).incidental == {"MedicationStatement/warfarin"}
    resources = [*medicine("warfarin"), arranged(MEDICATIONS, "MedicationStatement/warfarin")]
    assert reach(resources=resources, confidential=plan).answering == {"MedicationStatement/warfarin"}


def test_what_stands_under_a_confidential_heading_leads_nowhere() -> None:
    related = [{"type": "has-member", "target": {"reference": "Observation/member"}}]
    resources = [
        {"resourceType": "DiagnosticReport", "id": "1", "result": [{"reference": "Observation/member"}]},
        {"resourceType": "Observation", "id": "group", "related": related},
        arranged("24781000000107", "Observation/member", id="heading"),
    ]
    assert "Observation/group" in reach(resources=resources).reported
    assert "Observation/group" not in reach(resources=resources, confidential={"List/heading"}).reported


def test_what_belongs_to_a_confidential_contact_that_is_not_in_the_answer_leads_nowhere() -> None:
    related = [{"type": "has-member", "target": {"reference": "Observation/member"}}]
    resources = [
        {"resourceType": "Observation", "id": "member", "context": {"reference": "Encounter/e"}},
        {"resourceType": "DiagnosticReport", "id": "1", "result": [{"reference": "Observation/member"}]},
        {"resourceType": "Observation", "id": "group", "related": related},
    ]
    assert "Observation/group" not in reach(resources=resources, confidential={"Encounter/e"}).reported


def test_what_a_confidential_report_holds_is_not_reached_by_way_of_another() -> None:
    related = [{"type": "has-member", "target": {"reference": "Observation/member"}}]
    resources = [
        {"resourceType": "DiagnosticReport", "id": "1", "result": [{"reference": "Observation/member"}]},
        {"resourceType": "DiagnosticReport", "id": "2", "result": [{"reference": "Observation/group"}]},
        {"resourceType": "Observation", "id": "group", "related": related},
    ]
    assert "Observation/member" in reach(resources=resources).reported
    found = reach(resources=resources, confidential={"DiagnosticReport/1"}).reported
    assert found == {"DiagnosticReport/2", "Observation/group"}
