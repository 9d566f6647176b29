"""What is sent to a GP practice: headers, the unsigned token that names the user, and which areas are asked for. Pure.

Source: GP Connect Access Record Structured 1.6, "Retrieve a patient's structured record" and "Cross-organisation audit
and provenance".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed
from connectors.contract.outcomes import Reason
from connectors.contract.values import Asker, Identifier
from connectors.credentials import TLS_OPTIONS
from fhir_data.identifiers import NHS_NUMBER_SYSTEM, is_nhs_number_system

INTERACTION = "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1"
OPERATION = "Patient/$gpc.getstructuredrecord"
METADATA_INTERACTION = "urn:nhs:names:services:gpconnect:structured:fhir:rest:read:metadata-1"
METADATA = "metadata"
DOCUMENT_INTERACTION = "urn:nhs:names:services:gpconnect:documents:fhir:rest:read:binary-1"
MEDIA_TYPE = "application/fhir+json;charset=utf-8"
TOKEN_LIFE_S = 300  # exactly, says the specification

SDS_USER_ID_SYSTEM = "https://fhir.nhs.uk/Id/sds-user-id"
SDS_ROLE_SYSTEM = "https://fhir.nhs.uk/Id/sds-role-profile-id"
ODS_SYSTEM = "https://fhir.nhs.uk/Id/ods-organization-code"
NO_SMARTCARD = "UNK"

# The settings that a source may have.
OPTIONS: Mapping[str, str] = {
    "from_asid": "`Ssp-From`",
    "to_asid": "`Ssp-To`",
    "ods": "ODS code of the practice; for administrators, not sent",
    "consumer_url": "`iss` of the token, and the system of the device's and the user's local identifiers",
    "ssp_url": "address of the Spine Secure Proxy; put in front of the practice's address",
    "device_id": "identifier of the requesting device",
    "device_model": "model of the requesting device",
    "device_version": "version of the requesting device",
    **TLS_OPTIONS,
}

# The categories that each area of the interaction fills.
AREAS: Mapping[str, frozenset[RecordCategory]] = {
    "includeAllergies": frozenset({RecordCategory.ALLERGIES}),
    "includeMedication": frozenset({RecordCategory.MEDICATIONS}),
    "includeConsultations": frozenset({RecordCategory.ENCOUNTERS}),
    "includeProblems": frozenset({RecordCategory.PROBLEMS}),
    "includeImmunisations": frozenset({RecordCategory.IMMUNISATIONS}),
    "includeUncategorisedData": frozenset({RecordCategory.OBSERVATIONS}),
    "includeInvestigations": frozenset({RecordCategory.RESULTS}),
    "includeReferrals": frozenset({RecordCategory.REFERRALS}),
    "includeDiaryEntries": frozenset({RecordCategory.APPOINTMENTS}),
}
# Asking for either forbids the parts that would narrow the other areas.
_NARROWING = frozenset({"includeConsultations", "includeProblems"})


def area_words(*, area: str) -> str:
    """Return what an area is called in a sentence: "diary entries" for includeDiaryEntries."""
    return " ".join(re.findall("[A-Z][a-z]*", area)).lower()


def areas_for(*, categories: frozenset[RecordCategory]) -> tuple[str, ...]:
    """Return the areas to ask for, in the specification's order."""
    return tuple(area for area, filled in AREAS.items() if not filled.isdisjoint(categories))


def parameters(*, nhs_number: str, areas: tuple[str, ...]) -> bytes:
    """Return the Parameters body of one call.

    Only combinations that the specification allows: with consultations or problems, no area may be narrowed.
    """
    asked: list[dict[str, Any]] = [
        {"name": "patientNHSNumber", "valueIdentifier": {"system": NHS_NUMBER_SYSTEM, "value": nhs_number}}
    ]
    linked = not _NARROWING.isdisjoint(areas)
    for area in areas:
        parameter: dict[str, Any] = {"name": area}
        if area == "includeAllergies":
            parameter["part"] = [{"name": "includeResolvedAllergies", "valueBoolean": True}]
        elif area == "includeImmunisations" and not linked:
            parameter["part"] = [{"name": "includeNotGiven", "valueBoolean": True}]
        asked.append(parameter)
    return msgspec.json.encode({"resourceType": "Parameters", "parameter": asked})


def token(*, asker: Asker, options: Mapping[str, str], audience: str, now: int) -> str:
    """Return the unsigned JSON Web Token of one request; it ends with a dot.

    Unit: `now` is seconds since 1970.
    """
    claims = {
        "iss": options.get("consumer_url", ""),
        "sub": asker.user_id,
        "aud": audience,
        "exp": now + TOKEN_LIFE_S,
        "iat": now,
        "reason_for_request": "directcare",
        "requested_scope": "patient/*.read",
        "requesting_device": _device(options=options),
        "requesting_organization": _organisation(asker=asker),
        "requesting_practitioner": _practitioner(asker=asker, options=options),
    }
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."


def headers(
    *,
    asker: Asker,
    options: Mapping[str, str],
    audience: str,
    now: int,
    trace_id: UUID,
    interaction: str = INTERACTION,
) -> dict[str, str]:
    """Return the headers of one request."""
    return {
        "Accept": MEDIA_TYPE,
        "Content-Type": MEDIA_TYPE,
        "Ssp-TraceID": str(trace_id),
        "Ssp-From": options.get("from_asid", ""),
        "Ssp-To": options.get("to_asid", ""),
        "Ssp-InteractionID": interaction,
        "Authorization": f"Bearer {token(asker=asker, options=options, audience=audience, now=now)}",
    }


def behind_proxy(*, url: str, options: Mapping[str, str]) -> str:
    """Return an address at the practice, behind the Spine Secure Proxy where there is one."""
    proxy = options.get("ssp_url", "")
    return f"{proxy.rstrip('/')}/{url}" if proxy else url


def nhs_number_of(*, identifiers: tuple[Identifier, ...]) -> str | None:
    """Return the NHS number among the identifiers of a patient, as ten digits, or None.

    Raises: Malformed `request-rejected` when it is not ten digits, so that no practice is asked with it.
    """
    for identifier in identifiers:
        if is_nhs_number_system(identifier.system):
            digits = identifier.value.replace(" ", "").replace("-", "")
            if len(digits) != 10 or not (digits.isascii() and digits.isdigit()):
                raise Malformed(Reason.REQUEST_REJECTED)
            return digits
    return None


def _part(claims: Mapping[str, Any], /) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=").decode()


def _device(*, options: Mapping[str, str]) -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "identifier": [{"system": options.get("consumer_url", ""), "value": options.get("device_id", "longview")}],
        "model": options.get("device_model", "Longview"),
        "version": options.get("device_version", "0.1.0"),
    }


def _organisation(*, asker: Asker) -> dict[str, Any]:
    return {
        "resourceType": "Organization",
        "identifier": [{"system": ODS_SYSTEM, "value": asker.organisation_ods}],
        "name": asker.organisation_name,
    }


def _practitioner(*, asker: Asker, options: Mapping[str, str]) -> dict[str, Any]:
    name: dict[str, Any] = {"family": asker.family, "given": [asker.given]}
    if asker.prefix:
        name["prefix"] = [asker.prefix]
    return {
        "resourceType": "Practitioner",
        "id": asker.user_id,
        "identifier": [
            {"system": SDS_USER_ID_SYSTEM, "value": asker.sds_user_id or NO_SMARTCARD},
            {"system": SDS_ROLE_SYSTEM, "value": asker.sds_role_profile_id or NO_SMARTCARD},
            {"system": f"{options.get('consumer_url', '').rstrip('/')}/user-id", "value": asker.user_id},
        ],
        "name": [name],
    }
