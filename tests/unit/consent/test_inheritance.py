"""A label holds for what its List, report, contact or letter contains, and for nothing that only stands nearby."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.consent import inheritance
from aggregator.consent.inheritance import closed_items
from aggregator.record.item import Item
from tests.factories import condition, item, observation, order, permitting, restricted, statement

PERMITTED = permitting()
LABELLED = {"meta": restricted()}


def at(*names: str) -> list[dict[str, Any]]:
    return [{"reference": name} for name in names]


def closed(*resources: dict[str, Any]) -> set[str]:
    """Return the names of what may not be shown."""
    items = [item(resource=resource, id=f"{resource['resourceType']}/{resource['id']}") for resource in resources]
    return closed_items(items=items, decision=PERMITTED)


def holder(kind: str, key: str = "h", **members: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": key, "subject": {"reference": "Patient/1"}, **members}


@pytest.mark.parametrize(
    "labelled",
    [
        holder("List", entry=[{"item": {"reference": "Condition/c"}}], **LABELLED),
        holder("DiagnosticReport", result=at("Condition/c"), **LABELLED),
        holder("Composition", section=[{"section": [{"entry": at("Condition/c")}]}], **LABELLED),
        holder("Composition", section=[{"entry": at("Condition/c")}], confidentiality="R"),
        holder("Encounter", diagnosis=[{"condition": {"reference": "Condition/c"}}], **LABELLED),
        holder("Encounter", reasonReference=at("Condition/c"), **LABELLED),
        holder("DiagnosticReport", contained=[holder("List", entry=[{"item": at("Condition/c")[0]}], **LABELLED)]),
    ],
)
def test_what_is_labelled_hands_its_label_to_what_it_contains(labelled: dict[str, Any]) -> None:
    name = f"{labelled['resourceType']}/h"
    assert closed(labelled, condition(id="c"), condition(id="other")) == {name, "Condition/c"}


@pytest.mark.parametrize(
    "member",
    [
        condition(id="c", encounter={"reference": "Encounter/h"}),
        condition(id="c", context={"reference": "Encounter/h"}),
        condition(
            id="c", extension=[{"url": "https://x.example/Encounter", "valueReference": {"reference": "Encounter/h"}}]
        ),
        holder("Encounter", "c", partOf={"reference": "Encounter/h"}),
        holder("DocumentReference", "c", context={"encounter": at("Encounter/h")}),
    ],
)
def test_what_says_that_it_belongs_to_a_labelled_contact_inherits(member: dict[str, Any]) -> None:
    assert closed(holder("Encounter", **LABELLED), member) == {"Encounter/h", f"{member['resourceType']}/c"}


def test_labels_are_handed_on_through_holders_groups_and_medicines() -> None:
    listed = holder("List", entry=[{"item": at("DiagnosticReport/r")[0]}, {"item": at("MedicationStatement/s")[0]}])
    assert closed(
        {**listed, **LABELLED},
        holder("DiagnosticReport", "r", result=at("Observation/group")),
        observation(id="group", hasMember=at("Observation/member")),
        observation(id="member"),
        statement(id="s", basedOn=at("MedicationRequest/plan")),
        order(id="plan", intent="plan"),
        order(id="issue", basedOn=at("MedicationRequest/plan")),
        observation(id="elsewhere"),
    ) == {
        "List/h",
        "DiagnosticReport/r",
        "Observation/group",
        "Observation/member",
        "MedicationStatement/s",
        "MedicationRequest/plan",
        "MedicationRequest/issue",
    }


def test_a_ring_ends() -> None:
    rings = [
        holder("List", "a", entry=[{"item": at("List/b")[0]}], **LABELLED),
        holder("List", "b", entry=[{"item": at("List/a")[0]}]),
    ]
    assert closed(*rings) == {"List/a", "List/b"}


def test_a_label_goes_neither_to_people_and_places_nor_from_a_part_to_its_whole() -> None:
    labelled = condition(id="c", encounter=at("Encounter/e")[0], recorder=at("Practitioner/p")[0], **LABELLED)
    report = holder("DiagnosticReport", performer=at("Practitioner/p"), encounter=at("Encounter/e")[0], **LABELLED)
    whole = holder("List", "l", entry=[{"item": at("Condition/c")[0]}])
    assert closed(labelled, report, whole, holder("Encounter", "e"), {"resourceType": "Practitioner", "id": "p"}) == {
        "Condition/c",
        "DiagnosticReport/h",
    }


def test_an_open_label_is_handed_to_nobody() -> None:
    listed = holder("List", entry=[{"item": at("Condition/c")[0]}], meta=restricted(code="N"))
    assert closed(listed, condition(id="c")) == set()


def test_another_source_s_item_of_that_name_inherits_nothing() -> None:
    listed = item(resource=holder("List", entry=[{"item": at("Condition/c")[0]}], **LABELLED), source="practice")
    theirs = item(resource=condition(id="c"), source="hospital")
    assert closed_items(items=[listed, theirs], decision=PERMITTED) == {listed.id}


def test_ten_thousand_items_in_a_thousand_lists_are_each_read_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each List names ten items and all other Lists of its hundred, and each item is of one of a hundred contacts."""
    read: list[bytes] = []
    parse = inheritance.parse

    def counting(*, resource: bytes) -> dict[str, Any]:
        read.append(resource)
        return parse(resource=resource)

    monkeypatch.setattr(inheritance, "parse", counting)
    contacts = [item(resource=holder("Encounter", f"e{number}", **LABELLED)) for number in range(100)]
    conditions = [
        item(resource=condition(id=f"c{number}", encounter=at(f"Encounter/e{number % 100}")[0]))
        for number in range(10_000)
    ]
    lists = [list_of(number) for number in range(1000)]
    everything = [*contacts, *conditions, *lists]
    assert len(closed_items(items=everything, decision=PERMITTED)) == len(everything)
    assert len(read) <= 3 * len(everything)


def list_of(number: int) -> Item:
    own = [f"Condition/c{number * 10 + place}" for place in range(10)]
    others = [f"List/l{number // 100 * 100 + place}" for place in range(100)]
    entry = [{"item": pointer} for pointer in at(*own, *others)]
    return item(resource=holder("List", f"l{number}", entry=entry, **LABELLED))


def test_what_only_the_copy_as_sent_says_of_a_contact_counts() -> None:
    labelled = item(resource=holder("Encounter", **LABELLED), id="e")
    sent = item(resource=condition(id="c", context=at("Encounter/h")[0]))
    translated = item(resource=condition(id="c"), original=sent.resource, id="c")
    assert closed_items(items=[labelled, translated], decision=PERMITTED) == {"e", "c"}
