"""STU3 -> R4, type by type: what moves, what stays, and what is named as not carried."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.gp_connect.names import Names, r4_id
from connectors.gp_connect.translate import Translation, is_translated, translate
from connectors.gp_connect.translation.elements import r4_system
from tests.unit.connectors.translating import PATIENT, made

SNOMED = "http://snomed.info/sct"
CODE = {
    "coding": [
        {
            "system": SNOMED,
            "code": "38341003",
            "display": "Hypertension",
            "userSelected": True,
            "extension": [
                {
                    "url": "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-coding-sctdescid",
                    "extension": [{"url": "descriptionId", "valueId": "64176011"}],
                }
            ],
        },
        {"system": "http://read.info/readv2", "code": "G2...00"},
    ]
}

R4_CODE = {
    "coding": [
        {
            "system": SNOMED,
            "code": "38341003",
            "display": "Hypertension",
            "userSelected": True,
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/coding-sctdescid", "valueId": "64176011"}],
        },
        {"system": "http://read.info/readv2", "code": "G2...00"},
    ]
}


def code(concept: Any) -> str:
    return str(concept["coding"][0]["code"])


def allergy(**members: Any) -> Translation:
    return made(
        "AllergyIntolerance",
        **{
            "verificationStatus": "unconfirmed",
            "clinicalStatus": "active",
            "patient": PATIENT,
            "code": CODE,
            **members,
        },
    )


def test_an_allergys_statuses_become_concepts_of_the_right_systems() -> None:
    resource = allergy().resource
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance"
    assert resource["clinicalStatus"] == {"coding": [{"system": f"{system}-clinical", "code": "active"}]}
    assert resource["verificationStatus"] == {"coding": [{"system": f"{system}-verification", "code": "unconfirmed"}]}
    assert resource["code"] == R4_CODE


def test_an_allergy_entered_in_error_has_no_clinical_status() -> None:
    found = allergy(verificationStatus="entered-in-error")
    assert "clinicalStatus" not in found.resource
    assert found.notes == ("AllergyIntolerance.clinicalStatus",)


def test_an_allergy_whose_status_is_not_said_is_given_none() -> None:
    sent = {"resourceType": "AllergyIntolerance", "id": "x", "verificationStatus": "confirmed", "patient": PATIENT}
    found = translate(resource=sent)
    assert "clinicalStatus" not in found.resource
    assert found.notes == ("AllergyIntolerance.clinicalStatus: the source does not say",)


def test_an_allergys_date_and_encounter_move() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/encounter-associatedEncounter"
    kept = {"url": "https://example.org/other", "valueString": "kept"}
    found = allergy(
        assertedDate="2010-01-18",
        extension=[{"url": url, "valueReference": {"reference": "Encounter/e1"}}, kept],
    )
    assert found.resource["recordedDate"] == "2010-01-18"
    assert found.resource["encounter"] == {"reference": "Encounter/e1"}
    assert found.resource["extension"] == [kept]
    assert found.notes == ()


def condition(**members: Any) -> Translation:
    return made("Condition", **{"clinicalStatus": "active", "subject": PATIENT, "code": CODE, **members})


def test_a_conditions_members_move() -> None:
    found = condition(
        assertedDate="2010-03-23",
        context={"reference": "Encounter/e1"},
        stage={"summary": {"text": "two"}},
        verificationStatus="confirmed",
    )
    resource = found.resource
    assert resource["recordedDate"] == "2010-03-23"
    assert resource["encounter"] == {"reference": "Encounter/e1"}
    assert resource["stage"] == [{"summary": {"text": "two"}}]
    assert (code(resource["clinicalStatus"]), code(resource["verificationStatus"])) == ("active", "confirmed")
    assert found.notes == ()


def test_a_condition_entered_in_error_has_no_clinical_status() -> None:
    found = condition(verificationStatus="entered-in-error")
    assert "clinicalStatus" not in found.resource
    assert found.notes == ("Condition.clinicalStatus",)


def test_a_verification_status_that_r4_lacks_and_a_bare_yes_to_ended_are_named() -> None:
    found = condition(verificationStatus="unknown", abatementBoolean=True)
    assert "verificationStatus" not in found.resource
    assert found.notes == ("Condition.verificationStatus", "Condition.abatementBoolean")


MEDICINE = {"reference": "Medication/m1"}


def request(**members: Any) -> Translation:
    return made(
        "MedicationRequest",
        **{"status": "active", "intent": "plan", "medicationReference": MEDICINE, "subject": PATIENT, **members},
    )


def test_a_medication_requests_members_move() -> None:
    dispense = {"quantity": {"value": 28, "unit": "tablet"}, "validityPeriod": {"start": "2020-01-01"}}
    found = request(
        context={"reference": "Encounter/e1"},
        category={"text": "community"},
        requester={"agent": {"reference": "Practitioner/1"}, "onBehalfOf": {"reference": "Organization/1"}},
        substitution={"allowed": False},
        dispenseRequest=dispense,
        dosageInstruction=[{"text": "One daily", "doseQuantity": {"value": 1}, "rateQuantity": {"value": 2}}],
    )
    resource = found.resource
    assert resource["encounter"] == {"reference": "Encounter/e1"}
    assert resource["category"] == [{"text": "community"}]
    assert resource["requester"] == {"reference": "Practitioner/1"}
    assert resource["substitution"] == {"allowedBoolean": False}
    assert resource["dispenseRequest"] == dispense
    assert resource["dosageInstruction"] == [
        {"text": "One daily", "doseAndRate": [{"doseQuantity": {"value": 1}, "rateQuantity": {"value": 2}}]}
    ]
    assert found.notes == ("MedicationRequest.requester.onBehalfOf",)


def test_a_medication_request_without_status_is_unknown_and_said() -> None:
    sent = {"resourceType": "MedicationRequest", "intent": "order", "medicationReference": MEDICINE, "subject": PATIENT}
    found = translate(resource=sent)
    assert found.resource["status"] == "unknown"
    assert found.notes == ("MedicationRequest.status: the source does not say",)


def statement(**members: Any) -> Translation:
    return made(
        "MedicationStatement",
        **{"status": "active", "taken": "unk", "medicationReference": MEDICINE, "subject": PATIENT, **members},
    )


def test_what_a_statement_says_of_taking_is_named() -> None:
    found = statement()
    assert found.resource["status"] == "active"
    assert "taken" not in found.resource
    assert found.notes == ("MedicationStatement.taken",)


@pytest.mark.parametrize(("status", "expected"), [("active", "not-taken"), ("entered-in-error", "entered-in-error")])
def test_a_medicine_that_is_not_taken_never_looks_active(status: str, expected: str) -> None:
    found = statement(status=status, taken="n", reasonNotTaken=[{"text": "nausea"}])
    assert found.resource["status"] == expected
    assert found.resource["statusReason"] == [{"text": "nausea"}]


@pytest.mark.parametrize(("status", "expected"), [("active", "unknown"), ("entered-in-error", "entered-in-error")])
@pytest.mark.parametrize("taken", ["N", "no", "false"])
def test_a_medicine_of_which_nobody_can_tell_whether_it_is_taken_does_not_look_active(
    taken: str, status: str, expected: str
) -> None:
    found = statement(status=status, taken=taken)
    assert found.resource["status"] == expected
    assert "MedicationStatement.taken" in found.notes
    for known in ("y", "unk", "na"):
        assert statement(taken=known).resource["status"] == "active"


def test_a_medications_batch_and_strength_move() -> None:
    found = made(
        "Medication",
        code=CODE,
        isBrand=True,
        package={"batch": [{"lotNumber": "7"}]},
        ingredient=[{"itemCodeableConcept": {"text": "x"}, "amount": {"numerator": {"value": 1}}}],
    )
    assert found.resource["batch"] == {"lotNumber": "7"}
    assert found.resource["ingredient"][0]["strength"] == {"numerator": {"value": 1}}
    assert found.notes == ("Medication.isBrand",)


def immunisation(**members: Any) -> Translation:
    return made(
        "Immunization",
        **{
            "status": "completed",
            "notGiven": False,
            "vaccineCode": CODE,
            "patient": PATIENT,
            "primarySource": True,
            "date": "2010-01-18",
            **members,
        },
    )


PROTOCOL = "http://hl7.org/fhir/3.0/StructureDefinition/extension-Immunization.vaccinationProtocol."


def test_an_immunisations_members_move() -> None:
    found = immunisation(
        practitioner=[{"role": {"text": "AP"}, "actor": {"reference": "Practitioner/1"}}],
        explanation={"reason": [{"text": "due"}]},
        vaccinationProtocol=[
            {
                "doseSequence": 1,
                "seriesDoses": 3,
                "targetDisease": [{"text": "Hepatitis A"}],
                "doseStatus": {"text": "counts"},
            }
        ],
        extension=[{"url": "https://x/Extension-CareConnect-DateRecorded-1", "valueDateTime": "2010-01-19"}],
    )
    resource = found.resource
    assert resource["occurrenceDateTime"] == "2010-01-18"
    assert resource["recorded"] == "2010-01-19"
    assert resource["performer"] == [{"function": {"text": "AP"}, "actor": {"reference": "Practitioner/1"}}]
    assert resource["reasonCode"] == [{"text": "due"}]
    assert resource["protocolApplied"] == [
        {
            "doseNumberPositiveInt": 1,
            "seriesDosesPositiveInt": 3,
            "targetDisease": [{"text": "Hepatitis A"}],
            "extension": [{"url": f"{PROTOCOL}doseStatus", "valueCodeableConcept": {"text": "counts"}}],
        }
    ]
    assert "extension" not in resource
    assert found.notes == (
        "Immunization.notGiven: carried as the status",
        "Immunization.vaccinationProtocol.doseStatus: carried as an extension",
    )


@pytest.mark.parametrize(("status", "expected"), [("completed", "not-done"), ("entered-in-error", "entered-in-error")])
def test_a_vaccine_that_was_not_given_never_looks_given(status: str, expected: str) -> None:
    found = immunisation(status=status, notGiven=True, explanation={"reasonNotGiven": [{"text": "declined"}]})
    assert found.resource["status"] == expected
    assert found.resource["statusReason"] == {"text": "declined"}


def test_an_immunisation_without_a_date_says_so() -> None:
    sent = {"resourceType": "Immunization", "status": "completed", "vaccineCode": CODE, "patient": PATIENT}
    found = translate(resource=sent)
    assert found.resource["occurrenceString"] == "Date not recorded"
    assert found.notes == ("Immunization.date: the source does not say",)


def test_an_encounters_class_is_not_invented() -> None:
    found = made(
        "Encounter",
        status="finished",
        subject=PATIENT,
        reason=[{"text": "cough"}],
        appointment={"reference": "Appointment/1"},
        diagnosis=[{"condition": {"reference": "Condition/1"}, "role": {"text": "AD"}}],
        incomingReferral=[{"reference": "ReferralRequest/1"}],
    )
    resource = found.resource
    assert "code" not in resource["class"]
    assert resource["reasonCode"] == [{"text": "cough"}]
    assert resource["appointment"] == [{"reference": "Appointment/1"}]
    assert resource["diagnosis"] == [{"condition": {"reference": "Condition/1"}, "use": {"text": "AD"}}]
    assert resource["basedOn"] == [{"reference": "ServiceRequest/1"}]
    assert found.notes == ("Encounter.class: the source does not say",)


def observation(**members: Any) -> Translation:
    return made("Observation", **{"status": "final", "code": CODE, "subject": PATIENT, **members})


def test_an_observations_members_move() -> None:
    found = observation(
        comment="Fasting",
        context={"reference": "Encounter/e1"},
        interpretation={"text": "low"},
        component=[{"code": {"text": "systolic"}, "interpretation": {"text": "high"}}],
        related=[
            {"type": "has-member", "target": {"reference": "Observation/2"}},
            {"type": "derived-from", "target": {"reference": "QuestionnaireResponse/3"}},
            {"type": "replaces", "target": {"reference": "Observation/4"}},
            {"target": {"reference": "Observation/5"}},
        ],
    )
    resource = found.resource
    assert resource["note"] == [{"text": "Fasting"}]
    assert resource["encounter"] == {"reference": "Encounter/e1"}
    assert resource["interpretation"] == [{"text": "low"}]
    assert resource["component"][0]["interpretation"] == [{"text": "high"}]
    assert resource["hasMember"] == [{"reference": "Observation/2"}]
    assert resource["derivedFrom"] == [{"reference": "QuestionnaireResponse/3"}]
    assert found.notes == (
        "Observation.related.type: carried as hasMember",
        "Observation.related.type: carried as derivedFrom",
        "Observation.related: replaces, which R4 does not have",
        "Observation.related: one of no type, which R4 does not have",
    )


def test_a_locations_type_repeats_and_a_patients_animal_is_named() -> None:
    assert made("Location", type={"text": "Surgery"}).resource["type"] == [{"text": "Surgery"}]
    assert made("Patient", animal={"species": {"text": "cat"}}).notes == ("Patient.animal",)


@pytest.mark.parametrize("kind", ["Practitioner", "PractitionerRole", "Organization", "List"])
def test_what_is_alike_in_both_releases_stays_as_it_is(kind: str) -> None:
    members: dict[str, Any] = {"identifier": [{"system": "https://EMISWeb/A82038", "value": "1"}]}
    if kind == "List":
        members |= {"status": "current", "mode": "snapshot", "title": "Problems"}
    found = made(kind, **members)
    assert found.resource == {"resourceType": kind, "id": "x1", **members}
    assert found.notes == ()


@pytest.mark.parametrize("kind", ["BodySite", "DataElement", "ServiceDefinition", "ServiceRequest", "Bundle", ""])
def test_a_type_that_one_of_the_releases_lacks_has_no_translation(kind: str) -> None:
    assert not is_translated(kind=kind)


# What is the same for every type ----------------------------------------------------------------------------------


def test_a_profile_of_the_old_release_is_not_claimed() -> None:
    found = condition(meta={"versionId": "1", "profile": ["https://fhir.nhs.uk/STU3/StructureDefinition/x"]})
    assert found.resource["meta"] == {"versionId": "1"}
    assert found.notes == ("Condition.meta.profile",)


def test_security_labels_keep_their_code_under_the_systems_new_name() -> None:
    found = condition(meta={"security": [{"system": "http://hl7.org/fhir/v3/ActCode", "code": "NOPAT"}]})
    assert found.resource["meta"]["security"] == [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOPAT"}
    ]


@pytest.mark.parametrize("system", [SNOMED, "http://read.info/readv2", "http://hl7.org/fhir/sid/us-npi", "", "x"])
def test_other_systems_keep_their_name(system: str) -> None:
    assert r4_system(text=system) == system


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2019-05-01T10:38:00", "2019-05-01"),
        ("2019-05-01T10:38", "2019-05-01"),
        ("2019-05-01T10:38Z", "2019-05-01"),
        ("2019-05-01T10:38:00Z", "2019-05-01T10:38:00Z"),
        ("2019-05-01T10:38:00.123+01:00", "2019-05-01T10:38:00.123+01:00"),
        ("2019-05", "2019-05"),
        ("2019", "2019"),
    ],
)
def test_a_time_that_is_none_keeps_its_date(time: str, expected: str) -> None:
    found = observation(effectiveDateTime=time)
    assert found.resource["effectiveDateTime"] == expected
    assert (found.notes == ()) == (time == expected)


def test_a_period_whose_end_loses_its_time_does_not_end_before_it_begins() -> None:
    found = made(
        "Encounter", status="finished", period={"start": "2019-05-01T10:30:00+01:00", "end": "2019-05-01T10:38:00"}
    )
    assert found.resource["period"] == {"start": "2019-05-01", "end": "2019-05-01"}
    assert len([note for note in found.notes if note.startswith("Encounter.period")]) == 2


def test_empty_text_goes_and_a_sentence_for_a_reference_is_shown() -> None:
    found = made("Location", name="Surgery", description="", managingOrganization={"reference": "not on this system"})
    assert "description" not in found.resource
    assert found.resource["managingOrganization"] == {"display": "not on this system"}
    assert found.notes == (
        "Location.description: empty",
        "Location.managingOrganization.reference: a sentence, carried as display",
    )


@given(st.text(min_size=1, max_size=300))
def test_an_id_becomes_one_that_fhir_allows_and_no_other_does(text: str) -> None:
    found = r4_id(text=text)
    assert 1 <= len(found) <= 64
    assert r4_id(text=found) == found
    assert found == text or found != r4_id(text=f"{text}_")


@pytest.mark.parametrize("text", ["#28", "urn:uuid:1", "http://x/Patient/a_b", "Patient/1", "nonsense"])
def test_only_a_relative_reference_follows_its_targets_id(text: str) -> None:
    assert Names().r4_reference(text=text) == text
    assert Names().r4_reference(text="Observation/a_b") == f"Observation/{r4_id(text='a_b')}"
