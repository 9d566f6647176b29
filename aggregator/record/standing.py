"""How a resource stands, by the statuses of its type. Nothing listed means UNKNOWN, never active. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.categories import type_rules
from aggregator.record.reading import Resource, code_of
from aggregator.record.stated_absence import absence_of
from aggregator.record.timeline import Standing
from fhir_data.access import text

ENTERED_IN_ERROR = "entered-in-error"
# Source: FHIR R4, condition-clinical and allergyintolerance-clinical, and the two value sets of verification.
CLINICAL_STATUS: Mapping[str, Standing] = {
    "active": Standing.ACTIVE,
    "recurrence": Standing.ACTIVE,
    "relapse": Standing.ACTIVE,
    "inactive": Standing.PAST,
    "remission": Standing.PAST,
    "resolved": Standing.PAST,
}
VERIFICATION_STATUS: Mapping[str, Standing] = {"refuted": Standing.NEGATED, ENTERED_IN_ERROR: Standing.RETRACTED}
# Flags by which older releases, and systems that still write them, say that an act was not done.
# Source: FHIR DSTU2 and STU3, Immunization, Procedure, MedicationStatement, MedicationAdministration.
NOT_DONE_FLAGS = ("notGiven", "wasNotGiven", "notDone", "notPerformed", "wasNotTaken", "doNotPerform")


def standing_of(*, resource: Resource) -> Standing:
    """Return how a resource stands by itself. A retraction or a negation counts before anything else it says."""
    return standing_given(resource=resource, absence=absence_of(resource=resource))


def standing_given(*, resource: Resource, absence: Absence | None) -> Standing:
    """Return how a resource stands, given what it says to be absent."""
    if text(resource.get("status")) == ENTERED_IN_ERROR:
        return Standing.RETRACTED
    if verified := VERIFICATION_STATUS.get(code_of(resource.get("verificationStatus"))):
        return verified
    rules = type_rules(resource_type=text(resource.get("resourceType")))
    if absence and rules.absence and not rules.absence.by_code_alone:
        return Standing.NO_INFORMATION if absence.kind is AbsenceKind.NO_INFORMATION else Standing.NEGATED
    if any(resource.get(flag) is True for flag in NOT_DONE_FLAGS):
        return Standing.NEGATED
    if rules.statuses is not None:
        return rules.statuses.get(text(resource.get("status")), Standing.UNKNOWN)
    return CLINICAL_STATUS.get(code_of(resource.get("clinicalStatus")), Standing.UNKNOWN)


def absence_that_holds(*, resource: Resource, absence: Absence | None) -> Absence | None:
    """Return what a resource still says to be absent: nothing once that is taken back, refuted or past."""
    if text(resource.get("status")) == ENTERED_IN_ERROR:
        return None
    if code_of(resource.get("verificationStatus")) in VERIFICATION_STATUS:
        return None
    return None if CLINICAL_STATUS.get(code_of(resource.get("clinicalStatus"))) is Standing.PAST else absence


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
