"""What a practice's refusal means: Spine error code or HTTP status -> SourceError. Pure.

Source: GP Connect 1.6, error handling; protocol facts, section 1, errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.contract.errors import Malformed, Refused, SourceError, Unreachable
from connectors.contract.outcomes import Reason

# PATIENT_NOT_FOUND also stands for a sensitive, inactive or unverified patient, so it is never "no record".
_REFUSED = {
    "PATIENT_NOT_FOUND": Reason.NOT_RELEASED,
    "NO_RECORD_FOUND": Reason.NOT_RELEASED,
    "NO_PATIENT_CONSENT": Reason.PATIENT_CONSENT,
    "NO_ORGANISATION_CONSENT": Reason.ORGANISATION_CONSENT,
    "NO_RELATIONSHIP": Reason.RELATIONSHIP,
    # The practice has switched the capability off.
    "ACCESS_DENIED": Reason.ORGANISATION_CONSENT,
    "ACCESS DENIED": Reason.ORGANISATION_CONSENT,
    "ASID_CHECK_FAILED": Reason.CREDENTIALS,
    "PARTYKEY_INTERACTION_CHECK_FAILED": Reason.CREDENTIALS,
    "FOT_CHECK_FAILED": Reason.CREDENTIALS,
}
# What of our question the practice did not accept; "request-rejected" for what only a change of ours can mend.
_REJECTED = {
    "INVALID_NHS_NUMBER": Reason.NUMBER_REJECTED,
    "INVALID_IDENTIFIER_SYSTEM": Reason.NUMBER_REJECTED,
    "INVALID_IDENTIFIER_VALUE": Reason.NUMBER_REJECTED,
    "INVALID_PATIENT_DEMOGRAPHICS": Reason.DEMOGRAPHICS_REJECTED,
    "CONFLICTING_VALUES": Reason.REQUEST_REJECTED,
    "BAD_REQUEST": Reason.REQUEST_REJECTED,
    "ORGANISATION_NOT_FOUND": Reason.REQUEST_REJECTED,
    "PRACTITIONER_NOT_FOUND": Reason.REQUEST_REJECTED,
    "DUPLICATE_REJECTED": Reason.REQUEST_REJECTED,
    "INVALID_RESOURCE": Reason.REQUEST_REJECTED,
    "INVALID_PARAMETER": Reason.REQUEST_REJECTED,
    "REFERENCE_NOT_FOUND": Reason.REQUEST_REJECTED,
    "NOT_IMPLEMENTED": Reason.REQUEST_REJECTED,
}
# How any web server says that there is nothing at an address, or nothing to post to.
NOT_THERE = frozenset({404, 405, 410, 501})
_TRANSIENT = {"INTERNAL_SERVER_ERROR": Reason.STATUS, "ERROR_COMMUNICATING_TO_ENDPOINT_URL": Reason.GATEWAY}


def is_outcome(*, body: bytes) -> bool:
    """Whether an error body is an OperationOutcome, in JSON or in XML, which we do not read."""
    try:
        resource = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return b"<OperationOutcome" in body
    return isinstance(resource, dict) and resource.get("resourceType") == "OperationOutcome"


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


def error_for(*, status: int, codes: tuple[str, ...], is_outcome: bool = True) -> SourceError:
    """Return the failure that a status and its Spine codes stand for; the codes say more, so they come first.

    `is_outcome`: the codes are those of an OperationOutcome. Without one, nothing shows that a practice was reached.
    """
    if status in NOT_THERE and not is_outcome:
        return Unreachable(Reason.NO_FHIR_SERVER)
    for code in codes:
        if code in _REFUSED:
            return Refused(_REFUSED[code])
        if code in _TRANSIENT:
            return Unreachable(_TRANSIENT[code])
        if code in _REJECTED:
            return Malformed(_REJECTED[code])
    if status in (401, 403):
        return Refused(Reason.CREDENTIALS)
    if status in (502, 504):
        return Unreachable(Reason.GATEWAY)
    if status in (408, 429, 500, 503):
        return Unreachable(Reason.STATUS)
    if status in (400, 409, 422, 501):
        return Malformed(Reason.REQUEST_REJECTED)
    return Malformed(Reason.NOT_FHIR)  # no practice's answer: a wrong address, or a page in its place
