"""A practice's answer as a whole: what is taken out of its Lists, in which section an item stands, how it is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from aggregator.record.document import items_of
from aggregator.record.merge import merge
from aggregator.record.parts import every_part
from aggregator.record.timeline import Standing
from connectors.bundle import report_lines
from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed, Refused
from connectors.contract.notices import Ground, NoticeCode
from connectors.contract.outcomes import Reason
from connectors.contract.values import ReceivedItem, Reply
from connectors.gp_connect.answer import read_body
from connectors.gp_connect.connector import GpConnect
from connectors.gp_connect.lists import ALLERGIES, DIARY, ENDED_ALLERGIES, INVESTIGATIONS
from connectors.transport.pace import finish
from fhir_data.errors import EntryFault
from fhir_data.flaws import Flaw, FlawReason
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from fhir_data.labels import Label

SNOMED = "http://snomed.info/sct"
PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "Story", "given": ["Ann"]}]}
OURS = {"reference": "Patient/p"}
MEDICATIONS = "933361000000108"


def answer(*resources: dict[str, Any]) -> Reply:
    entries = [{"resource": resource} for resource in (PATIENT, *resources)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return GpConnect().convert(payload=json.dumps(bundle).encode())


def arranged(code: str, *references: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "List",
        "id": f"list-{code}",
        "status": "current",
        "mode": "snapshot",
        "code": {"coding": [{"system": SNOMED, "code": code}]},
        "subject": OURS,
        "entry": [{"item": {"reference": reference}} for reference in references],
        **members,
    }


def allergy(key: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "id": key,
        "clinicalStatus": "active",
        "verificationStatus": "confirmed",
        "patient": OURS,
        **members,
    }


def statement(key: str, medicine: str) -> dict[str, Any]:
    return {
        "resourceType": "MedicationStatement",
        "id": key,
        "status": "active",
        "taken": "unk",
        "subject": OURS,
        "medicationReference": {"reference": medicine},
    }


def request(kind: str, key: str) -> dict[str, Any]:
    members = {"code": {"text": "x"}} if kind == "ProcedureRequest" else {}
    return {"resourceType": kind, "id": key, "status": "active", "intent": "plan", "subject": OURS, **members}


def observation(key: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "code": {"text": "x"},
        "subject": OURS,
        **members,
    }


def report(key: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "id": key,
        "status": "final",
        "code": {"text": "x"},
        "subject": OURS,
        **members,
    }


def r4(item: ReceivedItem) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads(item.resource)
    return resource


def of_type(reply: Reply, kind: str) -> list[dict[str, Any]]:
    return [resource for resource in map(r4, reply.items) if resource["resourceType"] == kind]


def categories(reply: Reply) -> dict[str, RecordCategory]:
    return {str(r4(item)["id"]): item.category for item in reply.items}


def test_a_medicine_inside_a_list_becomes_an_item_with_the_drug_that_it_names() -> None:
    inside = [statement("1", "#2"), {"resourceType": "Medication", "id": "2", "code": {"text": "Warfarin"}}]
    reply = answer(arranged(MEDICATIONS, "#1", contained=inside))
    (made,), (drug,) = of_type(reply, "MedicationStatement"), of_type(reply, "Medication")
    assert made["medicationReference"] == {"reference": f"Medication/{drug['id']}"}
    (arrangement,) = of_type(reply, "List")
    assert arrangement["entry"] == [{"item": {"reference": f"MedicationStatement/{made['id']}"}}]
    assert "contained" not in arrangement
    assert not any(item.incidental for item in reply.items)


def test_what_two_lists_contain_under_one_id_stays_apart() -> None:
    reply = answer(
        arranged(ENDED_ALLERGIES, "#1", contained=[allergy("1", note=[{"text": "ended"}])]),
        arranged("886921000000105", "#1", contained=[allergy("1", note=[{"text": "active"}])]),
        allergy("1", note=[{"text": "outside"}]),
    )
    made = {each["note"][0]["text"]: each for each in of_type(reply, "AllergyIntolerance")}
    assert len({each["id"] for each in made.values()}) == 3
    assert made["outside"]["id"] == "1"
    lists = {each["id"]: each["entry"][0]["item"]["reference"] for each in of_type(reply, "List")}
    assert lists[f"list-{ENDED_ALLERGIES}"] == f"AllergyIntolerance/{made['ended']['id']}"
    statuses = {name: each["clinicalStatus"]["coding"][0]["code"] for name, each in made.items()}
    assert statuses == {"ended": "resolved", "active": "active", "outside": "active"}


def test_an_allergy_beside_the_list_of_ended_ones_never_looks_active_either() -> None:
    reply = answer(arranged(ENDED_ALLERGIES, "AllergyIntolerance/1"), allergy("1"))
    (made,) = of_type(reply, "AllergyIntolerance")
    assert made["clinicalStatus"]["coding"][0]["code"] == "resolved"


def test_an_allergy_that_the_list_of_ended_ones_contains_and_does_not_list_never_looks_active_either() -> None:
    reply = answer(arranged(ENDED_ALLERGIES, contained=[allergy("1")]))
    (made,) = of_type(reply, "AllergyIntolerance")
    assert made["clinicalStatus"]["coding"][0]["code"] == "resolved"


def test_somebody_elses_allergy_inside_a_list_is_set_aside() -> None:
    other = allergy("1", patient={"reference": "Patient/other"})
    reply = answer(arranged(ENDED_ALLERGIES, "#1", contained=[other]))
    assert of_type(reply, "AllergyIntolerance") == []
    assert [(entry.reason, entry.category) for entry in reply.quarantined] == [
        ("other-patient", RecordCategory.ALLERGIES)
    ]


def test_requests_of_two_types_with_one_id_stay_two_and_references_follow() -> None:
    reply = answer(
        request("ProcedureRequest", "7"),
        request("ReferralRequest", "7"),
        arranged("24781000000107", "ReferralRequest/7", "ProcedureRequest/7"),
        observation("1", basedOn=[{"reference": "ReferralRequest/7"}]),
    )
    entry, referral = of_type(reply, "ServiceRequest")
    assert entry["id"] == "7" != referral["id"]
    (heading,) = of_type(reply, "List")
    assert [each["item"]["reference"] for each in heading["entry"]] == [
        f"ServiceRequest/{referral['id']}",
        "ServiceRequest/7",
    ]
    assert of_type(reply, "Observation")[0]["basedOn"] == [{"reference": f"ServiceRequest/{referral['id']}"}]


def test_each_item_stands_in_its_section() -> None:
    reply = answer(
        report(
            "report",
            result=[{"reference": "Observation/group"}],
            basedOn=[{"reference": f"ProcedureRequest/{key}"} for key in ("test", "due")],
        ),
        observation("group", related=[{"type": "has-member", "target": {"reference": "Observation/member"}}]),
        observation("member"),
        observation("pulse"),
        request("ProcedureRequest", "test"),
        request("ProcedureRequest", "due"),
        request("ReferralRequest", "referral"),
        {"resourceType": "Specimen", "id": "specimen", "subject": OURS},
        arranged(DIARY, "ProcedureRequest/due"),
        arranged(INVESTIGATIONS),
    )
    assert categories(reply) == {
        "report": RecordCategory.RESULTS,
        "group": RecordCategory.RESULTS,
        "member": RecordCategory.RESULTS,
        "pulse": RecordCategory.OBSERVATIONS,
        "test": RecordCategory.RESULTS,
        "due": RecordCategory.APPOINTMENTS,
        "referral": RecordCategory.REFERRALS,
        "specimen": RecordCategory.SUPPORTING,
        f"list-{DIARY}": RecordCategory.SUPPORTING,
        f"list-{INVESTIGATIONS}": RecordCategory.SUPPORTING,
    }
    assert ("resource-warning", "1 specimen is named by no report and no result.") in [
        (notice.code, notice.text) for notice in reply.notices
    ]


def test_a_consultation_keeps_its_structure() -> None:
    heading = arranged(
        "24781000000107",
        "Observation/2",
        "Observation/1",
        title="Examination",
        encounter={"reference": "Encounter/e"},
        orderedBy={"coding": [{"system": "http://hl7.org/fhir/list-order", "code": "system"}]},
        extension=[
            {
                "url": "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-RelatedProblemHeader-1",
                "extension": [{"url": "target", "valueReference": {"reference": "Condition/c"}}],
            }
        ],
    )
    (made,) = of_type(answer(heading), "List")
    assert (made["title"], made["code"], made["encounter"]) == ("Examination", heading["code"], heading["encounter"])
    assert [each["item"]["reference"] for each in made["entry"]] == ["Observation/2", "Observation/1"]
    assert made["extension"] == [
        {
            "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-RelatedProblemHeader",
            "extension": [{"url": "target", "valueReference": {"reference": "Condition/c"}}],
        }
    ]


@pytest.mark.parametrize("kind", ["BodySite", "DataElement"])
def test_a_type_that_r4_lacks_is_counted_and_said(kind: str) -> None:
    members = {"patient": OURS} if kind == "BodySite" else {"status": "draft", "element": [{"path": "x"}]}
    reply = answer({"resourceType": kind, "id": "1", **members})
    (item,) = reply.items
    assert not item.translated
    assert f"Not translated yet, not in the Bundle: 1 ({kind} 1)." in report_lines(reply=reply)


def test_what_is_not_carried_of_the_patient_is_in_the_report() -> None:
    lines = report_lines(reply=answer())
    assert lines[-1] == "Said by the source of its own answer: nothing."
    named = {**PATIENT, "animal": {"species": {"text": "cat"}}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": named}]}
    reply = GpConnect().convert(payload=json.dumps(bundle).encode())
    assert reply.subject_notes == ("Patient.animal",)
    assert "  1 x Patient.animal" in report_lines(reply=reply)


def test_none_known_is_not_said_where_a_listed_allergy_did_not_come() -> None:
    none_known = allergy("n", code={"coding": [{"system": SNOMED, "code": "716186003"}]})
    listed = arranged(ALLERGIES, "AllergyIntolerance/n", "AllergyIntolerance/gone")
    whole = answer(arranged(ALLERGIES, "AllergyIntolerance/n"), none_known)
    assert whole.notices == ()
    [notice] = answer(listed, none_known).notices
    assert (notice.code, notice.category) == (NoticeCode.INCOMPLETE, RecordCategory.ALLERGIES)


# What becomes of every entry


RESTRICTED = Label(system="", code="R")
ASKED = (RecordCategory.APPOINTMENTS, RecordCategory.ALLERGIES, RecordCategory.PROBLEMS)
NUMBERS = {"p": "9990001006", "o": "9990001014"}


def person(key: str, **members: Any) -> dict[str, Any]:
    identifier = {"system": NHS_NUMBER_SYSTEM, "value": NUMBERS[key]}
    return {"resourceType": "Patient", "id": key, "identifier": [identifier], **members}


def body(*resources: dict[str, Any]) -> bytes:
    entries = [{"resource": resource, "fullUrl": f"https://gp.example/{at}"} for at, resource in enumerate(resources)]
    return json.dumps({"resourceType": "Bundle", "meta": {"security": [{"code": "R"}]}, "entry": entries}).encode()


def read(*resources: dict[str, Any], nhs_number: str | None = None) -> Reply:
    return finish(steps=read_body(bodies=[body(*resources)], nhs_number=nhs_number, asked=ASKED))


def test_all_that_is_said_of_an_entry_is_in_the_reply() -> None:
    subject = person("p", birthDate="yesterday", animal={"species": {"text": "cat"}})
    referral = {**request("ReferralRequest", "p_1"), "recipient": [OURS]}
    faulty = allergy("1", onsetDateTime="x")
    inside = [allergy("c", onsetDateTime="y"), allergy("d", patient={"reference": "Patient/o"}), {"resourceType": "X"}]
    ended = arranged(ENDED_ALLERGIES, "AllergyIntolerance/1", "#c", contained=inside)
    site = {"resourceType": "BodySite", "id": "b", "patient": OURS}
    unnamed = {"resourceType": "Observation", "id": "u", "status": "final", "code": {"text": "x"}}
    issue = {"severity": "warning", "code": "x", "diagnostics": "includeDiaryEntries"}
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{**issue, "details": {"coding": [{"code": "NOT_IMPLEMENTED"}]}}],
    }
    sent = (person("o"), subject, referral, faulty, ended, site, unnamed, outcome)
    reply = read(*sent, nhs_number=NUMBERS["p"])

    assert json.loads(reply.subject or b"") == person("p")
    assert reply.subject_original == json.dumps(subject).encode()
    assert reply.subject_notes == ("Patient.animal",)
    assert (reply.subject_url, reply.subject_labels) == ("https://gp.example/1", (RESTRICTED,))

    resolved = "AllergyIntolerance.clinicalStatus: resolved, since the practice lists it among the ended"
    undated = Flaw(path="onsetDateTime", reason=FlawReason.NOT_A_DATE)
    renamed = "ReferralRequest.id: written with the characters that FHIR allows"
    unreadable = Flaw(path="contained", reason=FlawReason.UNREADABLE)
    no_id = Flaw(path="id", reason=FlawReason.NOT_AN_ID)
    assert [
        (item.category, item.original, item.full_url, item.notes, item.flaws, item.at_fault) for item in reply.items
    ] == [
        (
            RecordCategory.REFERRALS,
            json.dumps(referral).encode(),
            "https://gp.example/2",
            (renamed,),
            (no_id,),
            ("id",),
        ),
        (
            *(RecordCategory.ALLERGIES, json.dumps(faulty).encode(), "https://gp.example/3"),
            *((resolved,), (undated,), ("onsetDateTime",)),
        ),
        (
            *(RecordCategory.ALLERGIES, json.dumps(inside[0]).encode(), ""),
            *((resolved,), (undated,), ("onsetDateTime",)),
        ),
        (
            *(RecordCategory.SUPPORTING, json.dumps(ended).encode(), "https://gp.example/4"),
            *((), (unreadable,), ("contained",)),
        ),
        (RecordCategory.OTHER, None, "https://gp.example/5", (), (), ()),
    ]
    assert {item.labels for item in reply.items} == {(RESTRICTED,)}
    assert {item.subject_references for item in reply.items} == {("Patient/p",)}
    assert [item.translated for item in reply.items] == [True] * 4 + [False]
    assert not any(item.incidental or item.names_no_patient for item in reply.items)

    assert [(aside.reason, aside.detail, aside.category, aside.original) for aside in reply.quarantined] == [
        (EntryFault.OTHER_PATIENT, "Patient", RecordCategory.SUPPORTING, json.dumps(person("o")).encode()),
        (EntryFault.OTHER_PATIENT, "patient", RecordCategory.ALLERGIES, json.dumps(inside[1]).encode()),
        (EntryFault.UNKNOWN_TYPE, "resourceType", None, json.dumps(inside[2]).encode()),
        (EntryFault.OTHER_PATIENT, "names no patient", RecordCategory.OBSERVATIONS, json.dumps(unnamed).encode()),
    ]
    assert {aside.labels for aside in reply.quarantined} == {(RESTRICTED,)}

    not_read = "In its details of the patient these could not be read: birthDate."
    warning = NoticeCode.RESOURCE_WARNING
    assert [(notice.code, notice.text, notice.category, notice.labels) for notice in reply.notices] == [
        (
            *(NoticeCode.NOT_SUPPORTED, "It cannot be asked for diary entries."),
            *(RecordCategory.APPOINTMENTS, (RESTRICTED,)),
        ),
        (NoticeCode.INFORMATION_NOT_AVAILABLE, "", RecordCategory.ALLERGIES, ()),  # only the ended ones' List came
        (NoticeCode.INFORMATION_NOT_AVAILABLE, "", RecordCategory.PROBLEMS, ()),
        (warning, not_read, RecordCategory.SUPPORTING, (RESTRICTED,)),
    ]


def test_the_patient_is_the_one_with_the_number_else_the_first() -> None:
    whose = {number: read(person("o"), person("p"), nhs_number=number).subject for number in (*NUMBERS.values(), None)}
    assert [json.loads(subject or b"")["id"] for subject in whose.values()] == ["p", "o", "o"]
    with pytest.raises(Malformed) as caught:
        read(allergy("1"))
    assert caught.value.reason is Reason.NO_PATIENT
    with pytest.raises(Malformed) as caught:
        finish(steps=read_body(bodies=[json.dumps(PATIENT).encode()]))
    assert caught.value.reason is Reason.NOT_FHIR


def test_an_outcome_in_place_of_a_record_is_a_refusal() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"details": {"coding": [{"code": "NO_PATIENT_CONSENT"}]}}]}
    with pytest.raises(Refused) as caught:
        finish(steps=read_body(bodies=[json.dumps(outcome).encode()]))
    assert caught.value.reason is Reason.PATIENT_CONSENT


def test_what_names_nobody_is_marked_where_the_answer_has_one_patient() -> None:
    unnamed = {"resourceType": "Observation", "id": "u", "status": "final", "code": {"text": "x"}}
    (item,) = answer(unnamed).items
    assert item.names_no_patient
    assert item.notes == ()


@pytest.mark.parametrize(
    ("kind", "members", "is_ended"),
    [
        ("AllergyIntolerance", {"clinicalStatus": "active"}, True),
        ("AllergyIntolerance", {"clinicalStatus": "resolved"}, False),  # it says so itself
        ("AllergyIntolerance", {"verificationStatus": "entered-in-error"}, False),
        ("Condition", {"clinicalStatus": "active"}, False),
    ],
)
def test_only_an_allergy_that_holds_ends_by_being_listed_so(kind: str, members: dict[str, Any], is_ended: bool) -> None:
    whose = {"patient": OURS} if kind == "AllergyIntolerance" else {"subject": OURS, "code": {"text": "x"}}
    entry = {"resourceType": kind, "id": "1", "verificationStatus": "confirmed", **whose, **members}
    reply = answer(arranged(ENDED_ALLERGIES, f"{kind}/1"), entry)
    (made,) = of_type(reply, kind)
    status = "resolved" if is_ended else members.get("clinicalStatus")
    assert made.get("clinicalStatus", {"coding": [{"code": None}]})["coding"][0]["code"] == status
    assert any(note.endswith("among the ended") for item in reply.items for note in item.notes) is is_ended


def test_what_a_secondary_list_alone_names_is_incidental_where_it_is_clinical() -> None:
    secondary = arranged("x", "AllergyIntolerance/1", "Practitioner/d", "AllergyIntolerance/2")
    secondary["code"]["coding"] = [
        {
            "system": "https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-SecondaryListValues-1",
            "code": "problems-allergies-related-to-problems",
        }
    ]
    practitioner = {"resourceType": "Practitioner", "id": "d"}
    primary = arranged(ALLERGIES, "AllergyIntolerance/2")
    reply = answer(secondary, primary, allergy("1"), allergy("2"), allergy("3"), practitioner)
    assert [r4(item)["id"] for item in reply.items if item.incidental] == ["1"]


def test_an_issue_names_an_area_or_is_told_in_its_own_words() -> None:
    def notices(code: str, words: str) -> list[tuple[NoticeCode, str, RecordCategory | None]]:
        details = {"coding": [{"code": code}], "text": words}
        outcome = {"resourceType": "OperationOutcome", "issue": [{"details": details}]}
        return [(notice.code, notice.text, notice.category) for notice in answer(outcome).notices]

    unsupported, warning = NoticeCode.NOT_SUPPORTED, NoticeCode.RESOURCE_WARNING
    assert notices("NOT_IMPLEMENTED", "no includeReferrals here") == [
        (unsupported, "no includeReferrals here", RecordCategory.REFERRALS)
    ]
    assert notices("NOT_IMPLEMENTED", " includeReferrals ") == [
        (unsupported, "It cannot be asked for referrals.", RecordCategory.REFERRALS)
    ]
    assert notices("NOT_IMPLEMENTED", "not here") == [(unsupported, "not here", None)]
    assert notices("OTHER", "slow today") == [(warning, "slow today", None)]
    assert notices("NOT_IMPLEMENTED", "includeReferrals, includeDiaryEntries") == [
        (unsupported, "includeReferrals, includeDiaryEntries", None)
    ]


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        ({}, NoticeCode.RESOURCE_WARNING, ""),
        ({"issue": []}, NoticeCode.RESOURCE_WARNING, ""),
        ({"issue": {"severity": "warning", "diagnostics": "slow"}}, NoticeCode.RESOURCE_WARNING, "slow"),
        ({"issue": {"severity": "information", "diagnostics": "12 ms"}}, NoticeCode.REMARK, "12 ms"),
        ({"issue": [{"severity": "error", "diagnostics": "lost"}]}, NoticeCode.INCOMPLETE, "lost"),
        ({"issue": [{"severity": "fatal"}]}, NoticeCode.INCOMPLETE, ""),
        (
            {"issue": [{"details": {"coding": [{"code": "X"}, {"code": "Y", "display": "Held back"}]}}]},
            *(NoticeCode.RESOURCE_WARNING, "Held back"),
        ),
    ],
)
def test_no_outcome_beside_a_record_goes_unsaid(outcome: dict[str, Any], code: NoticeCode, words: str) -> None:
    (notice,) = answer({"resourceType": "OperationOutcome", **outcome}).notices
    assert (notice.code, notice.text, notice.category) == (code, words, None)


def test_information_that_names_an_area_may_say_that_it_is_missing() -> None:
    issue = {"severity": "information", "code": "informational", "diagnostics": "includeDiaryEntries"}
    (notice,) = answer({"resourceType": "OperationOutcome", "issue": [issue]}).notices
    assert (notice.code, notice.category) == (NoticeCode.RESOURCE_WARNING, RecordCategory.APPOINTMENTS)


# However an answer's entries are called


PANEL = (
    arranged(INVESTIGATIONS, "DiagnosticReport/r_1"),
    {
        "resourceType": "DiagnosticReport",
        "id": "r_1",
        "status": "final",
        "code": {"text": "FBC"},
        "subject": OURS,
        "result": [{"reference": "Observation/group"}],
    },
    observation("group", related=[{"type": "has-member", "target": {"reference": "Observation/m_1"}}]),
    observation("m_1"),
)


def _uuid(name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"


def _server(name: str) -> str:
    return f"https://gp.example/fhir/{name}"


def called(address: Callable[[str], str], *, is_addressed: bool = True, has_ids: bool = True) -> Reply:
    """Return the answer with a panel, its entries and references called as `address` says of each `Type/id`."""

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(each) for each in node]
        if not isinstance(node, dict):
            return node
        return {name: address(value) if name == "reference" else renamed(value) for name, value in node.items()}

    entries: list[dict[str, Any]] = []
    for resource in (PATIENT, *PANEL):
        kept = renamed({name: value for name, value in resource.items() if has_ids or name != "id"})
        full_url = {"fullUrl": address(f"{resource['resourceType']}/{resource['id']}")} if is_addressed else {}
        entries.append({**full_url, "resource": kept})
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return GpConnect().convert(payload=json.dumps(bundle).encode())


@pytest.mark.parametrize(
    ("address", "is_addressed", "has_ids"),
    [
        (lambda name: name, False, True),
        (lambda name: f"{name}/_history/3", False, True),
        (_server, True, True),
        (_uuid, True, True),
        (_uuid, True, False),
    ],
    ids=["relative", "with a version", "on a server", "by UUID", "by UUID alone"],
)
def test_a_panel_is_whole_however_its_parts_are_called(
    address: Callable[[str], str], is_addressed: bool, has_ids: bool
) -> None:
    reply = called(address, is_addressed=is_addressed, has_ids=has_ids)
    assert reply.notices == ()
    assert reply.quarantined == ()
    items = items_of(reply=reply, source_id="practice")
    assert [item.category for item in items[1:]] == [RecordCategory.RESULTS] * 3
    record = merge(items=items)
    assert len(record.entries) == 3
    assert len(record.drawn_within) == 2
    assert not any(part.missing for entry in record.entries.values() for part in every_part(entry.parts))


def test_an_entry_keeps_its_id_and_has_that_of_its_address_where_it_has_none() -> None:
    for has_ids, key in ((True, "group"), (False, _uuid("Observation/group").removeprefix("urn:uuid:"))):
        reply = called(_uuid, has_ids=has_ids)
        assert key in {resource["id"] for resource in of_type(reply, "Observation")}
        assert {item.full_url for item in reply.items} >= {_uuid("Observation/group")}


def test_a_list_keeps_the_patient_that_it_contains_and_so_does_what_is_taken_out_of_it() -> None:
    own, again, ours = person("p", id="self"), person("p", id="again"), {"reference": "#self"}
    inside = [own, allergy("1", patient=ours), again, allergy("2"), allergy("3", patient=ours)]
    reply = read(person("p"), arranged(ALLERGIES, "#1", "#2", "#3", contained=inside, subject=ours))
    assert [(made["id"], made.get("contained")) for made in of_type(reply, "AllergyIntolerance")] == [
        ("1", [own]),
        ("2", None),
        ("3", [own]),
    ]
    (made,) = of_type(reply, "List")
    assert made["contained"] == [own, again]
    assert reply.quarantined == ()


def test_what_is_taken_out_of_a_list_is_found_from_inside_and_outside() -> None:
    inside = [allergy("1", extension=[{"url": "https://example.org/list", "valueReference": {"reference": "#"}}])]
    listed = arranged(ALLERGIES, "#1", contained=inside)
    outside = observation("o", basedOn=[{"reference": f"List/list-{ALLERGIES}#1"}])
    reply = answer(listed, outside)
    (made,), (naming,) = of_type(reply, "AllergyIntolerance"), of_type(reply, "Observation")
    assert made["extension"][0]["valueReference"] == {"reference": f"List/list-{ALLERGIES}"}
    assert naming["basedOn"] == [{"reference": f"AllergyIntolerance/{made['id']}"}]


def test_what_stands_behind_what_is_set_aside_in_a_list_is_taken_out() -> None:
    unknown, theirs = {"resourceType": "NoType", "id": "1"}, allergy("2", patient={"reference": "Patient/o"})
    listed = arranged(ALLERGIES, "#1", "#2", "#3", contained=[unknown, theirs, allergy("3")])
    reply = read(person("p"), person("o"), listed)
    aside = [(each.reason, each.category, each.original) for each in reply.quarantined[1:]]
    assert aside == [
        (EntryFault.UNKNOWN_TYPE, None, json.dumps(unknown).encode()),
        (EntryFault.OTHER_PATIENT, RecordCategory.ALLERGIES, json.dumps(theirs).encode()),
    ]
    assert [made["id"] for made in of_type(reply, "AllergyIntolerance")] == ["3"]


def test_a_list_of_somebody_elses_is_set_aside_in_the_section_that_it_is_about() -> None:
    listed = arranged(ALLERGIES, subject={"reference": "Patient/o"})
    aside = read(person("p"), person("o"), listed).quarantined
    assert [each.category for each in aside] == [RecordCategory.SUPPORTING, RecordCategory.ALLERGIES]


def test_no_item_stands_in_a_section_because_of_what_is_confidential() -> None:
    result = report("r", result=[{"reference": "Observation/o"}])
    assert categories(answer(result, observation("o")))["o"] is RecordCategory.RESULTS
    labelled = {**result, "meta": {"security": [{"code": "R"}]}}
    assert categories(answer(labelled, observation("o")))["o"] is RecordCategory.OBSERVATIONS


def test_what_a_heading_says_rests_on_its_items_however_they_are_called() -> None:
    item = observation("o")
    heading = arranged("24781000000107", "https://gp.example/1", "Referrals are not supported by this system")
    (notice,) = (notice for notice in read(PATIENT, item, heading).notices if "supported" in notice.text)
    assert notice.grounds == (Ground(all_of=("List/list-24781000000107",), any_of=("Observation/o",)),)


ERROR = "entered-in-error"
IN_ERROR: list[Any] = [
    {"coding": [{"system": "http://hl7.org/fhir/observation-status", "code": ERROR}]},
    {"coding": [{"code": "active"}, {"code": ERROR}]},
    [{"coding": [{"code": ERROR}]}],
    ["active", ERROR],
    {"system": "http://hl7.org/fhir/observation-status", "code": ERROR},
    {"text": "Entered in error"},
]
OBSERVATION = {"resourceType": "Observation", "id": "o", "code": {"text": "Pulse"}, "subject": OURS}
ORDER: dict[str, Any] = {
    "resourceType": "MedicationRequest",
    "id": "m",
    "intent": "order",
    "medicationCodeableConcept": {"text": "Warfarin"},
    "subject": OURS,
}
GOAL = {"resourceType": "Goal", "id": "g", "description": {"text": "Stop smoking"}, "subject": OURS}
PROBLEM = {"resourceType": "Condition", "id": "c", "code": {"text": "Asthma"}, "subject": OURS}


def standing(resource: dict[str, Any]) -> tuple[Standing, bool]:
    """Return how the only entry of a practice's answer stands, and whether it may have been entered in error."""
    record = merge(items=items_of(source_id="practice", reply=answer(resource)))
    (entry,) = [entry for section in record.sections for entry in section.entries]
    return entry.standing, entry.may_be_in_error


@pytest.mark.parametrize("status", IN_ERROR)
@pytest.mark.parametrize(
    ("resource", "name"),
    [
        (OBSERVATION, "status"),
        (ORDER, "status"),
        (GOAL, "lifecycleStatus"),
        (PROBLEM | {"clinicalStatus": "active"}, "verificationStatus"),
        (PROBLEM, "clinicalStatus"),
        (allergy("a"), "verificationStatus"),
        (allergy("a"), "clinicalStatus"),
    ],
)
def test_what_was_entered_in_error_is_so_in_whatever_form_it_is_said(
    resource: dict[str, Any], name: str, status: Any
) -> None:
    found, may_be_in_error = standing({**resource, name: status})
    # A clinical status and a text do not say so as the standard does.
    is_certain = name != "clinicalStatus" and status != {"text": "Entered in error"}
    assert found is (Standing.RETRACTED if is_certain else Standing.UNKNOWN)
    assert is_certain or may_be_in_error


@pytest.mark.parametrize("status", ["Refuted", "Entered-In-Error", {"code": "refuted"}, [{"text": "Refuted"}]])
@pytest.mark.parametrize("kind", [PROBLEM, allergy("a")])
def test_a_verification_that_cannot_be_read_leaves_nothing_live(kind: dict[str, Any], status: Any) -> None:
    found, _ = standing({**kind, "clinicalStatus": "active", "verificationStatus": status})
    assert found is Standing.UNKNOWN
