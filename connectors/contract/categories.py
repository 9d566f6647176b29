"""The parts of a record, and to which of them an R4 resource belongs. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any


class RecordCategory(StrEnum):
    """The kinds of content in a record, as a section of the page and a unit of consent. Each item is in exactly one."""

    ALERTS = "alerts"
    ALLERGIES = "allergies"
    MEDICATIONS = "medications"
    PROBLEMS = "problems"
    ENCOUNTERS = "encounters"
    RESULTS = "results"
    OBSERVATIONS = "observations"
    PROCEDURES = "procedures"
    IMMUNISATIONS = "immunisations"
    DOCUMENTS = "documents"
    CARE_PLANS = "care-plans"
    REFERRALS = "referrals"
    APPOINTMENTS = "appointments"
    HISTORY = "history"  # family and social history
    OTHER = "other"  # clinical content of a type that has no section of its own
    SUPPORTING = "supporting"  # organisations, practitioners, places, medicines: what other items point to

    @property
    def is_clinical(self) -> bool:
        """Whether items of this category say something of the patient."""
        return self is not RecordCategory.SUPPORTING


CLINICAL_CATEGORIES = frozenset(category for category in RecordCategory if category.is_clinical)

# Each R4 type is in one category; a type not named is OTHER.
_TYPES: dict[RecordCategory, str] = {
    RecordCategory.ALERTS: "Flag DetectedIssue",
    RecordCategory.ALLERGIES: "AllergyIntolerance",
    RecordCategory.MEDICATIONS: "MedicationRequest MedicationStatement MedicationDispense MedicationAdministration",
    RecordCategory.PROBLEMS: "Condition",
    RecordCategory.ENCOUNTERS: "Encounter EpisodeOfCare",
    RecordCategory.RESULTS: "DiagnosticReport ImagingStudy",
    RecordCategory.OBSERVATIONS: "Observation",
    RecordCategory.PROCEDURES: "Procedure",
    RecordCategory.IMMUNISATIONS: "Immunization ImmunizationRecommendation",
    RecordCategory.DOCUMENTS: "DocumentReference DocumentManifest Composition Media Binary QuestionnaireResponse",
    RecordCategory.CARE_PLANS: "CarePlan CareTeam Goal",
    RecordCategory.REFERRALS: "ServiceRequest",
    RecordCategory.APPOINTMENTS: "Appointment AppointmentResponse",
    RecordCategory.HISTORY: "FamilyMemberHistory",
    RecordCategory.SUPPORTING: (
        "Organization OrganizationAffiliation Practitioner PractitionerRole Location HealthcareService Medication"
        " Substance Device Specimen Provenance RelatedPerson Endpoint Schedule Slot Questionnaire"
    ),
}

CATEGORY_OF_TYPE: dict[str, RecordCategory] = {
    name: category for category, names in _TYPES.items() for name in names.split()
}

# http://terminology.hl7.org/CodeSystem/observation-category; other codes leave an Observation among the observations.
_OBSERVATION_CATEGORIES = {
    "laboratory": RecordCategory.RESULTS,
    "imaging": RecordCategory.RESULTS,
    "social-history": RecordCategory.HISTORY,
}


def category_of(*, resource: dict[str, Any]) -> RecordCategory:
    """Return the part of the record to which an R4 resource belongs."""
    name = str(resource.get("resourceType", ""))
    if name == "Observation":
        for code in _codes(concepts=resource.get("category")):
            if code in _OBSERVATION_CATEGORIES:
                return _OBSERVATION_CATEGORIES[code]
    return CATEGORY_OF_TYPE.get(name, RecordCategory.OTHER)


def _codes(*, concepts: object) -> Iterable[str]:
    for concept in concepts if isinstance(concepts, list) else [concepts]:
        codings = concept.get("coding") if isinstance(concept, dict) else None
        for coding in codings if isinstance(codings, list) else []:
            if isinstance(coding, dict):
                yield str(coding.get("code", ""))
