"""The parts of a record, and to which of them an R4 resource belongs. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from fhir_data.access import listed, mappings, text


class RecordCategory(StrEnum):
    """The kinds of content in a record, as a section of the page and a unit of consent. Each item is in exactly one.

    `types` are the R4 types that belong to it. `observation_codes` are those by which an Observation does, of
    http://terminology.hl7.org/CodeSystem/observation-category; under any other it stays among the observations.
    """

    types: frozenset[str]
    observation_codes: frozenset[str]

    def __new__(cls, value: str, types: str = "", observation_codes: str = "") -> RecordCategory:
        member = str.__new__(cls, value)
        member._value_ = value
        member.types = frozenset(types.split())
        member.observation_codes = frozenset(observation_codes.split())
        return member

    ALERTS = "alerts", "Flag DetectedIssue"
    ALLERGIES = "allergies", "AllergyIntolerance"
    MEDICATIONS = "medications", "MedicationRequest MedicationStatement MedicationDispense MedicationAdministration"
    PROBLEMS = "problems", "Condition"
    ENCOUNTERS = "encounters", "Encounter EpisodeOfCare"
    RESULTS = "results", "DiagnosticReport ImagingStudy", "laboratory imaging"
    OBSERVATIONS = "observations", "Observation"
    PROCEDURES = "procedures", "Procedure"
    IMMUNISATIONS = "immunisations", "Immunization ImmunizationRecommendation"
    DOCUMENTS = "documents", "DocumentReference DocumentManifest Composition Media Binary QuestionnaireResponse"
    CARE_PLANS = "care-plans", "CarePlan CareTeam Goal"
    REFERRALS = "referrals", "ServiceRequest"
    APPOINTMENTS = "appointments", "Appointment AppointmentResponse"
    HISTORY = "history", "FamilyMemberHistory", "social-history"  # family and social history
    OTHER = "other"  # clinical content of a type that has no section of its own
    SUPPORTING = (  # what other items point to
        "supporting",
        (
            "Organization OrganizationAffiliation Practitioner PractitionerRole Location HealthcareService Medication"
            " Substance Device Specimen Provenance RelatedPerson Endpoint Schedule Slot Questionnaire"
        ),
    )
    BILLING = (  # no part of a care record: counted where it comes, and never asked for
        "billing",
        (
            "Account ChargeItem Claim ClaimResponse Coverage CoverageEligibilityRequest CoverageEligibilityResponse"
            " EnrollmentRequest EnrollmentResponse ExplanationOfBenefit InsurancePlan Invoice PaymentNotice"
            " PaymentReconciliation"
        ),
    )

    @property
    def is_clinical(self) -> bool:
        """Whether items of this category say something of the patient's health and care."""
        return not (self.is_supporting or self.is_billing)

    @property
    def is_supporting(self) -> bool:
        """Whether items of this category are there because others point to them."""
        return self is RecordCategory.SUPPORTING

    @property
    def is_billing(self) -> bool:
        """Whether items of this category are no part of a care record."""
        return self is RecordCategory.BILLING


CLINICAL_CATEGORIES = frozenset(category for category in RecordCategory if category.is_clinical)
_CATEGORY_OF_TYPE = {name: category for category in RecordCategory for name in category.types}
_CATEGORY_OF_CODE = {code: category for category in RecordCategory for code in category.observation_codes}
# What Observations may fill, as the category of each says.
OBSERVED_CATEGORIES = (RecordCategory.OBSERVATIONS, *dict.fromkeys(_CATEGORY_OF_CODE.values()))


def category_of_type(name: str, /) -> RecordCategory | None:
    """Return the category that an R4 type is named in, None for one that is named in none."""
    return _CATEGORY_OF_TYPE.get(name)


def category_of(*, resource: dict[str, Any]) -> RecordCategory:
    """Return the part of the record to which an R4 resource belongs."""
    name = str(resource.get("resourceType", ""))
    if name == "Observation":
        for code in _codes(resource.get("category")):
            if code in _CATEGORY_OF_CODE:
                return _CATEGORY_OF_CODE[code]
    return _CATEGORY_OF_TYPE.get(name, RecordCategory.OTHER)


def _codes(concepts: object) -> Iterable[str]:
    for concept in mappings(listed(concepts)):
        yield from (text(coding.get("code")) for coding in mappings(concept.get("coding")))
