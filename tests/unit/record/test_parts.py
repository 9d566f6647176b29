"""What is a part of what: drawn within it or by itself, mentioned under its heading, or missing."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.arrange import DEEPEST_DRAWN, MOST_DRAWN, Branch, branches_of, wholes_of, without_nested
from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.parts import Part, every_part
from aggregator.record.timeline import Entry, LongitudinalRecord
from connectors.contract.categories import RecordCategory
from tests.factories import allergy, concept, condition, item, observation

Json = dict[str, Any]


def references(*names: str) -> list[Json]:
    return [{"reference": name} for name in names]


def report(*results: str, **members: Any) -> Json:
    return {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        "code": {"text": "Report"},
        "result": references(*results),
        **members,
    }


def result(id: str, *has: str, words: str = "", **members: Any) -> Json:
    told = observation(id=id, hasMember=references(*has), **members)
    return told | {"code": {"text": words or id}}


def record_of(*resources: Json | Item) -> LongitudinalRecord:
    return merge(items=[each if isinstance(each, Item) else item(resource=each) for each in resources])


def entry_called(record: LongitudinalRecord, heading: str) -> Entry:
    (entry,) = [entry for entry in record.entries.values() if entry.heading == heading]
    return entry


Tree = list[Any]


def tree(branches: tuple[Branch, ...]) -> Tree:
    """Return branches as their headings, each with what is in it where anything is."""
    drawn: Tree = []
    for branch in branches:
        name = branch.entry.heading if branch.entry else branch.part.heading
        drawn.append((name, tree(branch.branches)) if branch.branches else name)
    return drawn


def drawn_in(record: LongitudinalRecord, heading: str) -> Tree:
    branches, _ = branches_of(entry=entry_called(record, heading), entries=record.entries)
    return tree(branches)


def by_themselves(record: LongitudinalRecord) -> set[str]:
    return {entry.heading for key, entry in record.entries.items() if key not in record.drawn_within}


def outline(parts: tuple[Part, ...], record: LongitudinalRecord) -> Tree:
    """Return parts as headings with what stands under them, entries by their headings."""
    drawn: Tree = []
    for part in parts:
        if part.missing:
            drawn.append(part.missing)
        elif part.entry_key:
            drawn.append(record.entries[part.entry_key].heading)
        else:
            drawn.append((part.heading, outline(part.parts, record)))
    return drawn


# Reports and groups


def test_results_are_drawn_in_their_report_in_the_order_sent_and_not_by_themselves() -> None:
    record = record_of(report("Observation/b", "Observation/a"), result("a"), result("b"), result("c"))
    assert drawn_in(record, "Report") == ["b", "a"]
    assert by_themselves(record) == {"Report", "c"}


def test_every_item_stays_in_an_entry_of_its_own() -> None:
    record = record_of(report("Observation/a", "Observation/g"), result("a"), result("g", "Observation/a"))
    assert [len(entry.items) for entry in record.entries.values()] == [1, 1, 1]
    assert len(record.entries) == 3


def test_what_a_report_and_its_group_both_list_is_drawn_in_the_group() -> None:
    record = record_of(
        report("Observation/a", "Observation/g", "Observation/b"),
        result("a"),
        result("b"),
        result("g", "Observation/a"),
    )
    assert drawn_in(record, "Report") == [("g", ["a"]), "b"]


def test_a_result_of_two_reports_is_drawn_in_both_and_is_one_entry() -> None:
    other = report("Observation/a", id="r2") | {"code": {"text": "Other report"}}
    record = record_of(report("Observation/a"), other, result("a"))
    assert drawn_in(record, "Report") == drawn_in(record, "Other report") == ["a"]
    assert len([entry for entry in record.entries.values() if entry.heading == "a"]) == 1


def test_a_result_that_did_not_come_is_counted_once_however_often_it_is_listed() -> None:
    record = record_of(report("Observation/a", "Observation/x", "Observation/x", "Observation/y"), result("a"))
    parts = entry_called(record, "Report").parts
    assert sum(part.missing for part in every_part(parts)) == 2
    assert drawn_in(record, "Report") == ["a"]


def test_what_a_resource_contains_is_drawn_with_its_lines() -> None:
    inner = observation(id="in", valueQuantity={"value": 7.1, "unit": "mmol/L"}) | {"code": {"text": "Inner"}}
    record = record_of(report("#in", contained=[inner]))
    (branch,), _ = branches_of(entry=entry_called(record, "Report"), entries=record.entries)
    assert (branch.entry, branch.part.heading, branch.part.lines) == (None, "Inner", (("Value", "7.1 mmol/L"),))


def test_a_reference_to_a_contained_resource_that_is_not_there_is_missing() -> None:
    record = record_of(report("#nothing"))
    assert [part.missing for part in entry_called(record, "Report").parts] == [1]


def request_for(words: str = "Full blood count") -> Item:
    resource = {
        "resourceType": "ServiceRequest",
        "id": "q",
        "status": "active",
        "intent": "order",
        "code": {"text": words},
    }
    return item(resource=resource, category=RecordCategory.RESULTS)


def test_the_request_is_drawn_in_the_report_that_answers_it() -> None:
    record = record_of(report("Observation/a", basedOn=references("ServiceRequest/q")), result("a"), request_for())
    assert drawn_in(record, "Report") == ["a", "Full blood count"]
    assert by_themselves(record) == {"Report"}
    assert by_themselves(record_of(request_for())) == {"Full blood count"}
    unsent = record_of(report("Observation/a", basedOn=references("ServiceRequest/z")), result("a"))
    assert not any(part.missing for part in entry_called(unsent, "Report").parts)


# Rings, depth and number


def test_a_ring_of_groups_ends_and_one_of_it_stands_by_itself() -> None:
    record = record_of(result("a", "Observation/b"), result("b", "Observation/c"), result("c", "Observation/a"))
    (alone,) = by_themselves(record)
    seen = str(drawn_in(record, alone))
    assert all(name in seen for name in {"a", "b", "c"} - {alone})


def test_a_group_that_has_itself_is_drawn_once() -> None:
    record = record_of(result("a", "Observation/a"))
    assert by_themselves(record) == {"a"}
    assert drawn_in(record, "a") == []


def test_a_report_of_a_ring_draws_all_of_it() -> None:
    record = record_of(
        report("Observation/a", "Observation/b"), result("a", "Observation/b"), result("b", "Observation/a")
    )
    assert by_themselves(record) == {"Report"}
    assert str(drawn_in(record, "Report")).count("'a'") == str(drawn_in(record, "Report")).count("'b'") == 1


def test_what_lies_too_deep_stands_by_itself() -> None:
    last = DEEPEST_DRAWN + 1
    record = record_of(*(result(f"o{n}", f"Observation/o{n + 1}") for n in range(last)), result(f"o{last}"))
    assert by_themselves(record) == {"o0", f"o{last}"}
    _, undrawn = branches_of(entry=entry_called(record, "o0"), entries=record.entries)
    assert undrawn == 1


def test_what_is_too_many_to_be_drawn_within_stands_by_itself() -> None:
    names = [f"o{n}" for n in range(MOST_DRAWN + 3)]
    record = record_of(report(*(f"Observation/{name}" for name in names)), *(result(name) for name in names))
    branches, undrawn = branches_of(entry=entry_called(record, "Report"), entries=record.entries)
    assert (len(branches), undrawn) == (MOST_DRAWN, 3)
    assert by_themselves(record) == {"Report", *names[MOST_DRAWN:]}


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_nothing_is_drawn_only_within_what_is_taken_back_or_cancelled(status: str) -> None:
    record = record_of(report("Observation/a", status=status), result("a"))
    assert "a" in by_themselves(record)


@pytest.mark.parametrize(
    ("own", "wholes"),
    [
        ({"a": ["b"], "b": []}, {"b": {"a"}}),
        ({"a": ["b", "c"], "b": ["c"], "c": []}, {"b": {"a"}, "c": {"b"}}),
        ({"a": ["c"], "b": ["c"], "c": []}, {"c": {"a", "b"}}),
        ({"a": ["b"], "b": ["a"]}, {"b": {"a"}}),
        ({"a": []}, {}),
    ],
)
def test_what_is_drawn_within_what(own: dict[str, list[str]], wholes: dict[str, set[str]]) -> None:
    assert wholes_of(own=own) == wholes


def test_of_two_parts_that_have_each_other_one_is_drawn_in_the_other() -> None:
    own = {"whole": ["a", "b"], "a": ["b", "c"], "b": ["a"], "c": []}
    assert without_nested(keys=own["whole"], own=own) == ("a",)


# Contacts


def contact(**members: Any) -> Json:
    return {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "type": [{"text": "Surgery"}],
        "period": {"start": "2010-01-15"},
        **members,
    }


def headed(id: str, code: str, *lists: str, title: str = "", **members: Any) -> Item:
    resource = {
        "resourceType": "List",
        "id": id,
        "status": "current",
        "mode": "snapshot",
        "code": concept(code=code, display="Category (EHR)"),
        "encounter": {"reference": "Encounter/e"},
        "entry": [{"item": {"reference": name}} for name in lists],
        **({"title": title} if title else {}),
        **members,
    }
    return item(resource=resource, category=RecordCategory.SUPPORTING)


CONSULTATION, TOPIC, CATEGORY = "325851000000107", "25851000000105", "24781000000107"
HERE = {"encounter": {"reference": "Encounter/e"}}


def consulted(*more: Json | Item) -> LongitudinalRecord:
    return record_of(
        contact(),
        headed("c", CONSULTATION, "List/t", title="Surgery"),
        headed("t", TOPIC, "List/h2", "List/h1"),
        headed("h1", CATEGORY, "Observation/o", title="Examination"),
        headed("h2", CATEGORY, "AllergyIntolerance/a", "Observation/gone", title="History"),
        result("o", words="Pulse"),
        allergy(id="a", display="Penicillin allergy", **HERE),
        *more,
    )


def test_a_contact_has_what_was_found_under_its_headings_in_the_order_sent() -> None:
    record = consulted()
    history = ("History", ["Penicillin allergy", 1])
    assert outline(entry_called(record, "Surgery").parts, record) == [
        ("", [("", [history, ("Examination", ["Pulse"])])])
    ]


def test_what_a_contact_mentions_stands_in_its_own_section() -> None:
    assert by_themselves(consulted()) == {"Surgery", "Pulse", "Penicillin allergy"}


def test_what_only_names_the_contact_is_told_after_its_headings() -> None:
    record = consulted(condition(id="p", display="Asthma", **HERE))
    *_, also = outline(entry_called(record, "Surgery").parts, record)
    assert also == ("Also recorded", ["Asthma"])


def test_without_headings_a_contact_has_what_names_it_and_not_the_results_within_that() -> None:
    record = record_of(
        contact(), report("Observation/a", **HERE), result("a", **HERE), condition(id="p", display="Asthma", **HERE)
    )
    assert outline(entry_called(record, "Surgery").parts, record) == [("", ["Asthma", "Report"])]


def test_the_problem_of_a_topic_is_told_first() -> None:
    url = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-RelatedProblemHeader-1"
    target = {"url": "target", "valueReference": {"reference": "Condition/p"}}
    record = record_of(
        contact(),
        headed("t", TOPIC, "Observation/o", extension=[{"url": url, "extension": [target]}]),
        result("o", words="Peak flow"),
        condition(id="p", display="Asthma"),
    )
    assert outline(entry_called(record, "Surgery").parts, record) == [
        ("", [("Related problem", ["Asthma"]), "Peak flow"])
    ]


def test_lists_that_list_each_other_end() -> None:
    record = record_of(
        contact(),
        headed("x", CATEGORY, "List/y", "Observation/o", title="One"),
        headed("y", CATEGORY, "List/x", title="Two"),
        result("o"),
    )
    seen = str(outline(entry_called(record, "Surgery").parts, record))
    assert [seen.count(word) for word in ("One", "'o'")] == [1, 1]


def test_the_notes_of_a_heading_are_kept() -> None:
    record = record_of(contact(), headed("h", CATEGORY, title="Plan", note=[{"text": "Nothing to add"}]))
    (part,) = entry_called(record, "Surgery").parts
    assert (part.heading, part.lines) == ("Plan", (("Note", "Nothing to add"),))


def test_a_heading_with_nothing_under_it_is_left_out() -> None:
    record = record_of(contact(), headed("h", CATEGORY, title="Sexual health"))
    assert entry_called(record, "Surgery").parts == ()


def test_a_visit_is_a_part_of_its_stay() -> None:
    stay = contact(id="stay") | {"type": [{"text": "Stay"}]}
    record = record_of(stay, contact(partOf={"reference": "Encounter/stay"}))
    assert outline(entry_called(record, "Stay").parts, record) == [("", ["Surgery"])]
    assert by_themselves(record) == {"Stay", "Surgery"}


# Other wholes


def test_a_problem_brings_together_what_its_source_relates_to_it() -> None:
    def related(name: str, reference: str) -> Json:
        url = f"https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-{name}-1"
        return {"url": url, "valueReference": {"reference": reference}}

    problem = condition(
        id="p",
        display="Asthma",
        extension=[related("RelatedClinicalContent", "Observation/o"), related("ActualProblem", "Observation/w")],
    )
    record = record_of(problem, result("o", words="Peak flow"), result("w", words="Wheeze"))
    assert outline(entry_called(record, "Asthma").parts, record) == [
        ("Recorded as", ["Wheeze"]),
        ("Related content", ["Peak flow"]),
    ]


def test_an_answer_that_is_an_entry_stands_under_its_question() -> None:
    form = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "item": [
            {
                "text": "Lifestyle",
                "item": [{"text": "Smoking", "answer": [{"valueReference": {"reference": "Observation/s"}}]}],
            }
        ],
    }
    record = record_of(form, result("s", words="Never smoked"))
    assert outline(entry_called(record, "Questionnaire").parts, record) == [("Lifestyle – Smoking", ["Never smoked"])]


def test_another_source_is_not_what_a_reference_means() -> None:
    elsewhere = item(resource=result("a"), source="hospital")
    record = record_of(report("Observation/a"), elsewhere)
    assert by_themselves(record) == {"Report", "a"}


def test_the_copies_of_one_result_that_stand_apart_are_both_drawn() -> None:
    record = record_of(report("Observation/a"), result("a"), result("a", status="entered-in-error"))
    assert drawn_in(record, "Report") == ["a", "a"]
    assert by_themselves(record) == {"Report"}


def test_what_is_in_a_group_that_was_taken_back_is_drawn_in_the_report_itself() -> None:
    record = record_of(
        report("Observation/g", "Observation/a"), result("g", "Observation/a", status="entered-in-error"), result("a")
    )
    assert drawn_in(record, "Report") == ["g", "a"]
    assert by_themselves(record) == {"Report"}


def test_what_two_copies_relate_stands_under_one_heading() -> None:
    def related(id: str, reference: str) -> Json:
        url = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-RelatedClinicalContent"
        extension = {"url": url, "valueReference": {"reference": reference}}
        return condition(id=id, onsetDateTime="2020-01-01", display="Asthma", extension=[extension])

    record = record_of(related("p", "Observation/o"), related("q", "Observation/w"), result("o"), result("w"))
    ((heading, under),) = outline(entry_called(record, "Asthma").parts, record)
    assert (heading, sorted(under)) == ("Related content", ["o", "w"])
