"""What an answer's own references say is missing, named by nobody, or going round in a circle."""

from __future__ import annotations

from typing import Any

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.gp_connect.lists import name_in
from connectors.gp_connect.wholeness import notices


def report(key: str, *results: str, specimen: str = "") -> dict[str, Any]:
    specimens = [{"reference": specimen}] if specimen else []
    return {
        "resourceType": "DiagnosticReport",
        "id": key,
        "result": [{"reference": result} for result in results],
        "specimen": specimens,
    }


def group(key: str, *members: str) -> dict[str, Any]:
    related = [{"type": "has-member", "target": {"reference": member}} for member in members]
    return {"resourceType": "Observation", "id": key, "related": related}


def said(*resources: dict[str, Any], known: tuple[str, ...] = ()) -> list[Notice]:
    return list(notices(resources=resources, known=frozenset([*map(name_in, resources), *known])))


def results(code: NoticeCode, text: str) -> Notice:
    return Notice(code=code, text=text, category=RecordCategory.RESULTS, about_items=True)


def test_a_whole_report_says_nothing() -> None:
    specimen = {"resourceType": "Specimen", "id": "s"}
    assert (
        said(report("1", "Observation/g", specimen="Specimen/s"), group("g", "Observation/m"), group("m"), specimen)
        == []
    )


def test_results_that_are_missing_are_counted_once_each() -> None:
    found = said(
        report("1", "Observation/a", "Observation/b"), report("2", "Observation/g"), group("g", "Observation/b")
    )
    assert found == [results(NoticeCode.INCOMPLETE, "2 results that its reports name are not in its answer.")]


def test_a_result_that_could_not_be_used_is_not_missing() -> None:
    assert said(report("1", "Observation/a"), known=("Observation/a",)) == []


def test_what_is_contained_or_a_sentence_is_not_missing() -> None:
    assert said(report("1", "#a", "Results are not supported")) == []


def test_a_result_in_two_reports_is_said_and_twice_in_one_is_not() -> None:
    twice = report("1", "Observation/a", "Observation/a")
    assert said(twice, group("a")) == []
    text = "1 result stands in more than one of its reports."
    assert said(twice, report("2", "Observation/a"), group("a")) == [results(NoticeCode.RESOURCE_WARNING, text)]


def test_specimens_of_nobody_and_missing_specimens_are_said() -> None:
    found = said(
        report("1", specimen="Specimen/gone"), {"resourceType": "Specimen"}, {"resourceType": "Specimen", "id": "s"}
    )
    assert found == [
        results(NoticeCode.INCOMPLETE, "1 specimen that its reports and results name is not in its answer."),
        results(NoticeCode.RESOURCE_WARNING, "2 specimens are named by no report and no result."),
    ]


def test_a_result_may_name_its_specimen_itself() -> None:
    result = {"resourceType": "Observation", "id": "a", "specimen": {"reference": "Specimen/s"}}
    assert said(result, {"resourceType": "Specimen", "id": "s"}) == []


def test_circles_are_said_and_chains_are_not() -> None:
    heading = {"resourceType": "List", "id": "l", "entry": [{"item": {"reference": "List/l"}}]}
    form = {"resourceType": "QuestionnaireResponse", "id": "q", "parent": [{"reference": "QuestionnaireResponse/q"}]}
    found = said(
        group("a", "Observation/b"),
        group("b", "Observation/a", "Observation/c"),
        group("c", "Observation/d"),
        group("d"),
        group("above", "Observation/a"),
        heading,
        form,
    )
    assert all(notice.about_items for notice in found)
    assert {(notice.text, notice.category) for notice in found} == {
        ("1 heading stands within itself.", RecordCategory.ENCOUNTERS),
        ("2 groups stand within one another in a circle, or themselves.", RecordCategory.RESULTS),
        ("1 form stands within itself.", RecordCategory.DOCUMENTS),
    }


def test_members_of_any_json_type_stop_nothing() -> None:
    odd: tuple[Any, ...] = (
        7,
        "x",
        [7, None],
        {"reference": 7},
        [{"reference": ["x"]}],
        [{"target": 5, "type": "has-member"}],
    )
    for value in odd:
        for kind, member in (
            ("DiagnosticReport", "result"),
            ("Observation", "related"),
            ("Observation", "specimen"),
            ("List", "entry"),
            ("Encounter", "partOf"),
            ("QuestionnaireResponse", "parent"),
        ):
            assert said({"resourceType": kind, "id": "1", member: value}) == []
