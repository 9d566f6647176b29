"""The errors of a GP Connect provider: Spine code, HTTP status, FHIR issue code, and the OperationOutcome of each.

Source: GP Connect 1.6, "Error handling guidance"; the Spine proxy's own checks.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.wire import Resource

SPINE_SYSTEM = "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1"
OUTCOME_PROFILE = "https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-OperationOutcome-1"
# Spine code: HTTP status and FHIR issue code.
ERRORS: Mapping[str, tuple[int, str]] = {
    "BAD_REQUEST": (400, "invalid"),
    "INVALID_IDENTIFIER_SYSTEM": (400, "value"),
    "INVALID_IDENTIFIER_VALUE": (400, "value"),
    "INVALID_NHS_NUMBER": (400, "value"),
    "INVALID_PATIENT_DEMOGRAPHICS": (400, "invalid"),
    "CONFLICTING_VALUES": (400, "invalid"),
    "NO_PATIENT_CONSENT": (403, "forbidden"),
    "NO_ORGANISATION_CONSENT": (403, "forbidden"),
    "NO_RELATIONSHIP": (403, "forbidden"),
    "ACCESS DENIED": (403, "forbidden"),
    "ASID_CHECK_FAILED": (403, "forbidden"),
    "PARTYKEY_INTERACTION_CHECK_FAILED": (403, "forbidden"),
    "FOT_CHECK_FAILED": (403, "forbidden"),
    "PATIENT_NOT_FOUND": (404, "not-found"),
    "ORGANISATION_NOT_FOUND": (404, "not-found"),
    "PRACTITIONER_NOT_FOUND": (404, "not-found"),
    "NO_RECORD_FOUND": (404, "not-found"),
    "DUPLICATE_REJECTED": (409, "duplicate"),
    "INVALID_RESOURCE": (422, "invalid"),
    "INVALID_PARAMETER": (422, "invalid"),
    "REFERENCE_NOT_FOUND": (422, "invalid"),
    "INTERNAL_SERVER_ERROR": (500, "exception"),
    "NOT_IMPLEMENTED": (501, "not-supported"),
    "ERROR_COMMUNICATING_TO_ENDPOINT_URL": (502, "transient"),
}


class SpineError(Exception):
    """A request that the practice (or the Spine before it) refuses."""

    def __init__(self, *, code: str, diagnostics: str) -> None:
        super().__init__(f"{code}: {diagnostics}")
        self.code = code
        self.diagnostics = diagnostics
        self.status, self.issue = ERRORS.get(code, ERRORS["INTERNAL_SERVER_ERROR"])


def spine_outcome(*, code: str, diagnostics: str, issue: str, severity: str = "error") -> Resource:
    """Return a Spine code as an OperationOutcome."""
    return {
        "resourceType": "OperationOutcome",
        "meta": {"profile": [OUTCOME_PROFILE]},
        "issue": [
            {
                "severity": severity,
                "code": issue,
                "details": {
                    "coding": [{"system": SPINE_SYSTEM, "code": code, "display": code.replace("_", " ").title()}]
                },
                "diagnostics": diagnostics,
            }
        ],
    }


def not_supported(*, parameter: str) -> Resource:
    """Return the warning that a parameter was ignored, which goes into the Bundle of a successful answer."""
    return spine_outcome(code="NOT_IMPLEMENTED", diagnostics=parameter, issue="not-supported", severity="warning")
