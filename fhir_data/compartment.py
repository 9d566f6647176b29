"""FHIR's Patient compartment: which members say whose a resource is. Pure.

Source: FHIR R4, CompartmentDefinition "patient"; of each type the members that say whose it is, and not those that say
who performed or recorded it.
"""

from __future__ import annotations

from collections.abc import Mapping

_BY_MEMBER = {
    "subject": (
        "Account AdverseEvent Basic CarePlan CareTeam ChargeItem ClinicalImpression Communication CommunicationRequest"
        " Composition Condition DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference"
        " Encounter Flag Goal ImagingStudy Invoice List MeasureReport Media MedicationAdministration MedicationDispense"
        " MedicationRequest MedicationStatement Observation Procedure QuestionnaireResponse RequestGroup RiskAssessment"
        " ServiceRequest Specimen ProcedureRequest ReferralRequest"  # the last two are STU3's
    ),
    "patient": (
        "AllergyIntolerance BodyStructure Claim ClaimResponse Consent CoverageEligibilityRequest"
        " CoverageEligibilityResponse DetectedIssue EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory ImagingStudy"
        " Immunization ImmunizationEvaluation ImmunizationRecommendation MolecularSequence NutritionOrder RelatedPerson"
        " SupplyDelivery VisionPrescription BodySite EligibilityRequest ImagingManifest Sequence"  # the last four: STU3
    ),
    "beneficiary": "Coverage",
    "for": "Task",
    "individual": "ResearchSubject",
    "candidate": "EnrollmentRequest",
}
# Members that may name others than patients, and then do not say whose the entry is.
AMONG_OTHERS = {
    "Appointment": ("participant.actor",),
    "AppointmentResponse": ("actor",),
    "AuditEvent": ("entity.what", "agent.who"),
    "Binary": ("securityContext",),
    "Group": ("member.entity",),
    "Person": ("link.target",),
    "Provenance": ("target",),
    "Schedule": ("actor",),
    "SupplyRequest": ("deliverTo",),
}
# Types that support a record, and belong to nobody unless they name somebody.
MAY_NAME_NOBODY = frozenset({"Binary", "Provenance", "Schedule"})
# What other types call the patient to whom they belong, such as a device that somebody has.
ANY_MEMBER = ("subject", "patient", "beneficiary", "for", "individual", "candidate")
MEMBERS: Mapping[str, tuple[str, ...]] = {
    kind: tuple(member for member, kinds in _BY_MEMBER.items() if kind in kinds.split())
    for kinds in _BY_MEMBER.values()
    for kind in kinds.split()
}
COMPARTMENT = frozenset(MEMBERS) | frozenset(AMONG_OTHERS)


def members_naming_whose(*, kind: str) -> tuple[str, ...]:
    """Return the members in which a resource of a type says whose it is; none for a type that belongs to nobody."""
    return MEMBERS.get(kind, ())
