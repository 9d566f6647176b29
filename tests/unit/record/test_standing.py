"""How a resource stands, by the statuses of its type. Source: FHIR R4, required bindings."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.standing import standing_of, status_text
from aggregator.record.timeline import Standing
from connectors.contract.categories import RecordCategory
from tests.factories import allergy, concept, condition, fact, no_known_allergy

# Every code of each R4 value set; what stands in no line is unknown.
R4_STATUSES = {
    "MedicationStatement": "active completed entered-in-error intended stopped on-hold unknown not-taken",
    "MedicationRequest": "active on-hold cancelled completed entered-in-error stopped draft unknown",
    "MedicationAdministration": "in-progress not-done on-hold completed entered-in-error stopped unknown",
    "MedicationDispense": (
        "preparation in-progress cancelled on-hold completed entered-in-error stopped declined unknown"
    ),
    "Immunization": "completed entered-in-error not-done",
    "Procedure": "preparation in-progress not-done on-hold stopped completed entered-in-error unknown",
    "Observation": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "DiagnosticReport": (
        "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown"
    ),
    "Encounter": "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
    "DocumentReference": "current superseded entered-in-error",
    "CarePlan": "draft active on-hold revoked completed entered-in-error unknown",
    "ServiceRequest": "draft active on-hold revoked completed entered-in-error unknown",
    "Appointment": ("proposed pending booked arrived fulfilled cancelled noshow entered-in-error checked-in waitlist"),
    "Flag": "active inactive entered-in-error",
    "FamilyMemberHistory": "partial completed entered-in-error health-unknown",
}
ACTIVE = {
    "MedicationStatement": "active on-hold intended",
    "MedicationRequest": "active on-hold",
    "MedicationAdministration": "in-progress",
    "MedicationDispense": "in-progress",
    "Procedure": "in-progress",
    "Encounter": "arrived in-progress",
    "CarePlan": "active on-hold",
    "ServiceRequest": "active on-hold",
    "Appointment": "booked arrived",
    "Flag": "active",
}
NEGATED = {
    "MedicationStatement": "not-taken",
    "MedicationAdministration": "not-done",
    "MedicationDispense": "declined",
    "Immunization": "not-done",
    "Procedure": "not-done",
    "Observation": "cancelled",
    "DiagnosticReport": "cancelled",
    "Encounter": "cancelled",
    "Appointment": "cancelled noshow",
}
EVERY_STATUS = [(kind, status) for kind, listed in R4_STATUSES.items() for status in listed.split()]


@pytest.mark.parametrize(("kind", "status"), EVERY_STATUS)
def test_each_status_of_each_type_stands_as_the_table_says(kind: str, status: str) -> None:
    found = standing_of(resource={"resourceType": kind, "status": status})
    assert (found is Standing.ACTIVE) == (status in ACTIVE.get(kind, "").split())
    assert (found is Standing.NEGATED) == (status in NEGATED.get(kind, "").split())
    assert (found is Standing.RETRACTED) == (status == "entered-in-error")


@pytest.mark.parametrize("kind", [*R4_STATUSES, "AllergyIntolerance", "Condition", "Goal", "Composition"])
@pytest.mark.parametrize("status", ["", "unknown", "nonsense", "ACTIVE", None, 7, ["active"]])
def test_what_is_not_listed_is_never_active(kind: str, status: Any) -> None:
    assert standing_of(resource={"resourceType": kind, "status": status}) is Standing.UNKNOWN


@pytest.mark.parametrize(
    ("clinical", "verified", "expected"),
    [
        ("active", "confirmed", Standing.ACTIVE),
        ("recurrence", "", Standing.ACTIVE),
        ("relapse", "provisional", Standing.ACTIVE),
        ("remission", "confirmed", Standing.PAST),
        ("resolved", "", Standing.PAST),
        ("inactive", "", Standing.PAST),
        ("", "confirmed", Standing.UNKNOWN),
        ("", "", Standing.UNKNOWN),
        ("active", "refuted", Standing.NEGATED),
        ("active", "entered-in-error", Standing.RETRACTED),
        ("active", " refuted", Standing.NEGATED),
        ("active", "entered-in-error ", Standing.RETRACTED),
        (" active", "", Standing.ACTIVE),
    ],
)
def test_a_problem_stands_by_both_of_its_statuses(clinical: str, verified: str, expected: Standing) -> None:
    said = {"clinicalStatus": concept(code=clinical), "verificationStatus": concept(code=verified)}
    assert standing_of(resource=condition(**said)) is expected
    assert standing_of(resource=allergy(**said)) is expected


def test_an_order_not_to_give_is_a_negation() -> None:
    assert standing_of(resource={"resourceType": "MedicationRequest", "status": "active", "doNotPerform": True}) is (
        Standing.NEGATED
    )


def test_a_retraction_comes_before_a_negation() -> None:
    retracted = {"resourceType": "MedicationRequest", "status": "entered-in-error", "doNotPerform": True}
    assert standing_of(resource=retracted) is Standing.RETRACTED


@pytest.mark.parametrize("code", ["716186003", " 716186003", "409137002", "428607008", "429625007", "428197003"])
def test_there_is_none_is_a_negation(code: str) -> None:
    assert standing_of(resource=allergy(code=code)) is Standing.NEGATED
    assert standing_of(resource=condition(code=code)) is Standing.ACTIVE


def test_only_the_statement_about_all_allergies_says_that_none_is_known() -> None:
    none_known = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.ALLERGIES)
    assert fact(resource=no_known_allergy()).absence == none_known
    assert fact(resource=allergy(code="409137002")).absence not in {none_known, None}
    assert fact(resource=allergy()).absence is None


@pytest.mark.parametrize(
    "members",
    [
        {"verificationStatus": concept(code="refuted")},
        {"verificationStatus": concept(code="entered-in-error")},
        {"clinicalStatus": concept(code="inactive")},
        {"clinicalStatus": concept(code="resolved")},
        {"clinicalStatus": concept(code="withdrawn")},
        {"clinicalStatus": "ended"},
        {"verificationStatus": concept(code="rejected")},
        {"verificationStatus": {"text": "no longer so"}},
    ],
)
def test_a_denial_that_no_longer_holds_says_nothing(members: dict[str, Any]) -> None:
    assert fact(resource=no_known_allergy(**members)).absence is None


def test_the_status_is_told_as_its_source_wrote_it() -> None:
    assert status_text(resource=condition(verificationStatus=concept(code="confirmed"))) == "active, confirmed"
    assert status_text(resource={"resourceType": "Procedure", "status": "not-done"}) == "not-done"
    assert status_text(resource={}) == ""
