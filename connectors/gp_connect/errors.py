"""What a practice's refusal means: Spine error code or HTTP status -> SourceError. Pure.

Source: GP Connect Access Record Structured 1.6, error handling guidance, "Error handling: Spine error codes".
"""

from __future__ import annotations

import msgspec

from connectors.contract.errors import Malformed, Refused, SourceError, Unreachable
from connectors.contract.outcomes import Reason
from connectors.gp_connect.xml_outcome import codes_in_xml
from fhir_data.access import JsonObject, listed, mapping, mappings, text

# PATIENT_NOT_FOUND also stands for a sensitive, inactive or unverified patient, so it is never "no record".
_REFUSED = {
    "PATIENT_NOT_FOUND": Reason.NOT_RELEASED,
    "NO_RECORD_FOUND": Reason.NOT_RELEASED,
    "NO_PATIENT_CONSENT": Reason.PATIENT_CONSENT,
    "NO_ORGANISATION_CONSENT": Reason.ORGANISATION_CONSENT,
    "NO_RELATIONSHIP": Reason.RELATIONSHIP,
    # The practice has switched the capability off.
    "ACCESS_DENIED": Reason.ORGANISATION_CONSENT,
    "ASID_CHECK_FAILED": Reason.CREDENTIALS,
    "PARTYKEY_INTERACTION_CHECK_FAILED": Reason.CREDENTIALS,
    "FOT_CHECK_FAILED": Reason.CREDENTIALS,
}
# What the practice did not accept in our request; REQUEST_REJECTED is for what only a change to our code can mend.
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
KNOWN_CODES = frozenset({*_REFUSED, *_REJECTED, *_TRANSIENT})


def outcome_in(body: bytes, /) -> JsonObject | None:
    """Return the OperationOutcome that a body is, None for any other body. Of one in XML only the codes are read."""
    try:
        resource = mapping(msgspec.json.decode(body))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        if b"<OperationOutcome" not in body:
            return None
        codings = [{"code": code} for code in codes_in_xml(body=body)]
        return {"issue": [{"details": {"coding": codings}}]} if codings else {}
    return resource if resource.get("resourceType") == "OperationOutcome" else None


def spine_codes(*, issues: object) -> tuple[str, ...]:
    """Return the error codes of the issues of an OperationOutcome, in the spelling of the specification.

    Their system is not looked at: real practices send the value set's.
    """
    details = (mapping(issue.get("details")) for issue in mappings(listed(issues)))
    codings = (coding for detail in details for coding in mappings(listed(detail.get("coding"))))
    return tuple(code for coding in codings if (code := "_".join(text(coding.get("code")).upper().split())))


def error_of(*, status: int, body: bytes) -> SourceError:
    """Return the failure that a response stands for. Its Spine codes say more than its status, so they come first.

    Of several codes a refusal counts before all others, since it is final. Where the body is no OperationOutcome,
    nothing shows that a practice was reached.
    """
    outcome = outcome_in(body)
    if status in NOT_THERE and outcome is None:
        return Unreachable(Reason.NO_FHIR_SERVER)
    codes = spine_codes(issues=(outcome or {}).get("issue"))
    if refusals := [_REFUSED[code] for code in codes if code in _REFUSED]:
        return Refused(refusals[0])
    for code in codes:
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
