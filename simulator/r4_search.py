"""FHIR R4 search over one person's resources, in plain Python: what matches, what goes with it, and the pages.

Source: HL7 FHIR R4, "Search" and "Bundle"; IHE QEDm PCC-44 for Provenance by `_revinclude`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.wire import Resource, decode, encode

# Types that are about one patient, and so are searched by `patient`.
COMPARTMENT = frozenset(
    {
        "AllergyIntolerance",
        "Appointment",
        "CarePlan",
        "CareTeam",
        "Claim",
        "Condition",
        "Coverage",
        "Device",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "ExplanationOfBenefit",
        "FamilyMemberHistory",
        "Flag",
        "Goal",
        "ImagingStudy",
        "Immunization",
        "MedicationAdministration",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Procedure",
        "QuestionnaireResponse",
        "ServiceRequest",
    }
)
WITH_CATEGORY = frozenset({"Condition", "Observation", "DiagnosticReport", "CarePlan", "DocumentReference"})
TOKENS = {
    "category": "category",
    "code": "code",
    "status": "status",
    "type": "type",
    "clinical-status": "clinicalStatus",
}


class BadPage(ValueError):
    """A page token that this server did not issue."""


@dataclass(frozen=True, kw_only=True)
class PageToken:
    """Where the next page begins: whose record, which search, and from which match."""

    local_id: str
    query: Mapping[str, str]
    kind: str
    begin: int

    def written(self) -> str:
        """Return the token as it is written in a link: opaque to the client."""
        held = {"l": self.local_id, "q": dict(self.query), "k": self.kind, "b": self.begin}
        return base64.urlsafe_b64encode(encode(value=held)).rstrip(b"=").decode()


def read_token(*, text: str) -> PageToken:
    """Return the token in a link.

    Raises: BadPage.
    """
    try:
        held = decode(text=base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return PageToken(local_id=str(held["l"]), query=dict(held["q"]), kind=str(held["k"]), begin=int(held["b"]))
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise BadPage("no such page") from error


def searched_for(*, resources: Sequence[Resource], kind: str, query: Mapping[str, str]) -> list[Resource]:
    """Return the resources of one type that match a query (an AND of tokens; a comma is an OR)."""
    matching = [r for r in resources if r["resourceType"] == kind]
    if wanted := query.get("_id"):
        matching = [r for r in matching if r["id"] in wanted.split(",")]
    for parameter, field in TOKENS.items():
        if wanted := query.get(parameter):
            matching = [r for r in matching if _has_token(value=r.get(field), wanted=wanted)]
    return matching


def _has_token(*, value: Any, wanted: str) -> bool:
    """Return whether a value has one of these: `code`, `system|code`, `|code`, `system|`. Source: FHIR R4 search."""
    held = _tokens(value=value)
    for token in wanted.split(","):
        system, bar, code = token.rpartition("|")
        if any((not code or code == has) and (not bar or system == of) for of, has in held):
            return True
    return False


def _tokens(*, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [("", value)]
    if isinstance(value, list):
        return [token for member in value for token in _tokens(value=member)]
    codings = value.get("coding", ()) if isinstance(value, dict) else ()
    return [(coding.get("system", ""), coding.get("code", "")) for coding in codings]


def provenance_of(*, resources: Sequence[Resource], targets: Sequence[Resource]) -> list[Resource]:
    """Return the Provenance resources whose target is one of `targets`."""
    names = {f"{r['resourceType']}/{r['id']}" for r in targets}
    return [
        r
        for r in resources
        if r["resourceType"] == "Provenance" and any(target["reference"] in names for target in r["target"])
    ]


def searchset(
    *,
    base: str,
    matches: Sequence[Resource],
    included: Sequence[Resource],
    total: int,
    self_link: str,
    next_link: str,
) -> Resource:
    """Return one page of answers as a `searchset` Bundle."""
    links = [{"relation": "self", "url": self_link}]
    if next_link:
        links.append({"relation": "next", "url": next_link})
    entries = [(r, "match") for r in matches] + [(r, "include") for r in included]
    bundle: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": links,
        "entry": [
            {"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r, "search": {"mode": mode}}
            for r, mode in entries
        ],
    }
    if not entries:
        del bundle["entry"]
    return bundle


def capability_statement(
    *,
    name: str,
    base: str,
    types: Sequence[str],
    everything: bool,
    provenance: bool,
    today: str,
) -> Resource:
    """Return the CapabilityStatement of a server; the server does everything in it."""
    resources = [_capability_of(kind=kind, provenance=provenance) for kind in types if kind != "Binary"]
    for resource in resources:
        if resource["type"] == "Patient" and everything:
            resource["operation"] = [
                {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}
            ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": today,
        "kind": "instance",
        "software": {"name": "Simulator"},
        "implementation": {"description": name, "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": resources}],
    }


def _capability_of(*, kind: str, provenance: bool) -> Resource:
    parameters = [("_id", "token")]
    capability: Resource = {"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]}
    if kind == "Patient":
        parameters += [("identifier", "token"), ("family", "string"), ("given", "string"), ("birthdate", "date")]
    elif kind in COMPARTMENT:
        parameters.append(("patient", "reference"))
        parameters += [("category", "token")] if kind in WITH_CATEGORY else []
        if provenance:
            capability["searchRevInclude"] = ["Provenance:target"]
    capability["searchParam"] = [{"name": name, "type": of} for name, of in parameters]
    return capability
