"""What an answer's own references say is missing, named by nobody, or going round in a circle."""

from __future__ import annotations

from typing import Any

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.gp_connect.lists import name_in
from connectors.gp_connect.wholeness import notices, unnamed


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
    return [worded(notice) for notice in notices(resources=resources, known=everything(*resources, known=known))]


def everything(*resources: dict[str, Any], known: tuple[str, ...] = ()) -> frozenset[str]:
    return frozenset([*map(name_in, resources), *known])


def worded(notice: Notice) -> Notice:
    assert notice.grounds
    return Notice(code=notice.code, text=notice.text, category=notice.category)


def told_without(*resources: dict[str, Any], hidden: set[str]) -> list[str]:
    """Return what is said to somebody who may not see these entries."""
    found = notices(resources=resources, known=everything(*resources))
    return [left.text for notice in found if (left := notice.without(hidden=hidden))]


def results(code: NoticeCode, text: str) -> Notice:
    return Notice(code=code, text=text, category=RecordCategory.RESULTS)


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


def test_what_only_hidden_reports_name_is_not_counted_for_whom_they_are_hidden_from() -> None:
    told = (report("1", "Observation/a", "Observation/b"), report("2", "Observation/b"), report("3", "Observation/b"))
    assert told_without(*told, hidden=set())[0] == "2 results that its reports name are not in its answer."
    once = "1 result that its reports name is not in its answer."
    shared = "1 result stands in more than one of its reports."
    assert told_without(*told, hidden={"DiagnosticReport/1"}) == [once, shared]
    assert told_without(*told, hidden={"DiagnosticReport/1", "DiagnosticReport/2"}) == [once]
    assert told_without(*told, hidden={f"DiagnosticReport/{key}" for key in "123"}) == []


def test_a_circle_is_not_said_to_whom_part_of_it_is_hidden_from() -> None:
    ring = (group("a", "Observation/b"), group("b", "Observation/a"), group("c", "Observation/c"))
    assert told_without(*ring, hidden=set()) == ["3 groups stand within one another in a circle, or themselves."]
    assert told_without(*ring, hidden={"Observation/a"}) == ["1 group stands within itself."]
    assert told_without(*ring, hidden={"Observation/a", "Observation/c"}) == []


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


def told_unnamed(**entries: str) -> list[str]:
    sent = [(name.replace("_", "/"), body.encode()) for name, body in entries.items()]
    return [notice.text for notice in unnamed(entries=sent)]


def test_what_has_nothing_to_do_with_the_rest_is_counted() -> None:
    named = '{"performer":[{"reference":"Practitioner/1"}]}'
    role = '{"practitioner":{"reference":"Practitioner/2"},"organization":{"reference":"Organization/2"}}'
    assert told_unnamed(Observation_1=named, Practitioner_1="{}") == []
    assert told_unnamed(Observation_1=named, Practitioner_1="{}", Practitioner_2="{}") == [
        "1 of the people, places and things in its answer has nothing to do with the rest, and is not shown."
    ]
    everybody = {"Practitioner_1": "{}", "Practitioner_2": "{}", "PractitionerRole_2": role, "Organization_2": "{}"}
    assert told_unnamed(Observation_1=named, **everybody) == [
        "3 of the people, places and things in its answer have nothing to do with the rest, and are not shown."
    ]


def test_whoever_is_connected_by_others_has_to_do_with_the_rest() -> None:
    named = '{"performer":[{"reference":"Organization/2"}]}'
    role = '{"practitioner":{"reference":"Practitioner/2"},"organization":{"reference":"Organization/2"}}'
    connected = {"PractitionerRole_2": role, "Practitioner_2": "{}", "Organization_2": "{}"}
    assert told_unnamed(Observation_1=named, **connected) == []


def test_a_specimen_is_told_of_by_itself_and_whoever_took_it_with_the_rest() -> None:
    specimen = '{"collection":{"collector":{"reference":"Practitioner/1"}}}'
    assert told_unnamed(Specimen_1=specimen) == []
    assert told_unnamed(Specimen_1=specimen, Practitioner_1="{}")[0].startswith("1 of the people")


def test_of_two_entries_with_one_name_each_is_looked_at_by_itself() -> None:
    organisation = ("Organization/1", b"{}")
    known = ("PractitionerRole/1", b'{"organization":{"reference":"Organization/1"}}')
    named = ("Observation/1", b'{"performer":[{"reference":"Organization/1"}]}')
    assert unnamed(entries=[named, organisation, known]) == ()
    (notice,) = unnamed(entries=[named, organisation, known, ("PractitionerRole/1", b"{}")])
    assert notice.text.startswith("1 of the people")


def test_a_long_chain_of_groups_is_no_circle() -> None:
    chain = [group(key, f"Observation/{after}") for key, after in zip("abcde", "bcdef", strict=True)]
    assert said(*chain, group("f")) == []


def test_a_contact_within_itself_is_said() -> None:
    contact = {"resourceType": "Encounter", "id": "e", "partOf": {"reference": "urn:uuid:e"}}
    heading = {"resourceType": "List", "id": "l", "entry": [{"item": {"reference": "urn:uuid:l"}}]}
    names = {"urn:uuid:e": "Encounter/e", "urn:uuid:l": "List/l"}
    found = notices(resources=[contact, heading], known=frozenset(names.values()), find=lambda name: names[name])
    warning, encounters = NoticeCode.RESOURCE_WARNING, RecordCategory.ENCOUNTERS
    assert [(notice.code, notice.text, notice.category) for notice in found] == [
        (warning, "1 heading stands within itself.", encounters),
        (warning, "1 contact stands within itself.", encounters),
    ]


def test_nothing_is_said_of_what_is_hidden_itself() -> None:
    shared = (report("1", "Observation/a"), report("2", "Observation/a"), group("a"))
    assert told_without(*shared, hidden={"Observation/a"}) == []
    assert told_without({"resourceType": "Specimen", "id": "s"}, hidden={"Specimen/s"}) == []
    assert told_without(report("1", specimen="Specimen/gone"), hidden={"DiagnosticReport/1"}) == []
    (notice,) = unnamed(entries=[("Practitioner/1", b"{}"), ("Practitioner/2", b"{}")])
    assert (notice.code, notice.category) == (NoticeCode.RESOURCE_WARNING, RecordCategory.SUPPORTING)
    left = notice.without(hidden={"Practitioner/2"})
    assert left is not None
    assert left.text.startswith("1 of the people")
    assert left.without(hidden={"Practitioner/1"}) is None


def test_whoever_any_entry_names_has_to_do_with_the_rest() -> None:
    first, second = (f'{{"performer":[{{"reference":"Practitioner/{key}"}}]}}' for key in (1, 2))
    assert told_unnamed(Observation_1=first, Observation_2=second, Practitioner_1="{}", Practitioner_2="{}") == []
