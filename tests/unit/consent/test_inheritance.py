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


SPELLINGS = (
    "Encounter/h/_history/2",
    " Encounter/h ",
    "/Encounter/h",
    "./Encounter/h/",
    "encounter/H",
    "Encounter/h#here",
    "Encounter/h?_format=json",
    "Encounter%2Fh",
    "h",
    "https://a.example/fhir/Encounter/h",
    "http://A.example:443/fhir/Encounter/h",
    "urn:uuid:0D4FF8A2-1E44-4C21-9E5B-0D1D0D2A1A11",
)


@pytest.mark.parametrize("full_url", ["", "https://a.example/fhir/Encounter/h"])
@pytest.mark.parametrize("spelling", SPELLINGS[:-1])
def test_a_contact_is_known_however_it_is_referred_to(spelling: str, full_url: str) -> None:
    contact = item(resource=holder("Encounter", **LABELLED), full_url=full_url)
    member = item(resource=condition(id="c", encounter={"reference": spelling}))
    assert closed_items(items=[contact, member], decision=PERMITTED) == {contact.id, member.id}


def test_a_contact_is_known_by_its_uuid_in_capitals() -> None:
    contact = item(resource=holder("Encounter", **LABELLED), full_url=SPELLINGS[-1].lower())
    member = item(resource=condition(id="c", encounter={"reference": SPELLINGS[-1].replace("urn", "URN")}))
    assert closed_items(items=[contact, member], decision=PERMITTED) == {contact.id, member.id}


@pytest.mark.parametrize("reference", ["https://b.example/fhir/Encounter/h", "Encounter/h2", "Condition/h", ""])
def test_what_belongs_elsewhere_inherits_nothing(reference: str) -> None:
    contact = item(resource=holder("Encounter", **LABELLED), full_url="https://a.example/fhir/Encounter/h")
    member = item(resource=condition(id="c", encounter={"reference": reference}))
    assert closed_items(items=[contact, member], decision=PERMITTED) == {contact.id}


VISIT = {"system": "https://a.example/visits", "value": "7"}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"identifier": VISIT}, True),
        ({"type": "Encounter", "identifier": VISIT}, True),
        ({"reference": "Encounter?identifier=https://a.example/visits%7C7"}, True),
        ({"type": "Account", "identifier": VISIT}, False),
        ({"identifier": {**VISIT, "value": "8"}}, False),
        ({"identifier": {"value": "7"}}, False),
    ],
)
def test_a_contact_is_known_by_its_identifier(reference: dict[str, Any], expected: bool) -> None:
    names = closed(holder("Encounter", identifier=[VISIT], **LABELLED), condition(id="c", encounter=reference))
    assert ("Condition/c" in names) is expected


def test_an_extension_within_an_element_says_to_which_contact_it_belongs() -> None:
    inner = {"url": "https://x.example/associatedEncounter", "valueReference": {"reference": "Encounter/h"}}
    member = condition(id="c", code={"text": "x", "extension": [{"url": "https://x.example", "extension": [inner]}]})
    assert closed(holder("Encounter", **LABELLED), member) == {"Encounter/h", "Condition/c"}


@pytest.mark.parametrize("full_urls", [("", ""), ("https://a.example/Condition/c", "http://a.example/Condition/c")])
@pytest.mark.parametrize("labelled_first", [True, False])
def test_another_copy_or_version_of_what_is_labelled_is_withheld(
    labelled_first: bool, full_urls: tuple[str, str]
) -> None:
    copies = [condition(id="c", meta=restricted()), condition(id="c", meta={"versionId": "1"})]
    pairs = zip(copies if labelled_first else copies[::-1], full_urls, strict=True)
    items = [item(resource=resource, full_url=full_url) for resource, full_url in pairs]
    assert closed_items(items=items, decision=PERMITTED) == {each.id for each in items}


def test_what_another_server_or_source_calls_so_is_no_copy() -> None:
    labelled = item(resource=condition(id="c", **LABELLED), full_url="https://a.example/Condition/c")
    elsewhere = item(resource=condition(id="c"), full_url="https://b.example/Condition/c")
    theirs = item(resource=condition(id="c"), source="hospital")
    other_kind = item(resource=observation(id="c"))
    items = [labelled, elsewhere, theirs, other_kind]
    assert closed_items(items=items, decision=PERMITTED) == {labelled.id}


def test_a_group_and_a_medicine_hand_on_their_own_labels_and_an_issue_does_not() -> None:
    group = observation(id="group", hasMember=at("Observation/member"), **LABELLED)
    assert closed(group, observation(id="member")) == {"Observation/group", "Observation/member"}
    plan, issue = order(id="plan", intent="plan"), order(id="issue", basedOn=at("MedicationRequest/plan"))
    told = statement(id="s", basedOn=at("MedicationRequest/plan"))
    everything = {"MedicationStatement/s", "MedicationRequest/plan", "MedicationRequest/issue"}
    assert closed({**told, **LABELLED}, plan, issue) == everything
    assert closed(told, {**plan, **LABELLED}, issue) == everything
    assert closed(told, plan, {**issue, **LABELLED}) == {"MedicationRequest/issue"}


def test_an_episode_hands_its_label_to_its_contacts() -> None:
    episode = {"resourceType": "EpisodeOfCare", "id": "e", "patient": {"reference": "Patient/1"}, **LABELLED}
    contact = holder("Encounter", episodeOfCare=at("EpisodeOfCare/e"))
    member = condition(id="c", encounter={"reference": "Encounter/h"})
    assert closed(episode, contact, member) == {"EpisodeOfCare/e", "Encounter/h", "Condition/c"}


def test_a_prescription_is_withheld_with_its_medication() -> None:
    medication = {"resourceType": "Medication", "id": "m", **LABELLED}
    taken = {**order(id="o"), "medicationReference": {"reference": "Medication/m"}}
    assert closed(medication, taken, order(id="other")) == {"Medication/m", "MedicationRequest/o"}


def letter(key: str, *, url: str, **members: Any) -> dict[str, Any]:
    return holder("DocumentReference", key, content=[{"attachment": {"url": url}}], **members)


def test_a_letter_is_withheld_with_its_file_and_so_is_another_letter_with_that_file() -> None:
    file = {"resourceType": "Binary", "id": "f", "contentType": "text/plain", "data": "SGVsbG8="}
    assert closed({**file, **LABELLED}, letter("a", url="Binary/f")) == {"Binary/f", "DocumentReference/a"}
    both = [letter("a", url="Binary/f", **LABELLED), letter("b", url="Binary/f"), letter("c", url="Binary/g")]
    assert closed(*both, file) == {"Binary/f", "DocumentReference/a", "DocumentReference/b"}
    assert closed(*both) == {"DocumentReference/a", "DocumentReference/b"}  # the file is at its source


def test_what_a_letter_holds_by_its_address_is_withheld_with_it() -> None:
    held = holder("Composition", section=[{"entry": at("Condition/c")}])
    names = closed(letter("a", url="Composition/h", **LABELLED), held, condition(id="c"))
    assert names == {"DocumentReference/a", "Composition/h", "Condition/c"}


def test_many_references_to_many_copies_are_followed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a thousand references, spelt in its own way or to its own server, leads to a thousand copies."""
    asked: list[Item] = []
    may_inherit = inheritance._may_inherit

    def counting(heir: Item) -> bool:
        asked.append(heir)
        return may_inherit(heir)

    monkeypatch.setattr(inheritance, "_may_inherit", counting)
    contacts = [item(resource=holder("Encounter", "e", length=number, **LABELLED)) for number in range(1000)]
    spelt = [f"Encounter/e#{number}" for number in range(500)] + [f"https://h{n}/Encounter/E" for n in range(500)]
    members = [
        item(resource=condition(id=f"c{number}", encounter={"reference": reference}))
        for number, reference in enumerate(spelt)
    ]
    everything = [*contacts, *members]
    assert len(closed_items(items=everything, decision=PERMITTED)) == len(everything)
    assert len(asked) <= 4 * len(everything)
