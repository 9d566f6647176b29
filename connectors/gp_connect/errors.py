"""What a practice's refusal means: Spine error code or HTTP status -> SourceError. Pure.

Source: GP Connect 1.6, error handling; protocol facts, section 1, errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import Malformed, Refused, SourceError, Unreachable

# PATIENT_NOT_FOUND also stands for a sensitive, inactive or unverified patient, so it is never "no record".
_REFUSED = {
    "PATIENT_NOT_FOUND": "not-released",
    "NO_RECORD_FOUND": "not-released",
    "NO_PATIENT_CONSENT": "patient-consent",
    "NO_ORGANISATION_CONSENT": "organisation-consent",
    "NO_RELATIONSHIP": "relationship",
    # The practice has switched the capability off.
    "ACCESS_DENIED": "organisation-consent",
    "ACCESS DENIED": "organisation-consent",
    "ASID_CHECK_FAILED": "credentials",
    "PARTYKEY_INTERACTION_CHECK_FAILED": "credentials",
    "FOT_CHECK_FAILED": "credentials",
}
# What of our question the practice did not accept; "request-rejected" for what only a change of ours can mend.
_REJECTED = {
    "INVALID_NHS_NUMBER": "number-rejected",
    "INVALID_IDENTIFIER_SYSTEM": "number-rejected",
    "INVALID_IDENTIFIER_VALUE": "number-rejected",
    "INVALID_PATIENT_DEMOGRAPHICS": "demographics-rejected",
    "CONFLICTING_VALUES": "request-rejected",
    "BAD_REQUEST": "request-rejected",
    "ORGANISATION_NOT_FOUND": "request-rejected",
    "PRACTITIONER_NOT_FOUND": "request-rejected",
    "DUPLICATE_REJECTED": "request-rejected",
    "INVALID_RESOURCE": "request-rejected",
    "INVALID_PARAMETER": "request-rejected",
    "REFERENCE_NOT_FOUND": "request-rejected",
    "NOT_IMPLEMENTED": "request-rejected",
}
_TRANSIENT = {"INTERNAL_SERVER_ERROR": "status", "ERROR_COMMUNICATING_TO_ENDPOINT_URL": "gateway"}


def spine_codes(*, outcome: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the error codes of an OperationOutcome. The system is not looked at: real ones write the value set's."""
    found: list[str] = []
    issues = outcome.get("issue")
    for issue in issues if isinstance(issues, list) else []:
        details = issue.get("details") if isinstance(issue, dict) else None
        codings = details.get("coding") if isinstance(details, dict) else None
        found += [
            coding["code"]
            for coding in (codings if isinstance(codings, list) else [])
            if isinstance(coding, dict) and isinstance(coding.get("code"), str)
        ]
    return tuple(found)


def error_for(*, status: int, codes: tuple[str, ...]) -> SourceError:
    """Return the failure that a status and its Spine codes stand for; the codes say more, so they come first."""
    for code in codes:
        if code in _REFUSED:
            return Refused(_REFUSED[code])
        if code in _TRANSIENT:
            return Unreachable(_TRANSIENT[code])
        if code in _REJECTED:
            return Malformed(_REJECTED[code])
    if status in (401, 403):
        return Refused("credentials")
    if status in (502, 504):
        return Unreachable("gateway")
    if status in (408, 429, 500, 503):
        return Unreachable("status")
    if status in (400, 409, 422, 501):
        return Malformed("request-rejected")
    return Malformed("not-fhir")  # no practice's answer: a wrong address, or a page in its place
