"""Checks the headers and the unsigned token of a GP Connect request, as a practice's system does.

Source: GP Connect 1.6, "Cross organisation audit and provenance" and "HTTP headers"; the checks of the Spine proxy.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping
from typing import Any

from simulator.gp_errors import SpineError
from simulator.organisations import ODS_SYSTEM, SDS_USER_SYSTEM
from simulator.wire import FHIR_JSON, decode

INTERACTION = "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1"
DOCUMENT_INTERACTION = "urn:nhs:names:services:gpconnect:documents:fhir:rest:read:binary-1"
ROLE_SYSTEM = "https://fhir.nhs.uk/Id/sds-role-profile-id"
TOKEN_LIFE_S = 300
CLOCK_SKEW_S = 60
REASONS = ("directcare", "migration")
CLAIMS = (
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "reason_for_request",
    "requested_scope",
    "requesting_device",
    "requesting_organization",
    "requesting_practitioner",
)


def check_headers(*, headers: Mapping[str, str], asid: str, interaction: str = INTERACTION) -> str:
    """Check the headers of a request for an interaction to the practice with this ASID, and return the trace id.

    Raises: SpineError.
    """
    # A read has no body, and so no type of one.
    for name in ("Accept", "Content-Type") if interaction == INTERACTION else ("Accept",):
        if headers.get(name, "").split(";")[0].strip() != FHIR_JSON:
            raise _bad(f"{name} is not {FHIR_JSON}")
    for name in ("Ssp-TraceID", "Ssp-From", "Ssp-To", "Ssp-InteractionID"):
        if not headers.get(name):
            raise _bad(f"{name} is missing")
    if asid and headers["Ssp-To"] != asid:
        raise SpineError(code="ASID_CHECK_FAILED", diagnostics="Ssp-To is not this practice's ASID")
    if headers["Ssp-InteractionID"] != interaction:
        raise SpineError(code="PARTYKEY_INTERACTION_CHECK_FAILED", diagnostics="Ssp-InteractionID is not offered here")
    try:
        uuid.UUID(headers["Ssp-TraceID"])
    except ValueError as error:
        raise _bad("Ssp-TraceID is not a UUID") from error
    return headers["Ssp-TraceID"]


def check_token(*, authorization: str, base_url: str, now: int) -> None:
    """Check the token of a request to the service at `base_url`.

    Unit: `now` is seconds since 1970.
    Raises: SpineError (BAD_REQUEST).
    """
    scheme, _, token = authorization.partition(" ")
    parts = token.split(".")
    if scheme != "Bearer" or len(parts) != 3:
        raise _bad("Authorization is not a bearer token of three parts")
    if parts[2]:
        raise _bad("the token does not end with a dot: it must not be signed")
    if _part(text=parts[0]) != {"alg": "none", "typ": "JWT"}:
        raise _bad("the token's header is not alg none, typ JWT")
    claims = _part(text=parts[1])
    for name in CLAIMS:
        if not claims.get(name):
            raise _bad(f"the token's claim {name} is missing")
    _check_times(claims=claims, now=now)
    _check_claims(claims=claims, base_url=base_url)


def _part(*, text: str) -> dict[str, Any]:
    try:
        held = decode(text=base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _bad("a part of the token is not base64url of JSON") from error
    if not isinstance(held, dict):
        raise _bad("a part of the token is not a JSON object")
    return held


def _check_times(*, claims: Mapping[str, Any], now: int) -> None:
    issued, expires = claims["iat"], claims["exp"]
    if type(issued) is not int or type(expires) is not int:
        raise _bad("iat and exp must be integers")
    if expires != issued + TOKEN_LIFE_S:
        raise _bad("exp is not iat + 300")
    if issued > now + CLOCK_SKEW_S or expires < now - CLOCK_SKEW_S:
        raise _bad("the token is not in force")


def _check_claims(*, claims: Mapping[str, Any], base_url: str) -> None:
    if str(claims["aud"]).rstrip("/") != base_url.rstrip("/"):
        raise _bad("aud is not the address of this service")
    if claims["reason_for_request"] not in REASONS:
        raise _bad("reason_for_request is neither directcare nor migration")
    if not str(claims["requested_scope"]).startswith("patient/*.read"):
        raise _bad("requested_scope is not patient/*.read")
    _check_resource(claims=claims, name="requesting_device", kind="Device", fields=("identifier", "model", "version"))
    _check_resource(claims=claims, name="requesting_organization", kind="Organization", fields=("identifier", "name"))
    _check_resource(
        claims=claims, name="requesting_practitioner", kind="Practitioner", fields=("id", "identifier", "name")
    )
    if ODS_SYSTEM not in _systems(resource=claims["requesting_organization"]):
        raise _bad("requesting_organization has no ODS code")
    practitioner = claims["requesting_practitioner"]
    if claims["sub"] != practitioner["id"]:
        raise _bad("sub is not requesting_practitioner.id")
    systems = _systems(resource=practitioner)
    if not {SDS_USER_SYSTEM, ROLE_SYSTEM} < systems:
        raise _bad("requesting_practitioner needs an SDS user id, a role profile id and a local user id")


def _check_resource(*, claims: Mapping[str, Any], name: str, kind: str, fields: tuple[str, ...]) -> None:
    held = claims[name]
    if not isinstance(held, dict) or held.get("resourceType") != kind:
        raise _bad(f"{name} is not a {kind}")
    for field in fields:
        if not held.get(field):
            raise _bad(f"{name} has no {field}")


def _systems(*, resource: Mapping[str, Any]) -> set[str]:
    return {str(i.get("system", "")) for i in resource["identifier"] if isinstance(i, dict) and i.get("value")}


def _bad(diagnostics: str, /) -> SpineError:
    return SpineError(code="BAD_REQUEST", diagnostics=diagnostics)
