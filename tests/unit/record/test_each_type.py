"""Each FHIR type is read by the rules of its category: what it is about, when it happened, how it stands, its lines.

The tables say it apart from the code. Source: FHIR R4, the definition of each type.
"""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.absence_words import absence_in_words
from aggregator.record.merge import merge
from aggregator.record.standing import standing_of
from aggregator.record.timeline import Standing
from connectors.contract.categories import RecordCategory
from tests.factories import fact, item

Json = dict[str, Any]

# The elements that say when a thing happened, best first.
HAPPENED = {
    "Flag": "period.start",
    "AllergyIntolerance": "onsetDateTime onsetPeriod.start",
    "MedicationStatement": "effectivePeriod.start effectiveDateTime",
    "MedicationRequest": "dispenseRequest.validityPeriod.start authoredOn",
    "MedicationAdministration": "effectiveDateTime effectivePeriod.start",
    "MedicationDispense": "whenHandedOver whenPrepared",
    "Condition": "onsetDateTime onsetPeriod.start",
    "Encounter": "period.start",
    "DiagnosticReport": "effectiveDateTime effectivePeriod.start",
    "Observation": "effectiveDateTime effectivePeriod.start effectiveInstant",
    "Procedure": "performedDateTime performedPeriod.start",
    "Immunization": "occurrenceDateTime",
    "DocumentReference": "context.period.start date",
    "CarePlan": "period.start created",
    "ServiceRequest": "occurrenceDateTime authoredOn",
    "Appointment": "start",
    "FamilyMemberHistory": "date",
}
# The elements that say what a thing is about, best first; `[]`: a list of them.
ABOUT = {
    "Flag": "code category[]",
    "AllergyIntolerance": "code",
    "MedicationStatement": "medicationCodeableConcept",
    "MedicationRequest": "medicationCodeableConcept",
    "MedicationAdministration": "medicationCodeableConcept",
    "MedicationDispense": "medicationCodeableConcept",
    "Condition": "code",
    "Encounter": "type[] serviceType class",
    "DiagnosticReport": "code",
    "Observation": "code",
    "Procedure": "code",
    "Immunization": "vaccineCode",
    "DocumentReference": "type category[]",
    "CarePlan": "title category[] description",
    "ServiceRequest": "code",
    "Appointment": "appointmentType serviceType[] description",
    "FamilyMemberHistory": "relationship",
}
# Before every heading of a type: wherever it is mentioned, it is not the patient's own.
LEADS = {"FamilyMemberHistory": "Family history: "}
WORDS = frozenset({"title", "description"})  # the elements that are plain text
PAST = {
    "MedicationStatement": "completed stopped",
    "MedicationRequest": "completed stopped cancelled",
    "MedicationAdministration": "completed stopped",
    "MedicationDispense": "completed stopped",
    "Immunization": "completed",
    "Procedure": "completed stopped",
    "Observation": "final amended corrected",
    "DiagnosticReport": "final amended corrected appended",
    "Encounter": "finished",
    "DocumentReference": "current superseded",
    "CarePlan": "completed revoked",
    "ServiceRequest": "completed revoked",
    "Appointment": "fulfilled",
    "Flag": "inactive",
    "FamilyMemberHistory": "completed partial",
}
NEGATIONS = {
    "MedicationStatement": ("not-taken", "Not taken"),
    "MedicationAdministration": ("not-done", "Not given"),
    "MedicationDispense": ("declined", "Not dispensed"),
    "Immunization": ("not-done", "Not given"),
    "Procedure": ("not-done", "Not done"),
    "Observation": ("cancelled", "Cancelled"),
    "DiagnosticReport": ("cancelled", "Cancelled"),
    "Encounter": ("cancelled", "Cancelled"),
    "Appointment": ("noshow", "Did not take place"),
}


def pairs(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(kind, word) for kind, words in table.items() for word in words.split()]


def holding(kind: str, paths: dict[str, Any]) -> Json:
    """Return a resource that holds these values, each under its path."""
    resource: Json = {"resourceType": kind}
    for path, value in paths.items():
        *parents, name = path.split(".")
        element = resource
        for parent in parents:
            element = element.setdefault(parent, {})
        element[name] = value
    return resource


def subject(name: str, words: str) -> Any:
    if name.removesuffix("[]") in WORDS:
        return words
    concept = {"coding": [{"display": words}], "display": words}
    return [concept] if name.endswith("[]") else concept


@pytest.mark.parametrize(("kind", "path"), pairs(HAPPENED))
def test_each_element_that_says_when_dates_the_thing(kind: str, path: str) -> None:
    read = fact(resource=holding(kind, {path: "2024-05-01"}))
    assert read.event_date
    assert read.event_date.text == "2024-05-01"


@pytest.mark.parametrize("kind", HAPPENED)
def test_the_best_element_that_says_when_is_taken(kind: str) -> None:
    paths = HAPPENED[kind].split()
    read = fact(resource=holding(kind, {path: f"202{place}-05-01" for place, path in enumerate(paths)}))
    assert read.event_date
    assert read.event_date.text == "2020-05-01"


@pytest.mark.parametrize(("kind", "name"), pairs(ABOUT))
def test_each_element_that_says_what_it_is_about_heads_the_thing(kind: str, name: str) -> None:
    resource = holding(kind, {name.removesuffix("[]"): subject(name, "In its words")})
    assert fact(resource=resource).heading == f"{LEADS.get(kind, '')}In its words"


@pytest.mark.parametrize("kind", ABOUT)
def test_the_best_element_that_says_what_it_is_about_is_taken(kind: str) -> None:
    names = ABOUT[kind].split()
    resource = holding(kind, {name.removesuffix("[]"): subject(name, name) for name in names})
    assert fact(resource=resource).heading == f"{LEADS.get(kind, '')}{names[0]}"


@pytest.mark.parametrize(("kind", "status"), pairs(PAST))
def test_what_is_over_stands_as_past(kind: str, status: str) -> None:
    assert standing_of(resource={"resourceType": kind, "status": status}) is Standing.PAST


@pytest.mark.parametrize(("kind", "status", "words"), [(kind, *said) for kind, said in NEGATIONS.items()])
def test_what_is_denied_says_so_in_the_words_of_its_type(kind: str, status: str, words: str) -> None:
    name = ABOUT[kind].split()[0]
    resource = holding(kind, {name.removesuffix("[]"): subject(name, "That"), "status": status})
    assert fact(resource=resource).heading == f"{words}: That"


@pytest.mark.parametrize(
    ("resource", "lines"),
    [
        (
            {
                "resourceType": "Encounter",
                "class": {"display": "ambulatory"},
                "period": {"start": "2024-05-01"},
                "reasonCode": [{"text": "Cough"}, {"text": "Fever"}],
                "location": [{"location": {"display": "Ward 4"}}],
            },
            (("Class", "ambulatory"), ("When", "from 2024-05-01"), ("Reason", "Cough, Fever"), ("Place", "Ward 4")),
        ),
        (
            {
                "resourceType": "DocumentReference",
                "description": "Discharge letter",
                "content": [{"attachment": {"contentType": "application/pdf"}}],
            },
            (("About", "Discharge letter"), ("Format", "PDF")),
        ),
        (
            {"resourceType": "DiagnosticReport", "conclusion": "Normal", "conclusionCode": [{"text": "No change"}]},
            (("Conclusion", "Normal"), ("Conclusion code", "No change")),
        ),
        (
            {
                "resourceType": "FamilyMemberHistory",
                "relationship": {"text": "Mother"},
                "condition": [{"code": {"text": "Asthma"}}],
            },
            (("Relative", "Mother"), ("Condition", "Asthma")),
        ),
        (
            {"resourceType": "Appointment", "start": "2024-05-01T09:00:00Z", "description": "Review"},
            (("When", "2024-05-01T09:00:00Z"), ("About", "Review")),
        ),
        (
            {
                "resourceType": "Procedure",
                "performedPeriod": {"start": "2024-05-01", "end": "2024-05-02"},
                "reasonCode": [{"text": "Pain"}],
                "outcome": {"text": "Successful"},
                "note": [{"text": "No drain"}],
            },
            (
                ("When", "2024-05-01 to 2024-05-02"),
                ("Reason", "Pain"),
                ("Outcome", "Successful"),
                ("Note", "No drain"),
            ),
        ),
    ],
    ids=lambda value: value["resourceType"] if isinstance(value, dict) else "",
)
def test_the_lines_of_a_type_tell_what_matters_of_it(resource: Json, lines: tuple[tuple[str, str], ...]) -> None:
    assert fact(resource=resource).details == lines


def test_a_relatives_condition_heads_the_history_and_is_its_concept() -> None:
    asthma = {"coding": [{"system": "http://snomed.info/sct", "code": "195967001", "display": "Asthma"}]}
    resource = {
        "resourceType": "FamilyMemberHistory",
        "relationship": {"text": "Mother"},
        "condition": [{"code": asthma}],
    }
    read = fact(resource=resource)
    assert read.heading == "Family history: Asthma"
    assert read.concepts == {"http://snomed.info/sct|195967001"}


# Statements that there is nothing


@pytest.mark.parametrize(
    ("resource", "about"),
    [
        ({"resourceType": "Flag", "status": "active", "code": {"text": "No known alerts"}}, RecordCategory.ALERTS),
        (
            {"resourceType": "DeviceUseStatement", "status": "active", "device": {"display": "No known devices"}},
            RecordCategory.OTHER,
        ),
    ],
)
def test_alerts_and_devices_can_be_denied(resource: Json, about: RecordCategory) -> None:
    read = fact(resource=resource)
    assert read.absence == Absence(kind=AbsenceKind.NONE_KNOWN, about=about)
    assert read.standing is Standing.NEGATED


def test_unknown_allergies_are_not_known_and_an_unknown_allergy_is_one() -> None:
    silent = Absence(kind=AbsenceKind.NO_INFORMATION, about=RecordCategory.ALLERGIES)
    for words in ("Unknown allergies", "unknown intolerances", "Unknown drug sensitivities", "unknown reactions"):
        assert absence_in_words(words=words, about=RecordCategory.ALLERGIES) == silent
    assert absence_in_words(words="Unknown allergy", about=RecordCategory.ALLERGIES) is None


# Order

LASTING = {"Flag", "AllergyIntolerance", "Condition", "CarePlan"}


@pytest.mark.parametrize("kind", [*PAST, "Condition", "AllergyIntolerance"])
def test_lasting_things_stand_before_what_is_over_and_events_by_their_date(kind: str) -> None:
    """What is dated earlier and may stand yet comes first only among plans, problems, medicines, allergies, alerts."""
    path = HAPPENED[kind].split()[0]
    over = (
        {"clinicalStatus": {"coding": [{"code": "resolved"}]}}
        if kind not in PAST
        else {"status": PAST[kind].split()[0]}
    )
    unsaid, past = holding(kind, {path: "2001-01-01"}), holding(kind, {path: "2024-01-01"}) | over
    (section,) = merge(items=[item(resource=resource) for resource in (past, unsaid)]).sections
    dates = [entry.date.text for entry in section.entries if entry.date]
    is_lasting = kind in LASTING or kind.startswith("Medication")
    assert dates == (["2001-01-01", "2024-01-01"] if is_lasting else ["2024-01-01", "2001-01-01"])
