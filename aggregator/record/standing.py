"""How a resource stands: each type's statuses as one small table. Nothing listed means UNKNOWN, never active. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.record.reading import Resource, code_of, codings, text
from aggregator.record.timeline import Standing

# "No known allergy": a statement about all allergies. Source: SNOMED CT; GP Connect, allergies guidance.
NO_KNOWN_ALLERGY = frozenset({"716186003"})
# Statements that there is none of one kind: negations, but not of all allergies.
NO_KNOWN_ALLERGY_OF_A_KIND = frozenset({"409137002", "428607008", "429625007", "428197003"})

ACTIVE, PAST, NEGATED, RETRACTED = Standing.ACTIVE, Standing.PAST, Standing.NEGATED, Standing.RETRACTED

# Source: FHIR R4, the required bindings of each element named.
CLINICAL_STATUS: Mapping[str, Standing] = {
    "active": ACTIVE,
    "recurrence": ACTIVE,
    "relapse": ACTIVE,
    "inactive": PAST,
    "remission": PAST,
    "resolved": PAST,
}
VERIFICATION_STATUS: Mapping[str, Standing] = {"refuted": NEGATED, "entered-in-error": RETRACTED}
STATUS: Mapping[str, Mapping[str, Standing]] = {
    "MedicationStatement": {
        "active": ACTIVE,
        "on-hold": ACTIVE,
        "intended": ACTIVE,
        "completed": PAST,
        "stopped": PAST,
        "not-taken": NEGATED,
    },
    "MedicationRequest": {
        "active": ACTIVE,
        "on-hold": ACTIVE,
        "completed": PAST,
        "stopped": PAST,
        "cancelled": PAST,
    },
    "MedicationAdministration": {"in-progress": ACTIVE, "completed": PAST, "stopped": PAST, "not-done": NEGATED},
    "MedicationDispense": {"in-progress": ACTIVE, "completed": PAST, "stopped": PAST, "declined": NEGATED},
    "Immunization": {"completed": PAST, "not-done": NEGATED},
    "Procedure": {"in-progress": ACTIVE, "completed": PAST, "stopped": PAST, "not-done": NEGATED},
    "Observation": {"final": PAST, "amended": PAST, "corrected": PAST, "cancelled": NEGATED},
    "DiagnosticReport": {"final": PAST, "amended": PAST, "corrected": PAST, "appended": PAST, "cancelled": NEGATED},
    "Encounter": {"in-progress": ACTIVE, "arrived": ACTIVE, "finished": PAST, "cancelled": NEGATED},
    "DocumentReference": {"current": PAST, "superseded": PAST},
    "CarePlan": {"active": ACTIVE, "on-hold": ACTIVE, "completed": PAST, "revoked": PAST},
    "ServiceRequest": {"active": ACTIVE, "on-hold": ACTIVE, "completed": PAST, "revoked": PAST},
    "Appointment": {
        "booked": ACTIVE,
        "arrived": ACTIVE,
        "fulfilled": PAST,
        "cancelled": NEGATED,
        "noshow": NEGATED,
    },
    "Flag": {"active": ACTIVE, "inactive": PAST},
    "FamilyMemberHistory": {"completed": PAST, "partial": PAST},
}


def standing_of(*, resource: Resource) -> Standing:
    """Return how a resource stands. A retraction or a negation counts before anything else it says."""
    if text(resource.get("status")) == "entered-in-error":
        return RETRACTED
    verified = VERIFICATION_STATUS.get(code_of(resource.get("verificationStatus")))
    if verified:
        return verified
    if resource.get("doNotPerform") is True or allergy_denied(resource=resource):
        return NEGATED
    kind = text(resource.get("resourceType"))
    if kind in STATUS:
        return STATUS[kind].get(text(resource.get("status")), Standing.UNKNOWN)
    return CLINICAL_STATUS.get(code_of(resource.get("clinicalStatus")), Standing.UNKNOWN)


def allergy_denied(*, resource: Resource) -> bool:
    """Return whether an AllergyIntolerance says that there is no allergy, of any kind or of one kind."""
    return _has_code(resource, NO_KNOWN_ALLERGY | NO_KNOWN_ALLERGY_OF_A_KIND)


def no_known_allergy(*, resource: Resource) -> bool:
    """Return whether an AllergyIntolerance says that no allergy of any kind is known, and still says so."""
    return (
        _has_code(resource, NO_KNOWN_ALLERGY)
        and code_of(resource.get("verificationStatus")) not in VERIFICATION_STATUS
        and CLINICAL_STATUS.get(code_of(resource.get("clinicalStatus"))) is not PAST
    )


def status_text(*, resource: Resource) -> str:
    """Return the status as its source wrote it."""
    parts = [
        text(resource.get("status")),
        code_of(resource.get("clinicalStatus")),
        code_of(resource.get("verificationStatus")),
    ]
    return ", ".join(part for part in parts if part)


def _has_code(resource: Resource, wanted: frozenset[str]) -> bool:
    if resource.get("resourceType") != "AllergyIntolerance":
        return False
    return any(code in wanted for _, code, _ in codings(resource.get("code")))
