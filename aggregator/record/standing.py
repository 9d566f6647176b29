"""How a resource stands, by the statuses of its type. Nothing listed means UNKNOWN, never active. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.categories import type_rules
from aggregator.record.reading import Resource, code_of, codings, concept_text
from aggregator.record.stated_absence import absence_of
from aggregator.record.timeline import Standing
from fhir_data.access import text
from fhir_data.retractions import ENTERED_IN_ERROR, says_in_error, texts_in

# Where a resource says how it stands, whatever its type: Goal and DocumentReference have a status of their own as well.
STATUS_ELEMENTS = ("status", "lifecycleStatus", "docStatus")
# What a heading, a tag or the section itself says already of what stands so.
PLAIN_STATUSES = frozenset("active inactive resolved completed final finished current fulfilled".split())
# What is only thought of. Source: FHIR R4, request-intent.
NOT_DECIDED = frozenset({"proposal", "option"})
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
# These say how sure it is, and leave how it stands to the clinical status.
OTHER_VERIFICATIONS = frozenset({"confirmed", "unconfirmed", "presumed", "provisional", "differential", "unknown"})
# Flags by which older releases, and systems that still write them, say that an act was not done.
# Source: FHIR DSTU2 and STU3, Immunization, Procedure, MedicationStatement, MedicationAdministration.
NOT_DONE_FLAGS = ("notGiven", "wasNotGiven", "notDone", "notPerformed", "wasNotTaken", "doNotPerform")


def standing_of(*, resource: Resource) -> Standing:
    """Return how a resource stands by itself. A retraction or a negation counts before anything else it says."""
    return standing_given(resource=resource, absence=absence_of(resource=resource))


def standing_given(*, resource: Resource, absence: Absence | None) -> Standing:
    """Return how a resource stands, given what it says to be absent."""
    if _is_taken_back(resource):
        return Standing.RETRACTED
    if verified := _verified(resource):
        return verified
    rules = type_rules(resource_type=text(resource.get("resourceType")))
    if absence and rules.absence and not rules.absence.by_code_alone:
        return Standing.NO_INFORMATION if absence.kind is AbsenceKind.NO_INFORMATION else Standing.NEGATED
    if any(resource.get(flag) is True for flag in NOT_DONE_FLAGS):
        return Standing.NEGATED
    if rules.statuses is not None:
        by_status = rules.statuses.get(text(resource.get("status")), Standing.UNKNOWN)
        is_undecided = by_status is Standing.ACTIVE and text(resource.get("intent")) in NOT_DECIDED
        return Standing.UNKNOWN if is_undecided else by_status
    standing = CLINICAL_STATUS.get(code_of(resource.get("clinicalStatus")), Standing.UNKNOWN)
    # It says how sure it is, in a way that cannot be read: it may be so no longer.
    return Standing.UNKNOWN if standing is Standing.ACTIVE and _is_unclear(resource) else standing


def may_be_in_error(*, resource: Resource) -> bool:
    """Return whether a resource seems to say that it was entered in error, in another way than the standard's."""
    if _is_taken_back(resource) or _verified(resource) is Standing.RETRACTED:
        return False
    stated = (resource.get(name) for name in (*STATUS_ELEMENTS, "clinicalStatus", "verificationStatus"))
    return any(says_in_error(words=words) for status in stated for words in texts_in(value=status))


def _is_taken_back(resource: Resource) -> bool:
    return any(resource.get(name) == ENTERED_IN_ERROR for name in STATUS_ELEMENTS)


def _verifications(resource: Resource) -> list[str]:
    status = resource.get("verificationStatus")
    return [status.strip()] if isinstance(status, str) else [code for _, code, _ in codings(status)]


def _is_unclear(resource: Resource) -> bool:
    """Return whether a resource says how far it is verified, but by no code that is known."""
    stated = resource.get("verificationStatus")
    says_something = bool(stated) and not (isinstance(stated, dict) and not concept_text(stated).strip())
    return says_something and OTHER_VERIFICATIONS.isdisjoint(_verifications(resource))


def _verified(resource: Resource) -> Standing | None:
    """Return how a resource stands by its verification alone: a retraction counts before a denial."""
    if "verificationStatus" not in resource:
        return None
    verified = {VERIFICATION_STATUS[code] for code in _verifications(resource) if code in VERIFICATION_STATUS}
    return max(verified, key=lambda standing: standing is Standing.RETRACTED, default=None)


def absence_that_holds(*, resource: Resource, absence: Absence | None) -> Absence | None:
    """Return what a resource still says to be absent: nothing once that is taken back, refuted or past.

    Nor where it says how it stands in a way that is not known: it may be any of these.
    """
    if absence is None:
        return None
    if _is_taken_back(resource):
        return None
    if _verified(resource) or may_be_in_error(resource=resource) or _is_unclear(resource):
        return None
    status = code_of(resource.get("clinicalStatus"))
    return None if status and CLINICAL_STATUS.get(status) is not Standing.ACTIVE else absence


def status_text(*, resource: Resource) -> str:
    """Return the status as its source wrote it."""
    parts = [
        *(text(resource.get(name)) for name in STATUS_ELEMENTS),
        code_of(resource.get("clinicalStatus")),
        code_of(resource.get("verificationStatus")),
    ]
    return ", ".join(part for part in parts if part)


def status_word(*, resource: Resource) -> str:
    """Return the status alone, without how far it is verified."""
    stated = (text(resource.get(name)) for name in ("status", "lifecycleStatus"))
    return next(filter(None, stated), "") or code_of(resource.get("clinicalStatus"))


def told_status(*, resource: Resource, standing: Standing, is_shown: bool) -> str:
    """Return the status in words where nothing else says it: that a procedure is in preparation, or a medicine on hold.

    `is_shown`: its standing is told, whatever it is, so that "unknown" is.
    """
    if standing in {Standing.NEGATED, Standing.RETRACTED, Standing.NO_INFORMATION}:
        return ""
    stated = dict.fromkeys([status_word(resource=resource), text(resource.get("docStatus"))])
    plain = PLAIN_STATUSES | {"unknown"} if is_shown else PLAIN_STATUSES
    return ", ".join(words for words in stated if words and words not in plain)
