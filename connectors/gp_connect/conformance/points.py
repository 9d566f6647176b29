"""What GP Connect Access Record Structured demands of a practice's system. Pure."""

from __future__ import annotations

from connectors.contract.conformance import Point, PointLevel

_SITE = "https://developer.nhs.uk/apis/gpconnect-1-6-2"
RETRIEVE = f"{_SITE}/accessrecord_structured_development_retrieve_patient_record.html"
ERRORS = f"{_SITE}/development_fhir_error_handling_guidance.html"
API = f"{_SITE}/development_general_api_guidance.html"
FHIR_API = f"{_SITE}/development_fhir_api_guidance.html"
AUDIT = f"{_SITE}/integration_cross_organisation_audit_and_provenance.html"
STATEMENT = f"{_SITE}/foundations_use_case_get_the_fhir_capability_statement.html"
LISTS = f"{_SITE}/accessrecord_structured_development_list.html"
RESOURCES = f"{_SITE}/accessrecord_structured_development_resources_overview.html"
SECURITY = f"{_SITE}/development_api_security_guidance.html"
_GP_CONNECT = "GP Connect Access Record Structured 1.6.2"


def _required(name: str, /, demand: str, section: str, address: str) -> Point:
    clause = f"{_GP_CONNECT}, {section}"
    return Point(id=name, level=PointLevel.REQUIRED, demand=demand, clause=clause, address=address)


def _recommended(name: str, /, demand: str, section: str, address: str) -> Point:
    clause = f"{_GP_CONNECT}, {section}"
    return Point(id=name, level=PointLevel.RECOMMENDED, demand=demand, clause=clause, address=address)


CAPABILITY_STATEMENT = _required(
    "capability-statement",
    "It says what it can do, at [base]/metadata",
    "Get the FHIR capability statement",
    STATEMENT,
)
TLS = _required("tls", "It encrypts, and its certificate is accepted", "API security guidance", SECURITY)
RELEASE = _required(
    "release", "Its statement says that it speaks release 3.0.1", "Get the FHIR capability statement", STATEMENT
)
OPERATION = _required(
    "operation-declared",
    "Its statement declares gpc.getstructuredrecord",
    "Get the FHIR capability statement",
    STATEMENT,
)
GZIP = _recommended(
    "gzip", "It packs its answers, where it is told that it may", "FHIR API guidance, compression", FHIR_API
)

TOKEN_REQUIRED = _required(
    "token-required",
    "A request without a token is refused: 400, BAD_REQUEST",
    "Cross organisation audit and provenance; Malformed request errors",
    AUDIT,
)
TOKEN_EXPIRED = _required(
    "token-expired",
    "A token that has expired is refused: 400, BAD_REQUEST",
    "Cross organisation audit and provenance, JWT payload (exp)",
    AUDIT,
)
SSP_HEADERS = _required(
    "ssp-headers",
    "A request without one of Ssp-TraceID, Ssp-From, Ssp-To and Ssp-InteractionID is refused: 400, BAD_REQUEST",
    "Malformed request errors (an expected header is missing or invalid)",
    ERRORS,
)
INTERACTION = _recommended(
    "interaction-id",
    "A request with the id of another interaction is refused",
    "Malformed request errors; errors of the Spine Secure Proxy",
    ERRORS,
)

INVALID_NHS_NUMBER = _required(
    "invalid-nhs-number",
    "An NHS number with a wrong check digit is refused: 400, INVALID_NHS_NUMBER",
    "Retrieve a patient's structured record, error handling",
    RETRIEVE,
)
IDENTIFIER_SYSTEM = _required(
    "identifier-system",
    "A number of another system is refused: 400, INVALID_IDENTIFIER_SYSTEM",
    "Identity validation errors",
    ERRORS,
)
MISSING_NUMBER = _required(
    "missing-nhs-number",
    "A request that names nobody is refused: 422, INVALID_PARAMETER",
    "Retrieve a patient's structured record, error handling",
    RETRIEVE,
)
PATIENT_NOT_FOUND = _required(
    "patient-not-found",
    "A number that no patient there bears is refused: 404, PATIENT_NOT_FOUND",
    "Retrieve a patient's structured record, error handling",
    RETRIEVE,
)
MISSING_PART = _required(
    "missing-part",
    "includeAllergies without includeResolvedAllergies is refused: 422, INVALID_PARAMETER",
    "Retrieve a patient's structured record, error handling",
    RETRIEVE,
)
BOTH_PARTS = _required(
    "contradicting-parts",
    "consultationSearchPeriod beside includeNumberOfMostRecent is refused: 422, INVALID_RESOURCE",
    "Retrieve a patient's structured record, error handling",
    RETRIEVE,
)
RECORD_WITHHELD = _required(
    "record-withheld",
    "The record of a patient who has dissented to sharing it is refused: 403, NO_PATIENT_CONSENT",
    "Retrieve a patient's structured record, error handling",
    RETRIEVE,
)

RECORD = _required(
    "record",
    "A request for a patient is answered with 200 and a Bundle of the profile GPConnect-StructuredRecord-Bundle-1",
    "Retrieve a patient's structured record, payload response body",
    RETRIEVE,
)
CONTENT_TYPE = _required(
    "content-type", "What it sends as JSON it calls application/fhir+json", "FHIR API guidance, content types", FHIR_API
)
NO_STORE = _recommended(
    "no-store",
    "It says of a record that nobody may keep a copy on the way: Cache-Control: no-store",
    "Retrieve a patient's structured record, response headers",
    RETRIEVE,
)
TRACE_ID = _recommended(
    "trace-id",
    "The Bundle's id is the Ssp-TraceID of the request",
    "Resource population, Bundle",
    f"{_SITE}/accessrecord_structured_development_bundle.html",
)
PATIENT = _required(
    "patient",
    "The Bundle has one Patient, who bears the number that was asked for",
    "Retrieve a patient's structured record, payload response body",
    RETRIEVE,
)
AREAS = _required(
    "areas",
    "Each area that was asked for has its List, or an OperationOutcome that says why not",
    "Using lists to return data, primary lists",
    LISTS,
)
LISTS_IN_FORCE = _required(
    "lists-in-force",
    "Each primary List has status current and mode snapshot",
    "Resource population, List (status, mode)",
    LISTS,
)
EMPTY_LISTS = _required(
    "empty-lists",
    "A List of nothing says so: emptyReason no-content-recorded, with a note",
    "Resource population, List (emptyReason, note)",
    LISTS,
)
UNKNOWN_PARAMETER = _required(
    "unknown-parameter",
    "A parameter that it does not know is passed over, and an OperationOutcome beside the record says so",
    "Retrieve a patient's structured record, unsupported parameters",
    RETRIEVE,
)
WHOSE = _required(
    "subject",
    "Every entry refers to the Bundle's own Patient, and to no other",
    "Retrieve a patient's structured record, payload response body",
    RETRIEVE,
)
IDENTIFIERS = _required(
    "identifiers",
    "Every clinical entry has an identifier that stays the same",
    "Resource population, identifier",
    RESOURCES,
)
ENTRIES = _required(
    "entries",
    "Every entry is as FHIR STU3 says",
    "Retrieve a patient's structured record, payload response body; FHIR STU3, Validating Resources",
    "https://hl7.org/fhir/STU3/validation.html",
)
