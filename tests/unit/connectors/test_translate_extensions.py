"""The extensions of GP Connect: what becomes an element, what UK Core calls otherwise, what stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.gp_connect.translate import Translation, translate
from connectors.gp_connect.translation.elements import USUAL_EXTENSION
from connectors.gp_connect.translation.extensions import name_of, r4_coding, r4_url
from fhir_data.releases import Release
from fhir_data.shapes import keeps_its_shape, shape_of
from tests.unit.connectors.translating import CARE_CONNECT, PATIENT, UK_CORE, made

COURSE = "http://terminology.hl7.org/CodeSystem/medicationrequest-course-of-therapy"


def medicine(*extensions: dict[str, Any], **members: Any) -> Translation:
    return made(
        "MedicationRequest",
        status="stopped",
        intent="plan",
        subject=PATIENT,
        medicationReference={"reference": "Medication/1"},
        extension=list(extensions),
        **members,
    )


def test_why_a_medicine_stopped_is_its_status_reason_and_the_day_stays_in_the_extension() -> None:
    reason = {"url": "statusReason", "valueCodeableConcept": {"text": "Nausea"}}
    day = {"url": "statusChangeDate", "valueDateTime": "2010-02-10"}
    url = f"{CARE_CONNECT}MedicationStatusReason-1"
    whole = medicine({"url": url, "extension": [reason, day]}).resource
    assert whole["statusReason"] == {"text": "Nausea"}
    assert whole["extension"] == [{"url": url, "extension": [day]}]
    assert "extension" not in medicine({"url": url, "extension": [reason]}).resource


@pytest.mark.parametrize(
    ("sent", "added"),
    [("acute", ["acute"]), ("repeat", ["continuous"]), ("repeat-dispensing", ["continuous"]), ("delayed", [])],
)
def test_acute_or_repeat_keeps_the_practices_code_beside_that_of_r4(sent: str, added: list[str]) -> None:
    own = {"system": "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-PrescriptionType-1", "code": sent}
    course = {"url": f"{CARE_CONNECT}PrescriptionType-1", "valueCodeableConcept": {"coding": [own]}}
    resource = medicine(course).resource
    assert resource["courseOfTherapyType"]["coding"] == [own, *({"system": COURSE, "code": code} for code in added)]
    assert "extension" not in resource


REPEATS = [
    {"url": "numberOfRepeatPrescriptionsAllowed", "valueUnsignedInt": 12},
    {"url": "numberOfRepeatPrescriptionsIssued", "valueUnsignedInt": 3},
    {"url": "authorisationExpiryDate", "valueDateTime": "2026-01-01"},
]
ISSUED = [
    {"url": "numberOfPrescriptionsIssued", "valueUnsignedInt": 3},
    {"url": "authorisationExpiryDate", "valueDateTime": "2026-01-01"},
]


def test_repeats_that_are_allowed_have_an_element_and_the_others_uk_cores_extension() -> None:
    sent = {"url": f"{CARE_CONNECT}MedicationRepeatInformation-1", "extension": REPEATS}
    resource = medicine(sent, dispenseRequest={"quantity": {"value": 28}}).resource
    assert resource["dispenseRequest"] == {"quantity": {"value": 28}, "numberOfRepeatsAllowed": 12}
    assert resource["extension"] == [{"url": f"{UK_CORE}MedicationRepeatInformation", "extension": ISSUED}]


def test_of_two_numbers_of_repeats_neither_is_lost() -> None:
    sent = {"url": f"{CARE_CONNECT}MedicationRepeatInformation-1", "extension": REPEATS}
    resource = medicine(sent, dispenseRequest={"numberOfRepeatsAllowed": 6}).resource
    assert resource["dispenseRequest"] == {"numberOfRepeatsAllowed": 6}
    assert resource["extension"][0]["extension"] == [REPEATS[0], *ISSUED]


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("PrescribingAgency", "MedicationPrescribingOrganizationType"),
        ("MedicationStatementLastIssueDate", "MedicationStatementLastIssueDate"),
        ("ProblemSignificance", "ProblemSignificance"),
        ("AllergyIntoleranceEnd", "AllergyIntoleranceEnd"),
        ("NHSNumberVerificationStatus", "NHSNumberVerificationStatus"),
        ("VaccinationProcedure", "VaccinationProcedure"),
        ("MainLocation", "MainLocation"),
    ],
)
def test_known_extensions_are_called_as_in_uk_core(sent: str, name: str) -> None:
    assert r4_url(url=f"{CARE_CONNECT}{sent}-1") == f"{UK_CORE}{name}"
    assert r4_url(url=f"https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-{sent}-1") == (
        f"{UK_CORE}{name}"
    )


@pytest.mark.parametrize(
    "url", [f"{CARE_CONNECT}RegistrationDetails-1", "https://example.org/Extension-Own-1", "x", ""]
)
def test_an_extension_that_uk_core_does_not_have_stays_as_it_is(url: str) -> None:
    assert r4_url(url=url) == url


def test_either_spelling_of_an_extension_has_one_name() -> None:
    urls = (f"{CARE_CONNECT}ListWarningCode-1", f"{UK_CORE}ListWarningCode")
    assert [name_of(extension={"url": url}) for url in urls] == ["ListWarningCode"] * 2
    assert name_of(extension={"url": 7}) == ""


def test_the_chosen_description_of_a_code_is_an_id_and_a_term() -> None:
    parts = [
        {"url": "descriptionId", "valueId": "64176011"},
        {"url": "descriptionDisplay", "valueString": "High blood pressure"},
    ]
    url = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-coding-sctdescid"
    coding = {"code": "38341003", "extension": [{"url": url, "extension": parts}]}
    odd = {"code": "1", "extension": [{"url": url, "extension": [{"url": "other", "valueString": "kept"}]}]}
    resource = made("Observation", status="final", code={"coding": [coding, odd]}, subject=PATIENT).resource
    assert resource["code"]["coding"] == [
        {
            "code": "38341003",
            "extension": [
                {"url": "http://hl7.org/fhir/StructureDefinition/coding-sctdescid", "valueId": "64176011"},
                {"url": f"{UK_CORE}CodingSCTDescDisplay", "valueString": "High blood pressure"},
            ],
        },
        odd,
    ]


def language(code: str) -> dict[str, Any]:
    system = "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-HumanLanguage-1"
    return {"url": "language", "valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}


def test_a_patients_languages_are_elements_and_what_else_is_said_stays_with_each() -> None:
    url = f"{CARE_CONNECT}NHSCommunication-1"
    interpreter = {"url": "interpreterRequired", "valueBoolean": True}
    sent = [
        {"url": url, "extension": [language("gd"), {"url": "preferred", "valueBoolean": True}, interpreter]},
        {"url": url, "extension": [language("q4")]},
        {"url": url, "extension": [interpreter]},
    ]
    translation = made("Patient", extension=sent)
    first, second = translation.resource["communication"]
    assert first["language"]["coding"] == [{"system": "urn:ietf:bcp:47", "code": "gd"}]
    assert (first["preferred"], first["extension"]) == (True, [{"url": url, "extension": [interpreter]}])
    assert second["language"]["coding"][0]["system"].endswith("CareConnect-HumanLanguage-1")
    assert translation.resource["extension"] == [sent[2]]
    assert translation.notes == (
        "Patient.extension.extension.valueCodeableConcept.coding.system: BCP 47, where the code is from",
    )


def test_a_practitioners_language_is_an_element() -> None:
    sent = {"url": f"{CARE_CONNECT}NHSCommunication-1", "extension": [language("de")]}
    resource = made("Practitioner", extension=[sent]).resource
    assert resource["communication"] == [{"coding": [{"system": "urn:ietf:bcp:47", "code": "de"}]}]
    assert "extension" not in resource


def test_the_usual_values_of_extensions_are_the_same_in_both_releases() -> None:
    stu3, r4 = (shape_of(name="Basic", release=release) for release in (Release.STU3, Release.R4))
    assert stu3 is not None
    assert r4 is not None
    before, after = stu3.elements["extension"].shape.elements, r4.elements["extension"].shape.elements
    for name in USUAL_EXTENSION - {"extension"}:
        assert before[name].kind is after[name].kind
        if before[name].model is not None:
            assert keeps_its_shape(name=before[name].type_name, earlier=Release.STU3, later=Release.R4)


OTHER = {"url": "https://example.org/other", "valueString": "kept"}


@pytest.mark.parametrize(
    "sent",
    [
        {
            "url": f"{CARE_CONNECT}MedicationStatusReason-1",
            "extension": [{"url": "statusChangeDate", "valueDateTime": "2010-02-10"}],
        },
        {"url": f"{UK_CORE}MedicationRepeatInformation", "extension": ISSUED},
    ],
)
def test_an_extension_beside_one_that_becomes_an_element_stays(sent: dict[str, Any]) -> None:
    assert medicine(OTHER, sent).resource["extension"] == [OTHER, sent]


@pytest.mark.parametrize(
    ("kind", "members", "url"),
    [
        ("MedicationRequest", {"intent": "plan"}, f"{CARE_CONNECT}PrescriptionType-1"),
        ("AllergyIntolerance", {}, "http://hl7.org/fhir/StructureDefinition/encounter-associatedEncounter"),
        ("Immunization", {"date": "2019-05-01"}, f"{CARE_CONNECT}DateRecorded-1"),
    ],
)
def test_an_extension_with_a_value_of_another_type_stays(kind: str, members: dict[str, Any], url: str) -> None:
    sent = [{"url": url, "valueString": "x"}]
    resource = translate(resource={"resourceType": kind, "id": "1", **members, "extension": sent}).resource
    assert resource["extension"] == sent


def test_a_part_of_an_extension_that_is_there_twice_or_has_more_to_it_stays_in_it() -> None:
    reason = {"url": "statusReason", "valueCodeableConcept": {"text": "Nausea"}}
    url = f"{CARE_CONNECT}MedicationStatusReason-1"
    for second in ({**reason, "id": "second"}, {**reason, "valueCodeableConcept": {"text": "Rash"}}):
        whole = medicine({"url": url, "extension": [reason, second]}).resource
        assert whole["statusReason"] == {"text": "Nausea"}
        assert whole["extension"] == [{"url": url, "extension": [second]}]


@pytest.mark.parametrize("part", [{"url": "descriptionId", "valueString": "7"}, {"url": "other", "valueId": "7"}])
def test_a_description_in_a_form_that_is_not_known_stays(part: dict[str, Any]) -> None:
    odd = {"url": "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-coding-sctdescid", "extension": [part]}
    assert list(r4_coding(extension=odd)) == [odd]
    named = {**odd, "id": "d", "extension": [{"url": "descriptionId", "valueId": "7"}]}
    (description, rest) = r4_coding(extension=named)
    assert (description["valueId"], rest) == ("7", {"url": odd["url"], "id": "d"})


def test_what_else_a_person_is_said_to_be_stays_beside_the_languages() -> None:
    url = f"{CARE_CONNECT}NHSCommunication-1"
    interpreter = {"url": "interpreterRequired", "valueBoolean": True}
    unnamed = {"url": url, "extension": [interpreter]}
    spoken = {"url": url, "extension": [language("de"), interpreter]}
    said = "extension.extension.valueCodeableConcept.coding.system: BCP 47, where the code is from"
    for kind in ("Patient", "RelatedPerson"):
        members = {"patient": PATIENT} if kind == "RelatedPerson" else {}
        person = made(kind, extension=[OTHER, unnamed, spoken], **members)
        assert person.resource["extension"] == [OTHER, unnamed]
        assert len(person.resource["communication"]) == 1
        assert person.notes == (f"{kind}.{said}",)
    doctor = made("Practitioner", extension=[{**OTHER, "extension": [language("fr")]}, unnamed, spoken])
    assert doctor.resource["extension"] == [
        {**OTHER, "extension": [language("fr")]},
        unnamed,
        {"url": url, "extension": [interpreter]},
    ]
    assert len(doctor.resource["communication"]) == 1
    assert doctor.notes == (f"Practitioner.{said}",)


def test_an_extension_is_taken_by_its_name_and_not_by_its_value() -> None:
    other = {"url": "https://example.org/other", "valueReference": {"reference": "Encounter/e"}}
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "patient": PATIENT, "extension": [other]}
    resource = translate(resource=allergy).resource
    assert resource["extension"] == [other]
    assert "encounter" not in resource
