"""How a resource stands: each type's statuses as one small table. Nothing listed means UNKNOWN, never active. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.record.absence import Absence, AbsenceKind, absence_of
from aggregator.record.reading import Resource, code_of, text
from aggregator.record.timeline import Standing

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


# Flags by which older releases, and systems that still write them, say that an act was not done.
# Source: FHIR DSTU2 and STU3, Immunization, Procedure, MedicationStatement, MedicationAdministration.
NOT_DONE_FLAGS = ("notGiven", "wasNotGiven", "notDone", "notPerformed", "wasNotTaken", "doNotPerform")


def standing_of(*, resource: Resource) -> Standing:
    """Return how a resource stands by itself. A retraction or a negation counts before anything else it says."""
    return standing_given(resource=resource, absence=absence_of(resource=resource))


def standing_given(*, resource: Resource, absence: Absence | None) -> Standing:
    """Return how a resource stands, given what it says to be absent."""
    if text(resource.get("status")) == "entered-in-error":
        return RETRACTED
    verified = VERIFICATION_STATUS.get(code_of(resource.get("verificationStatus")))
    if verified:
        return verified
    kind = text(resource.get("resourceType"))
    if absence and kind != "Observation":
        return Standing.NO_INFORMATION if absence.kind is AbsenceKind.NO_INFORMATION else NEGATED
    if any(resource.get(flag) is True for flag in NOT_DONE_FLAGS):
        return NEGATED
    if kind in STATUS:
        return STATUS[kind].get(text(resource.get("status")), Standing.UNKNOWN)
    return CLINICAL_STATUS.get(code_of(resource.get("clinicalStatus")), Standing.UNKNOWN)


def holding_absence(*, resource: Resource, absence: Absence | None) -> Absence | None:
    """Return what a resource still says to be absent: nothing once that is taken back, refuted or past."""
    if text(resource.get("status")) == "entered-in-error":
        return None
    if code_of(resource.get("verificationStatus")) in VERIFICATION_STATUS:
        return None
    return None if CLINICAL_STATUS.get(code_of(resource.get("clinicalStatus"))) is PAST else absence


def no_known_allergy(*, resource: Resource) -> bool:
    """Return whether an AllergyIntolerance says that no allergy of any kind is known, and still says so."""
    absence = holding_absence(resource=resource, absence=absence_of(resource=resource))
    return (
        resource.get("resourceType") == "AllergyIntolerance"
        and absence is not None
        and absence.kind is AbsenceKind.NONE_KNOWN
    )


def status_text(*, resource: Resource) -> str:
    """Return the status as its source wrote it."""
    parts = [
        text(resource.get("status")),
        code_of(resource.get("clinicalStatus")),
        code_of(resource.get("verificationStatus")),
    ]
    return ", ".join(part for part in parts if part)


def status_word(*, resource: Resource) -> str:
    """Return the status alone, without how far it is verified."""
    return text(resource.get("status")) or code_of(resource.get("clinicalStatus"))
