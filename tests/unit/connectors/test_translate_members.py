"""A member STU3 -> R4, whatever its type: what stays, what is put right, and what is said of what does not stay."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.gp_connect.names import Names
from connectors.gp_connect.translate import translate
from connectors.gp_connect.translation.elements import Copying, r4_system, rename
from fhir_data.releases import Release
from fhir_data.shapes import shape_of

Json = dict[str, Any]

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
EXTENDED: Json = {"extension": [{"url": "https://example.org/why", "valueString": "kept"}]}
UNKNOWN: Json = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}


def patient(**members: Any) -> tuple[Json, tuple[str, ...]]:
    """Return what becomes of members of a patient, and what is said of them."""
    made = translate(resource={"resourceType": "Patient", "id": "p", **members})
    assert (made.resource.pop("resourceType"), made.resource.pop("id")) == ("Patient", "p")
    return made.resource, made.notes


@pytest.mark.parametrize(
    ("given", "kept", "notes"),
    [
        (["Ann", "Lee"], ["Ann", "Lee"], ()),
        (["Ann", "", "Lee"], ["Ann", "Lee"], ("Patient.name.given: empty",)),
        (["Ann", 7], ["Ann", "7"], ("Patient.name.given: a number, carried as text",)),
        (["Ann", True], ["Ann"], ("Patient.name.given",)),
        (["Ann", None], ["Ann"], ("Patient.name.given: empty",)),
        ([" Ann "], [" Ann "], ()),
        ("Ann", ["Ann"], ()),
    ],
)
def test_each_text_of_a_list_is_looked_at(given: Any, kept: list[str], notes: tuple[str, ...]) -> None:
    assert patient(name=[{"given": given}]) == ({"name": [{"given": kept}]}, notes)


def test_a_gap_in_a_list_stays_where_extensions_go_with_it() -> None:
    name = {"given": ["Ann", None], "_given": [None, EXTENDED]}
    assert patient(name=[name]) == ({"name": [name]}, ())


@pytest.mark.parametrize(
    ("name", "kept", "notes"),
    [
        ([{"family": "Lee"}, 7], [{"family": "Lee"}], ("Patient.name",)),
        ([{"given": [7]}, 7], [{"given": ["7"]}], ("Patient.name.given: a number, carried as text", "Patient.name")),
        ([{"family": "Lee"}, {}], [{"family": "Lee"}], ("Patient.name: empty",)),
        ({"family": "Lee"}, [{"family": "Lee"}], ()),
    ],
)
def test_each_object_of_a_list_is_looked_at(name: Any, kept: list[Json], notes: tuple[str, ...]) -> None:
    assert patient(name=name) == ({"name": kept}, notes)


@pytest.mark.parametrize(
    ("member", "sent", "note"),
    [
        ("name", [], "name: empty"),
        ("name", [{}], "name: empty"),
        ("name", {}, "name: empty"),
        ("maritalStatus", {}, "maritalStatus: empty"),
        ("maritalStatus", None, "maritalStatus: empty"),
        ("maritalStatus", 7, "maritalStatus"),
        ("managingOrganization", {"reference": ""}, "managingOrganization.reference: empty"),
        ("birthDate", 1980, "birthDate"),
        ("multipleBirthInteger", [True], "multipleBirthInteger"),
        ("contained", [{"resourceType": 7}], "contained"),
        ("contained", [{"resourceType": "NoType"}], "contained"),
    ],
)
def test_what_is_empty_or_of_another_type_is_left_out_and_named(member: str, sent: Any, note: str) -> None:
    made, notes = patient(**{member: sent})
    assert made == {}
    assert notes[0] == f"Patient.{note}"


@pytest.mark.parametrize(
    ("member", "sent", "made", "note"),
    [
        ("active", "true", True, ": a text, carried as true or false"),
        ("active", "false", False, ": a text, carried as true or false"),
        ("active", " True ", True, ": a text, carried as true or false"),
        ("active", "FALSE", False, ": a text, carried as true or false"),
        ("gender", " male ", "male", ": spaces around it removed"),
        ("birthDate", ["1980-01-01"], "1980-01-01", ""),
        ("birthDate", ["1980-01-01", "1981-01-01"], "1980-01-01", ": the first of several"),
        ("multipleBirthInteger", [2], 2, ""),
    ],
)
def test_a_member_in_another_form_is_understood(member: str, sent: Any, made: Any, note: str) -> None:
    assert patient(**{member: sent}) == ({member: made}, (f"Patient.{member}{note}",) if note else ())


def test_a_code_in_a_list_is_written_without_spaces_around_it() -> None:
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "category": [" food "], "patient": {"reference": "P/1"}}
    assert translate(resource=allergy).resource["category"] == ["food"]


def test_a_text_keeps_its_spaces_and_an_address_in_it() -> None:
    texts = {
        "name": [{"family": " Lee ", "text": "http://hl7.org/fhir/v3/ActCode"}],
        "identifier": [{"system": " https://example.org/number ", "value": "1"}],
    }
    assert patient(**texts) == (texts, ())


def test_what_r4_has_where_stu3_has_nothing_is_carried_and_said() -> None:
    encounter = {"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "AMB"}}
    made = translate(resource={**encounter, "reasonCode": [{"text": "cough"}], "no such field": 1})
    assert made.resource == {**encounter, "reasonCode": [{"text": "cough"}]}
    said = "Encounter.reasonCode: as R4 has it, though the record is STU3"
    assert made.notes == (said, "Encounter.(unknown field)")


def test_what_r4_has_in_a_part_of_a_resource_is_carried_too() -> None:
    five, ten = ({"doseQuantity": {"value": value, "unit": "mg"}} for value in (5, 10))
    subject = {"reference": "Patient/p", "type": "Patient"}
    medicine = {"resourceType": "MedicationStatement", "id": "m", "status": "active", "subject": subject}
    medicine["medicationCodeableConcept"] = {"text": "warfarin"}
    made = translate(resource={**medicine, "dosage": [{"doseAndRate": [five]}, {"doseAndRate": [five], **ten}]})
    assert made.resource["dosage"] == [{"doseAndRate": [five]}, {"doseAndRate": [five, ten]}]
    assert made.resource["subject"] == subject
    said = "as R4 has it, though the record is STU3"
    assert set(made.notes) == {f"MedicationStatement.{path}: {said}" for path in ("dosage.doseAndRate", "subject.type")}
    extended = {"url": "https://example.org/x", "valueCanonical": "https://example.org/y"}
    assert translate(resource={**medicine, "extension": [extended]}).resource["extension"] == [extended]


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{TERMINOLOGY}{system}", "code": code}]}


@pytest.mark.parametrize(
    ("kind", "systems"),
    [
        ("AllergyIntolerance", ("allergyintolerance-clinical", "allergyintolerance-verification")),
        ("Condition", ("condition-clinical", "condition-ver-status")),
    ],
)
def test_statuses_in_the_form_of_r4_are_carried_and_said(kind: str, systems: tuple[str, str]) -> None:
    clinical, verification = systems
    sent = {"resourceType": kind, "id": "a", "clinicalStatus": concept(clinical, "resolved")}
    refuted = {**sent, "verificationStatus": concept(verification, "refuted")}
    made = translate(resource=refuted)
    statuses = ("clinicalStatus", "verificationStatus")
    assert {name: made.resource[name] for name in statuses} == {name: refuted[name] for name in statuses}
    assert made.notes[:2] == tuple(f"{kind}.{name}: as R4 has it, though the record is STU3" for name in statuses)
    in_error = concept(verification, "entered-in-error")
    made = translate(resource={**sent, "verificationStatus": in_error})
    assert made.resource["verificationStatus"] == in_error
    assert "clinicalStatus" not in made.resource
    mixed = translate(resource={**sent, "verificationStatus": "entered-in-error"})
    assert mixed.resource["verificationStatus"] == in_error
    assert "clinicalStatus" not in mixed.resource


DOCTOR = {"reference": "Practitioner/1", "display": "Dr Lee"}


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("MedicationRequest", {"requester": DOCTOR}),
        ("ProcedureRequest", {"requester": DOCTOR}),
        ("ReferralRequest", {"requester": DOCTOR, "doNotPerform": True}),
        ("CommunicationRequest", {"requester": DOCTOR}),
        ("SupplyRequest", {"requester": DOCTOR}),
        ("Task", {"requester": DOCTOR}),
        ("DiagnosticReport", {"performer": [DOCTOR, {"reference": "Organization/1"}]}),
        ("DocumentManifest", {"content": [DOCTOR]}),
        ("DeviceRequest", {"intent": "order", "requester": DOCTOR}),
        ("Device", {"version": [{"value": "2"}]}),
        ("QuestionnaireResponse", {"questionnaire": "https://example.org/Questionnaire/1"}),
        ("Media", {"type": concept("media-type", "image")}),
    ],
)
def test_what_has_another_form_in_r4_and_is_sent_so_is_carried_and_said(kind: str, members: Json) -> None:
    made = translate(resource={"resourceType": kind, "id": "a", **members})
    assert {name: made.resource.get(name) for name in members} == members
    assert set(made.notes) >= {f"{kind}.{name}: as R4 has it, though the record is STU3" for name in members}


def test_a_concept_that_is_one_in_neither_release_is_left_out_and_named() -> None:
    sent = {"resourceType": "Condition", "id": "a", "clinicalStatus": "active", "verificationStatus": True}
    made = translate(resource=sent)
    assert "verificationStatus" not in made.resource
    assert made.notes[0] == "Condition.verificationStatus"


def test_what_is_contained_is_looked_at_and_told_of_by_its_place() -> None:
    inside = {"resourceType": "Observation", "id": "o", "code": {"text": "x"}, "comment": 7}
    made, notes = patient(contained=[inside])
    del inside["comment"]
    assert made == {"contained": [{**inside, "status": "unknown", "note": [{"text": "7"}]}]}
    assert notes == (
        "Patient.contained.comment: a number, carried as text",
        "Patient.contained.status: the source does not say",
    )


def test_why_an_id_is_written_otherwise_is_said() -> None:
    sent = {"resourceType": "Patient", "id": "p_1"}
    allowed = translate(resource=sent)
    assert allowed.notes == ("Patient.id: written with the characters that FHIR allows",)
    other = translate(resource=sent, names=Names(changed={"Patient/p_1": "p2"}))
    assert (other.resource["id"], other.notes) == ("p2", ("Patient.id: written with an id of its own",))


@pytest.mark.parametrize(
    ("sent", "made", "notes"),
    [
        ({"start": "2019-05-01T10:00:00Z", "end": "2019-05-02T10:00:00Z"}, {}, ()),
        (
            {"start": "2019-05-01T10:00", "end": "2019-05-01T11:00:00Z"},
            {"start": "2019-05-01", "end": "2019-05-01"},
            ("start: time without zone or seconds, date kept", "end: date kept, as of the start"),
        ),
        (
            {"start": "2019-05-01T10:00", "end": "2019-05-01"},
            {"start": "2019-05-01"},
            ("start: time without zone or seconds, date kept",),
        ),
    ],
)
def test_a_side_of_a_period_is_cut_only_with_the_other(sent: Json, made: Json, notes: tuple[str, ...]) -> None:
    address, said = patient(address=[{"period": sent}])
    assert address == {"address": [{"period": {**sent, **made}}]}
    assert said == tuple(f"Patient.address.period.{note}" for note in notes)


def test_a_sentence_beside_words_of_its_own_is_named() -> None:
    display = {"display": "Dr Lee"}
    made, notes = patient(managingOrganization={"reference": "Not supported here", **display})
    assert (made, notes) == ({"managingOrganization": display}, ("Patient.managingOrganization.reference",))


def test_an_amount_of_money_has_r4s_form_in_an_extension_too() -> None:
    pounds = {"value": 5, "code": "GBP", "system": "urn:iso:std:iso:4217"}
    made, notes = patient(extension=[{"url": "https://example.org/fee", "valueMoney": pounds}])
    assert made == {"extension": [{"url": "https://example.org/fee", "valueMoney": {"value": 5, "currency": "GBP"}}]}
    assert notes == ("Patient.extension.valueMoney.system",)


def test_a_signature_keeps_whose_it_is_and_what_was_signed() -> None:
    signed = {"type": [{"code": "1"}], "when": "2019-05-01T10:00:00Z"}
    sent = {
        "whoReference": {"reference": "Practitioner/d"},
        "onBehalfOfUri": "https://example.org/o",
        "contentType": "image/png",
        "blob": "YQ==",
    }
    made, notes = patient(extension=[{"url": "https://example.org/s", "valueSignature": {**signed, **sent}}])
    assert made["extension"][0]["valueSignature"] == {
        **signed,
        "who": {"reference": "Practitioner/d"},
        "onBehalfOf": {"identifier": {"value": "https://example.org/o"}},
        "sigFormat": "image/png",
        "data": "YQ==",
    }
    assert notes == ()


def test_a_code_system_that_moved_has_its_new_name_and_no_other_has() -> None:
    assert r4_system(text="http://hl7.org/fhir/condition-category") == f"{TERMINOLOGY}condition-category"
    assert r4_system(text="http://hl7.org/fhir/administrative-gender") == "http://hl7.org/fhir/administrative-gender"


@pytest.mark.parametrize("there", [{"new": 2}, {"_new": EXTENDED}])
def test_a_member_is_never_renamed_over_another(there: Json) -> None:
    resource = {"old": 1, **there}
    rename(resource=resource, old="old", new="new")
    assert resource == {"old": 1, **there}


def test_what_is_said_of_a_status_goes_with_its_code() -> None:
    sent = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "_clinicalStatus": EXTENDED}
    made = translate(resource={**sent, "clinicalStatus": "active"})
    coding = {"system": f"{TERMINOLOGY}condition-clinical", "code": "active", "_code": EXTENDED}
    assert made.resource["clinicalStatus"] == {"coding": [coding]}
    assert "_clinicalStatus" not in made.resource


def test_what_is_said_of_a_flag_that_becomes_a_status_is_named() -> None:
    vaccine = {"vaccineCode": {"text": "MMR"}, "patient": {"reference": "Patient/p"}, "date": "2019-05-01"}
    flagged = {"notGiven": True, "_notGiven": EXTENDED, "status": "completed"}
    made = translate(resource={"resourceType": "Immunization", "id": "i", **vaccine, **flagged})
    assert made.resource["status"] == "not-done"
    assert made.resource.keys().isdisjoint({"notGiven", "_notGiven"})
    assert made.notes == (
        "Immunization.notGiven",
        "Immunization.status: not-done, as notGiven says",
        "Immunization.notGiven: carried as the status",
    )


def test_of_two_values_where_one_is_allowed_the_first_stays_and_the_other_is_named() -> None:
    sent = {"resourceType": "Condition", "id": "c", "clinicalStatus": "active", "subject": {"reference": "Patient/p"}}
    made = translate(resource={**sent, "onsetDateTime": "2019-05-01", "onsetString": "in spring"})
    assert made.resource["onsetDateTime"] == "2019-05-01"
    assert "onsetString" not in made.resource
    assert made.notes == ("Condition.onsetString",)


def test_what_must_be_there_is_said_to_be_unknown_down_to_its_parts() -> None:
    medicine = {"resourceType": "MedicationStatement", "id": "m", "status": "active"}
    made = translate(resource={**medicine, "subject": {"reference": "Patient/p"}})
    assert made.resource["medicationCodeableConcept"] == UNKNOWN
    assert made.notes == ("MedicationStatement.medication: the source does not say",)
    visit = translate(resource={"resourceType": "Appointment", "id": "a", "status": "booked"})
    assert visit.resource["participant"] == [{**UNKNOWN, "_status": UNKNOWN}]
    assert visit.notes == (
        "Appointment.participant: the source does not say",
        "Appointment.participant.status: the source does not say",
    )


def test_one_of_several_stays_where_r4_has_room_for_one() -> None:
    study = {"resourceType": "ImagingStudy", "id": "i", "status": "available", "subject": {"reference": "Patient/p"}}
    performed = [{"reference": "Procedure/1"}, {"reference": "Procedure/2"}]
    made = translate(resource={**study, "procedureReference": performed})
    assert made.resource["procedureReference"] == performed[0]
    assert "ImagingStudy.procedureReference: the first of several" in made.notes


def test_a_coding_becomes_a_concept_where_r4_has_one() -> None:
    agent = {"agent": [{"whoReference": {"reference": "Practitioner/d"}}], "target": [{"reference": "Observation/1"}]}
    reason = {"system": "https://example.org/reasons", "code": "TREAT"}
    sent = {"resourceType": "Provenance", "id": "p", "recorded": "2019-05-01T10:00:00Z", **agent, "reason": [reason]}
    assert translate(resource=sent).resource["reason"] == [{"coding": [reason]}]


@pytest.mark.parametrize("entity", [{"identifier": {"value": "e"}}, {"identifier": {"value": "e"}, "name": "n"}])
def test_nothing_is_left_of_an_object_of_which_r4_has_no_part(entity: Json) -> None:
    event = {"type": {"code": "rest"}, "recorded": "2019-05-01T10:00:00Z", "agent": [{"requestor": True}]}
    source = {"source": {"observer": {"reference": "Device/d"}}}
    made = translate(resource={"resourceType": "AuditEvent", "id": "e", **event, **source, "entity": [entity]}).resource
    assert made.get("entity") == ([{"name": "n"}] if "name" in entity else None)


def test_a_day_of_which_only_something_is_said_is_no_day() -> None:
    vaccine = {"vaccineCode": {"text": "MMR"}, "patient": {"reference": "Patient/p"}, "_date": EXTENDED}
    made = translate(resource={"resourceType": "Immunization", "id": "i", "status": "completed", **vaccine})
    assert made.resource["occurrenceString"] == "Date not recorded"
    assert "_occurrenceDateTime" not in made.resource
    assert made.notes == ("Immunization.date: the source does not say", "Immunization.date")


def test_of_a_list_of_empty_texts_nothing_stays() -> None:
    assert patient(name=[{"family": "Lee", "given": [""]}]) == (
        {"name": [{"family": "Lee"}]},
        ("Patient.name.given: empty",),
    )


def _within_identifiers(levels: int) -> Json:
    node: Json = {"zzz": 5}
    for _ in range(levels):
        node = {"assigner": {"identifier": node}}
    return {"identifier": [node]}


def _within_extensions(levels: int, *, beside: list[Any]) -> Json:
    parts: list[Any] = [{"zzz": 5}, *beside]
    for _ in range(levels):
        parts = [{"extension": parts}, *beside]
    return {"extension": parts}


@pytest.mark.parametrize(
    "members",
    [_within_identifiers(8), _within_extensions(8, beside=[]), _within_extensions(8, beside=[5])],
    ids=["objects", "lists", "lists with a number"],
)
def test_what_is_unusual_is_looked_at_once_however_deep_it_lies(members: Json) -> None:
    shape = shape_of(name="Patient", release=Release.STU3)
    assert shape is not None
    copying = Copying(names=Names())
    copying.resource(resource={"resourceType": "Patient", "id": "p1", **members}, shape=shape, path="Patient")
    assert sum(note.endswith("(unknown field)") for note in copying.notes) == 1
