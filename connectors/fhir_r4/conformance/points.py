"""What FHIR R4, SMART App Launch, IHE and UK Core demand of a server of patients' records. Pure."""

from __future__ import annotations

from connectors.contract.conformance import Point, PointLevel

HTTP = "https://hl7.org/fhir/R4/http.html"
SEARCH = "https://hl7.org/fhir/R4/search.html"
STATEMENT = "https://hl7.org/fhir/R4/capabilitystatement.html"
SMART = "https://hl7.org/fhir/smart-app-launch/STU2.2"
QEDM = "https://profiles.ihe.net/PCC/QEDm/PCC-44.html"
PDQM = "https://profiles.ihe.net/ITI/PDQm/ITI-78.html"
UK_CORE_PATIENT = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"
NHS_NUMBER = "https://www.datadictionary.nhs.uk/attributes/nhs_number.html"
RFC_9110 = "https://www.rfc-editor.org/rfc/rfc9110.html"


def _required(name: str, /, demand: str, clause: str, address: str) -> Point:
    return Point(id=name, level=PointLevel.REQUIRED, demand=demand, clause=clause, address=address)


def _recommended(name: str, /, demand: str, clause: str, address: str) -> Point:
    return Point(id=name, level=PointLevel.RECOMMENDED, demand=demand, clause=clause, address=address)


# What it says of itself, and how it speaks.
CAPABILITY_STATEMENT = _required(
    "capability-statement",
    "It says what it can do, at [base]/metadata",
    "FHIR R4, RESTful API, capabilities",
    f"{HTTP}#capabilities",
)
TLS = _required(
    "tls",
    "It encrypts, and its certificate is accepted",
    "FHIR R4, Security, Communications Security; SMART App Launch 2.2, TLS",
    "https://hl7.org/fhir/R4/security.html#http",
)
RELEASE = _required(
    "release", "Its statement says that it speaks release 4.0", "FHIR R4, CapabilityStatement.fhirVersion", STATEMENT
)
FORMAT = _required(
    "format", "Its statement names JSON among its formats", "FHIR R4, CapabilityStatement.format", STATEMENT
)
CONTENT_TYPE = _required(
    "content-type",
    "What it sends as JSON it calls application/fhir+json",
    "FHIR R4, RESTful API, Content Types and encodings",
    f"{HTTP}#mime-type",
)
ACCEPT = _recommended(
    "accept",
    "Asked for XML it sends XML, or says with 406 that it has none",
    "FHIR R4, RESTful API, Content Types and encodings (negotiation)",
    f"{HTTP}#mime-type",
)
GZIP = _recommended(
    "gzip", "It packs its answers, where it is told that it may", "RFC 9110, 12.5.3", f"{RFC_9110}#section-12.5.3"
)

# Who is let in.
TOKEN_REQUIRED = _required(
    "token-required",
    "It lets nobody in without a token",
    "SMART App Launch 2.2, Backend Services; RFC 6750, 3.1",
    f"{SMART}/backend-services.html",
)
SMART_CONFIGURATION = _required(
    "smart-configuration",
    "It says where tokens are given, at .well-known/smart-configuration",
    "SMART App Launch 2.2, Conformance",
    f"{SMART}/conformance.html",
)
SMART_BACKEND = _recommended(
    "smart-backend-services",
    "It says there that a system may sign for itself",
    "SMART App Launch 2.2, Conformance, Capability Sets",
    f"{SMART}/conformance.html",
)
TOKEN_SCOPE = _required(
    "token-scope",
    "It says with each token what that is for",
    "SMART App Launch 2.2, Backend Services, access token response",
    f"{SMART}/backend-services.html",
)

# Whether it does what it says, and says what it does not.
SEARCH_NOBODY = _required(
    "search-by-identifier",
    "It takes a search for a Patient by identifier, and finds nobody where there is nobody",
    "IHE PDQm, ITI-78; FHIR R4, Search",
    PDQM,
)
SEARCH_BY_POST = _recommended(
    "search-by-post",
    "It takes the same search by POST, which keeps the identifier out of the address",
    "IHE PDQm, ITI-78; FHIR R4, RESTful API, search",
    f"{HTTP}#search",
)
SELF_LINK = _required(
    "self-link",
    "A search's result has a self link, with what was searched for",
    "FHIR R4, Search, Server Conformance",
    f"{SEARCH}#conformance",
)
DECLARED_SEARCHES = _required(
    "declared-searches",
    "Every type that it says can be searched can be searched",
    "FHIR R4, CapabilityStatement.rest.resource.interaction",
    STATEMENT,
)
UNDECLARED_TYPE = _required(
    "undeclared-type",
    "A type that it does not declare is refused, and not answered as if there were nothing",
    "FHIR R4, RESTful API, search (404)",
    f"{HTTP}#search",
)
UNKNOWN_TYPE = _required(
    "unknown-type",
    "A type that FHIR does not have is a 404",
    "FHIR R4, RESTful API, HTTP Status Codes",
    f"{HTTP}#Status-Codes",
)
UNKNOWN_ID = _required("unknown-id", "An id that nothing bears is a 404", "FHIR R4, RESTful API, read", f"{HTTP}#read")
BAD_VALUE = _recommended(
    "bad-value",
    "A search whose value cannot be read is refused with 400",
    "FHIR R4, Search, Handling Errors",
    f"{SEARCH}#errors",
)
STRICT_HANDLING = _recommended(
    "strict-handling",
    "With Prefer: handling=strict, a search parameter that it does not know is refused",
    "FHIR R4, Search, Handling Errors",
    f"{SEARCH}#errors",
)
ERRORS_SAY_WHY = _required(
    "outcome-with-errors",
    "What it refuses, it refuses with an OperationOutcome",
    "FHIR R4, Search, Handling Errors; RESTful API, HTTP Status Codes",
    f"{SEARCH}#errors",
)
CLINICAL_TYPES = _recommended(
    "clinical-types",
    "It declares a search by patient for each clinical type of QEDm",
    "IHE QEDm, PCC-44 and the types of its options",
    QEDM,
)

# What it gives of a patient.
FINDS_PATIENT = _required(
    "finds-patient",
    "A search by the patient's identifier gives that Patient and no other",
    "IHE PDQm, ITI-78; FHIR R4, Patient search parameter identifier",
    PDQM,
)
READ_ID = _required(
    "read",
    "A read of the Patient gives a Patient with the id that was asked for",
    "FHIR R4, RESTful API, read",
    f"{HTTP}#read",
)
VERSION = _recommended(
    "version",
    "It says which version of a resource it gives: ETag, Last-Modified or meta.versionId",
    "FHIR R4, RESTful API, read; Managing Resource Contention",
    f"{HTTP}#read",
)
NHS_NUMBER_SYSTEM = _required(
    "nhs-number-system",
    "The NHS number stands under https://fhir.nhs.uk/Id/nhs-number",
    "UK Core Patient, identifier:nhsNumber.system",
    UK_CORE_PATIENT,
)
NHS_NUMBER_DIGITS = _required(
    "nhs-number-check-digit",
    "The NHS number is ten digits without spaces, and its check digit is right",
    "NHS Data Model and Dictionary, NHS NUMBER; UK Core Patient, identifier:nhsNumber.value",
    NHS_NUMBER,
)
NHS_NUMBER_STATUS = _recommended(
    "nhs-number-status",
    "The NHS number says whether it was verified",
    "UK Core Patient, identifier:nhsNumber, extension NHSNumberVerificationStatus",
    UK_CORE_PATIENT,
)
BY_PATIENT = _required(
    "search-by-patient",
    "A search by patient gives that patient's entries, of the type that was searched for",
    "IHE QEDm, PCC-44; FHIR R4, Search",
    QEDM,
)
COUNT = _required(
    "count", "No page holds more entries than _count asks for", "FHIR R4, Search, Page Count", f"{SEARCH}#count"
)
PAGING = _required(
    "paging",
    "Where a page is not all there is, next links lead through the rest, each entry once",
    "FHIR R4, RESTful API, Paging",
    f"{HTTP}#paging",
)
PAGES_WITHIN_BASE = _recommended(
    "pages-within-base",
    "Its next links stay under its own address, so that nobody is led elsewhere",
    "FHIR R4, RESTful API, Paging; Security",
    f"{HTTP}#paging",
)
TOTAL = _recommended(
    "total",
    "A search's result says how many there are, and there are so many",
    "FHIR R4, Bundle.total",
    "https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.total",
)
DECLARED_EVERYTHING = _required(
    "declared-everything",
    "Where it declares Patient/[id]/$everything, that gives the Patient and what belongs to them",
    "FHIR R4, Operation Patient-everything; CapabilityStatement.rest.resource.operation",
    "https://hl7.org/fhir/R4/patient-operation-everything.html",
)
PROVENANCE = _recommended(
    "provenance",
    "It says where entries come from, by _revinclude=Provenance:target",
    "IHE QEDm, Provenance Option; IHE mXDE",
    QEDM,
)
ENTRIES = _required(
    "entries",
    "Every entry that it gave is as the standard says",
    "FHIR R4, Validating Resources",
    "https://hl7.org/fhir/R4/validation.html",
)
