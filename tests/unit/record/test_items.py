"""Labels, references and files of items."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import structs

from aggregator.record import document
from aggregator.record.merge import merge
from aggregator.record.references import referenced_from, target_of
from connectors.contract.categories import RecordCategory
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from fhir_data.errors import EntryFault
from fhir_data.labels import Label, labels_of
from tests.factories import CONFIDENTIALITY, allergy, concept, condition, item, item_of_bytes, restricted


@pytest.mark.parametrize(
    ("meta", "labels"),
    [
        (restricted(), (Label(system=CONFIDENTIALITY, code="R"),)),
        ({"security": [{"system": CONFIDENTIALITY, "code": " R "}]}, (Label(system=CONFIDENTIALITY, code="R"),)),
        (
            {"security": [{"system": None, "code": None}, {"code": "V"}]},
            (Label(system="", code="V"),),
        ),
        ({"security": []}, ()),
        ({"security": None}, ()),
        ({"security": [{"display": "restricted"}]}, (Label(system="", code=""),)),
        ({"security": [{"system": CONFIDENTIALITY}]}, (Label(system=CONFIDENTIALITY, code=""),)),
        ({"security": [{"userSelected": True, "code": "N"}]}, (Label(system="", code="N"),)),
        ({"security": {"code": "R"}}, (Label(system="", code="R"),)),
        ({"security": ["R"]}, (Label(system="", code="R"),)),
        ({"security": [7]}, (Label(system="", code="7"),)),
        ({}, ()),
        (None, ()),
    ],
)
def test_labels_are_read_as_sent_and_a_null_costs_nothing(meta: Any, labels: tuple[Label, ...]) -> None:
    assert labels_of(resource=json.dumps(condition(meta=meta)).encode()) == labels


DOCUMENT = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"title": "A"}}]}
OF_A_DOCUMENT = {"securityLabel": [{"coding": [{"system": CONFIDENTIALITY, "code": "V"}]}]}


@pytest.mark.parametrize("flaw", [{}, {"meta": {"security": 7}}], ids=["sound", "beside a flaw"])
@pytest.mark.parametrize(
    ("resource", "label"),
    [
        ({**DOCUMENT, **OF_A_DOCUMENT}, Label(system=CONFIDENTIALITY, code="V")),
        (
            {"resourceType": "Basic", "contained": [{**DOCUMENT, **OF_A_DOCUMENT}]},
            Label(system=CONFIDENTIALITY, code="V"),
        ),
        ({"resourceType": "Composition", "confidentiality": "R"}, Label(system="", code="R")),
    ],
    ids=["document", "contained document", "composition"],
)
def test_a_document_s_own_label_is_a_label(resource: dict[str, Any], label: Label, flaw: dict[str, Any]) -> None:
    unreadable = [Label(system="", code="7")] if flaw else []
    assert labels_of(resource=json.dumps({**resource, **flaw}).encode()) == (*unreadable, label)


def test_references_are_found_wherever_they_stand_and_however_they_are_escaped() -> None:
    resource = b'{"a":[{"reference" : "Medication\\/1"}],"extension":[{"valueReference":{"reference":"Device/2"}}]}'
    pointing = item_of_bytes(resource=resource, category=RecordCategory.OTHER)
    supporting = [
        item(resource={"resourceType": kind, "id": key}) for kind, key in (("Medication", "1"), ("Device", "2"))
    ]
    assert referenced_from(items=[pointing], supporting=supporting) == tuple(supporting)


@pytest.mark.parametrize("name", [{}, {"id": None}, {"id": ""}])
def test_an_item_without_an_id_is_the_target_of_nothing(name: dict[str, Any]) -> None:
    assert target_of(item=item(resource={**allergy(), **name})) == ""
    assert merge(items=[item(resource={**allergy(), **name})]).section(RecordCategory.ALLERGIES).entries


def test_supporting_items_are_reached_through_one_another_within_one_source() -> None:
    order = item(resource=condition(recorder={"reference": "PractitionerRole/r"}))
    role = item(
        resource={"resourceType": "PractitionerRole", "id": "r", "organization": {"reference": "Organization/o"}}
    )
    clinic = item(resource={"resourceType": "Organization", "id": "o", "partOf": {"reference": "PractitionerRole/r"}})
    foreign = item(resource={"resourceType": "Organization", "id": "o"}, source="hospital")
    unmet = item(resource={"resourceType": "Organization", "id": "z"})
    supporting = [unmet, clinic, foreign, role]
    assert referenced_from(items=[order], supporting=supporting) == (clinic, role)
    assert referenced_from(items=[], supporting=supporting) == ()


def test_a_relative_reference_is_meant_as_on_the_server_of_its_item() -> None:
    servers = [f"https://{name}.example/fhir/" for name in ("one", "two")]
    clinics = [
        item(resource={"resourceType": "Organization", "id": "o"}, full_url=f"{server}Organization/o")
        for server in servers
    ]
    for server, clinic in zip(servers, clinics, strict=True):
        pointing = item(resource=condition(recorder={"reference": "Organization/o"}), full_url=f"{server}Condition/c")
        assert referenced_from(items=[pointing], supporting=clinics) == (clinic,)


# Files


def reply(*resources: dict[str, Any]) -> Reply:
    return Reply(
        subject=None,
        items=tuple(
            ReceivedItem(category=RecordCategory.PROBLEMS, resource=json.dumps(resource).encode(), notes=("noted",))
            for resource in resources
        ),
        quarantined=(QuarantinedEntry(reason=EntryFault.INVALID, detail="", original=b"{}"),),
    )


def test_items_of_a_file_have_ids_that_stay_the_same_and_are_their_own() -> None:
    given = reply(condition(), condition(), condition(id="c2"))
    first, again = (document.items_of(reply=given, source_id="a") for _ in range(2))
    assert first == again
    assert len({one.id for one in first}) == 3
    assert {one.id for one in document.items_of(reply=given, source_id="b")}.isdisjoint({one.id for one in first})


def test_an_item_of_a_file_keeps_all_that_its_connector_said_of_it() -> None:
    received = ReceivedItem(
        category=RecordCategory.PROBLEMS,
        resource=json.dumps(condition()).encode(),
        original=b"as sent",
        notes=("noted",),
        incidental=True,
        translated=False,
        full_url="https://hospital.example/Condition/1",
        subject_references=("Patient/1",),
        names_no_patient=True,
        labels=(Label(system=CONFIDENTIALITY, code="R"),),
    )
    (read,) = document.items_of(reply=Reply(subject=None, items=(received,), quarantined=()), source_id="hospital")
    assert read.source_id == "hospital"
    for name, value in structs.asdict(received).items():
        assert getattr(read, name) == value, name


def test_a_conflict_is_written_in_full_for_the_record_and_in_short_under_its_entries() -> None:
    denied = item(resource=condition(verificationStatus=concept(code="refuted")), source="hospital")
    claimed = [
        item(resource=condition(id=f"c{day}", onsetDateTime=f"2010-01-{day:02}", display=f"Diabetes, visit {day}"))
        for day in range(1, 31)
    ]
    written = json.loads(document.as_json(record=merge(items=[denied, *claimed]), quarantined={}))
    (whole,) = written["conflicts"]
    assert (whole["kind"], whole["claims_in_all"]) == ("negation", 31)
    assert (len(whole["claims"]), len(whole["entries"])) == (31, 31)
    assert {claim["source"] for claim in whole["claims"]} == {"hospital", "practice"}
    (section,) = written["sections"]
    for entry in section["entries"]:
        (short,) = entry["conflicts"]
        assert (short["claims_in_all"], len(short["claims"]), len(short["entries"])) == (31, 20, 20)


def test_the_date_of_an_entry_is_written_and_its_lack_is_said() -> None:
    dated, undated = (merge(items=[item(resource=condition(**day))]) for day in ({"onsetDateTime": "2020-01"}, {}))
    for record, as_json, as_text in ((dated, "2020-01", "  2020-01 "), (undated, None, "  no date ")):
        (section,) = json.loads(document.as_json(record=record, quarantined={}))["sections"]
        assert [entry["date"] for entry in section["entries"]] == [as_json]
        assert as_text in document.as_text(record=record, quarantined={})


def test_a_merged_record_is_written_whole_as_json_and_as_text() -> None:
    record = merge(
        items=[
            item(resource=condition(id="1", onsetDateTime="2020-01-01")),
            item(resource=condition(id=None, onsetDateTime="2020-01-01"), source="hospital", notes=("lost a field",)),
        ]
    )
    written = json.loads(document.as_json(record=record, quarantined={"invalid": 2}))
    (section,) = written["sections"]
    (entry,) = section["entries"]
    assert (section["category"], entry["rule"], entry["sources"]) == ("problems", "concept", ["hospital", "practice"])
    assert {one["resource"] for one in entry["items"]} == {"Condition/1", "Condition/"}
    assert written["quarantined"] == {"invalid": 2}
    text = document.as_text(record=record, quarantined={"invalid": 2})
    assert "PROBLEMS (1)" in text
    assert "from hospital, practice (concept)" in text
    assert "Set aside, invalid: 2." in text
