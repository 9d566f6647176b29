"""What a source says of the patient, whatever is at fault in it; whereabouts that are restricted are told by nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.record.patient_details import PatientDetails, PatientLabel, details_of_patient, is_restricted
from tests.factories import CONFIDENTIALITY

GP_COMMUNICATION = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-NHSCommunication-1"
ADDRESS = {"line": ["1 High Street"], "postalCode": "TM1 1AA", "use": "home", "period": {"start": "2020-01-01"}}


def told(*, restricted: bool = False, **members: Any) -> PatientDetails:
    patient = json.dumps({"resourceType": "Patient", **members}).encode()
    held = {"Practitioner/1": {"name": [{"prefix": ["Dr"], "family": "Ames"}]}, "Organization/1": {"name": "Millbeck"}}
    return details_of_patient(
        patient=patient, source_id="a", find=lambda name: held.get(name, {}), restricted=restricted
    )


@pytest.mark.parametrize("needed", [True, False])
def test_language_and_interpreter_come_first_whichever_way_they_are_sent(needed: bool) -> None:
    words = "An interpreter is needed" if needed else "No interpreter is needed"
    language = {"coding": [{"code": "fr", "display": "French"}]}
    parts = [
        {"url": "language", "valueCodeableConcept": language},
        {"url": "preferred", "valueBoolean": True},
        {"url": "modeOfCommunication", "valueCodeableConcept": {"text": "Received spoken"}},
        {"url": "interpreterRequired", "valueBoolean": needed},
    ]
    practice = told(maritalStatus={"text": "Married"}, extension=[{"url": GP_COMMUNICATION, "extension": parts}])
    assert practice.lines == (
        (PatientLabel.LANGUAGE, "French (Received spoken), preferred"),
        (PatientLabel.INTERPRETER, words),
        (PatientLabel.MARITAL_STATUS, "Married"),
    )
    flag = {"url": "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired", "valueBoolean": needed}
    hospital = told(communication=[{"language": language, "preferred": True}], extension=[flag])
    assert hospital.lines == ((PatientLabel.LANGUAGE, "French, preferred"), (PatientLabel.INTERPRETER, words))


def test_contacts_practice_names_and_addresses_are_told_with_their_periods() -> None:
    details = told(
        contact=[
            {
                "relationship": [{"text": "Daughter"}],
                "name": {"family": "Ferris", "given": ["Ann"]},
                "telecom": [{"value": "01632 960001", "use": "home"}],
            }
        ],
        generalPractitioner=[{"reference": "Practitioner/1"}, {"display": "Dr Boon"}],
        managingOrganization={"reference": "Organization/1"},
        name=[{"family": "Ferris", "given": ["Joan"]}, {"family": "Ames", "use": "maiden"}],
        address=[ADDRESS, {**ADDRESS, "use": "old", "period": {"end": "2019"}}],
    )
    assert details.lines == (
        (PatientLabel.CONTACT, "Ann Ferris; Daughter; 01632 960001 (home)"),
        (PatientLabel.GP, "Dr Ames"),
        (PatientLabel.GP, "Dr Boon"),
        (PatientLabel.PRACTICE, "Millbeck"),
        (PatientLabel.NAME, "Joan Ferris"),
        (PatientLabel.FORMER_NAME, "Ames (maiden)"),
        (PatientLabel.ADDRESS, "1 High Street, TM1 1AA (home, from 2020-01-01)"),
        (PatientLabel.FORMER_ADDRESS, "1 High Street, TM1 1AA (old, until 2019)"),
    )


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({"contact": "Ann, 01632 960001"}, (PatientLabel.CONTACT, "Ann, 01632 960001")),
        ({"contact": {"name": "Ann"}}, (PatientLabel.CONTACT, "Ann")),
        ({"address": "1 High Street"}, (PatientLabel.ADDRESS, "1 High Street")),
        ({"name": ["Joan Ferris"]}, (PatientLabel.NAME, "Joan Ferris")),
        ({"telecom": ["01632 960001"]}, (PatientLabel.TELECOM, "01632 960001")),
        ({"communication": ["French"]}, (PatientLabel.LANGUAGE, "French")),
        ({"maritalStatus": "Married"}, (PatientLabel.MARITAL_STATUS, "Married")),
        ({"pronouns": {"said": ["they"]}}, (PatientLabel.FURTHER, "pronouns: they")),
    ],
)
def test_what_is_at_fault_is_told_as_it_was_sent(members: dict[str, Any], line: tuple[PatientLabel, str]) -> None:
    assert told(**members).lines == (line,)


def test_a_member_that_cannot_be_read_costs_itself() -> None:
    patient = b'{"resourceType":"Patient","photo":[{"x":NaN}],"maritalStatus":{"text":"Married"}}'
    details = details_of_patient(patient=patient, source_id="a", find=lambda _: {}, restricted=False)
    assert details.lines == ((PatientLabel.MARITAL_STATUS, "Married"),)


@pytest.mark.parametrize(
    ("meta", "restricted"),
    [
        (b'{"security":[{"system":"%b","code":"U"}]}' % CONFIDENTIALITY.encode(), False),
        (b'{"versionId":"2"}', False),
        (b"null", False),
        (b'{"security":[{"system":"%b","code":"R"}]}' % CONFIDENTIALITY.encode(), True),
        (b'{"security":[{"code":"v "}]}', True),
        (b'{"security":{"code":"R"}}', True),
        (b'{"security":["R"]}', True),
        (b'{"security":[{"display":"restricted"}]}', True),
        (b'["R"]', True),
        (b'{"security":NaN}', True),
    ],
)
def test_a_patient_is_restricted_unless_the_label_can_be_read_and_says_otherwise(meta: bytes, restricted: bool) -> None:
    patient = b'{"resourceType":"Patient","meta":%b}' % meta
    assert is_restricted(patient=patient) is restricted


def test_restricted_details_tell_nobody_where_the_patient_is() -> None:
    details = told(
        restricted=True,
        address=[ADDRESS],
        telecom=[{"value": "1"}],
        contact=[{"name": {"text": "Ann"}}],
        generalPractitioner=[{"display": "Dr Ames"}],
        communication=[{"language": {"text": "French"}}],
        name=[{"text": "Joan Ferris"}],
        extension=[{"url": "https://x/NominatedPharmacy", "valueString": "Boots, High Street"}],
        unknown="1 High Street",
    )
    assert details.is_restricted
    assert details.lines == ((PatientLabel.LANGUAGE, "French"), (PatientLabel.NAME, "Joan Ferris"))
