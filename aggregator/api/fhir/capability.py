"""The CapabilityStatement: what this door does and nothing else; a test calls everything that it states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from aggregator.api.fhir.consent_codes import PROFILES
from aggregator.api.fhir.operation import Operation

VERSION = "0.1.0"
# When the statement last changed.
STATEMENT_DATE = "2026-11-28"
SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


# What can be done with AuditEvents: `audit_events.py` does it.
AUDIT_EVENT: dict[str, Any] = {
    "type": "AuditEvent",
    "documentation": "What was done in this service, the most recent first. `agent` is the id of a user; `date` takes "
    "ge and lt; `type` takes 110113 of DICOM, a security alert: that emergency access starts or ends.",
    "interaction": [{"code": "search-type"}],
    "searchParam": [
        {"name": "patient", "type": "reference"},
        {"name": "agent", "type": "reference"},
        {"name": "date", "type": "date"},
        {"name": "type", "type": "token"},
    ],
}

# What can be done with Consents: `consents.py` does it.
CONSENT: dict[str, Any] = {
    "type": "Consent",
    "supportedProfile": sorted(PROFILES.values()),
    "documentation": "A patient's decision about sharing. It is never changed: an update withdraws it, by the status "
    "inactive and otherwise as read; If-Match is honoured. Kinds of content are named by provision.class.",
    "interaction": [{"code": code} for code in ("create", "read", "search-type", "update")],
    "versioning": "versioned",
    "readHistory": False,
    "updateCreate": False,
    "conditionalCreate": False,
    "searchParam": [{"name": "patient", "type": "reference"}, {"name": "status", "type": "token"}],
}

# What can be done with Patients beside the operations: `patients.py` does it.
PATIENT: dict[str, Any] = {
    "type": "Patient",
    "documentation": "Who a patient is, from what all sources say. By GET search by _id alone; by POST also by "
    "identifier (an NHS number with its system), or by family and birthdate with given: surname and first name are "
    "compared as a whole, without regard to case and accents. A system is told only of patients whose record it may "
    "open.",
    "interaction": [{"code": "read"}, {"code": "search-type"}],
    "searchParam": [
        {"name": "_id", "type": "token"},
        {"name": "identifier", "type": "token"},
        {"name": "family", "type": "string"},
        {"name": "given", "type": "string"},
        {"name": "birthdate", "type": "date"},
    ],
}
# Types of which more is done than to call operations.
STATED: Mapping[str, dict[str, Any]] = {each["type"]: each for each in (AUDIT_EVENT, CONSENT, PATIENT)}


def capability_statement(*, base: str, operations: Iterable[Operation], token_address: str) -> dict[str, Any]:
    """Return the statement of the FHIR base at `base`; `operations` in order of their resource type.

    Source: FHIR R4 CapabilityStatement; HL7 SMART App Launch 2.2, "Conformance".
    """
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": STATEMENT_DATE,
        "kind": "instance",
        "software": {"name": "Longview", "version": VERSION},
        "implementation": {"description": "Longview shared care record", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Records are read only. What each source sent is returned as a resource of its own; "
                "entries that say the same carry the same meta.tag. Sources that did not answer are named in an "
                "OperationOutcome.",
                "security": _security(token_address=token_address),
                "resource": _resources(operations),
            }
        ],
    }


def _resources(operations: Iterable[Operation], /) -> list[dict[str, Any]]:
    """Return what can be done with each type, in alphabetical order."""
    called = {
        resource_type: [{"name": operation.name, "definition": operation.definition} for operation in of_type]
        for resource_type, of_type in groupby(operations, key=lambda operation: operation.resource_type)
    }
    return [
        {**STATED.get(name, {"type": name}), **({"operation": called[name]} if name in called else {})}
        for name in sorted({*STATED, *called})
    ]


def _security(*, token_address: str) -> dict[str, Any]:
    """Return who may ask: systems with a token, and the users of the pages."""
    return {
        "extension": [{"url": OAUTH_URIS, "extension": [{"url": "token", "valueUri": token_address}]}],
        "cors": False,
        "service": [{"coding": [{"system": SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}],
        "description": "An access token of SMART Backend Services, or the session of the pages; every call is audited.",
    }
