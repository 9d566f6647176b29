"""To which part of a record a resource belongs."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.categories import RecordCategory, category_of

OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
CATEGORY_SYSTEM = "http://terminology.hl7.org/CodeSystem/observation-category"


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        ("Flag", "alerts"),
        ("AllergyIntolerance", "allergies"),
        ("MedicationStatement", "medications"),
        ("Condition", "problems"),
        ("Encounter", "encounters"),
        ("DiagnosticReport", "results"),
        ("Observation", "observations"),
        ("Procedure", "procedures"),
        ("Immunization", "immunisations"),
        ("DocumentReference", "documents"),
        ("CarePlan", "care-plans"),
        ("ServiceRequest", "referrals"),
        ("Appointment", "appointments"),
        ("FamilyMemberHistory", "history"),
        ("Practitioner", "supporting"),
        ("Provenance", "supporting"),
        ("List", "other"),
        ("Consent", "other"),
    ],
)
def test_each_type_is_in_one_category(kind: str, category: str) -> None:
    assert category_of(resource={"resourceType": kind}) == RecordCategory(category)


@pytest.mark.parametrize(
    ("code", "category"), [("laboratory", "results"), ("social-history", "history"), ("vital-signs", "observations")]
)
def test_an_observations_category_decides(code: str, category: str) -> None:
    concept = {"coding": [{"system": CATEGORY_SYSTEM, "code": code}]}
    assert category_of(resource=OBSERVATION | {"category": [concept]}) == RecordCategory(category)


@pytest.mark.parametrize("broken", [None, "x", [None], [{"coding": "x"}], {"coding": [{}]}, [{"coding": [7]}]])
def test_a_broken_category_is_no_crash(broken: Any) -> None:
    assert category_of(resource=OBSERVATION | {"category": broken}) is RecordCategory.OBSERVATIONS
