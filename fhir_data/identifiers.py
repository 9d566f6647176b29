"""Business identifiers, and NHS numbers among them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NHS_NUMBER_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"

# The one that UK Core names, and those that older systems still send: a stranger's number is one under any of them.
_NHS_NUMBER_SYSTEMS = frozenset(
    {
        NHS_NUMBER_SYSTEM.casefold(),
        NHS_NUMBER_SYSTEM.casefold().replace("https:", "http:"),
        "http://fhir.nhs.net/id/nhs-number",
        "https://fhir.nhs.net/id/nhs-number",
        "urn:oid:2.16.840.1.113883.2.1.4.1",
    }
)


def is_nhs_number_system(system: str, /) -> bool:
    """Whether an identifier of this system is an NHS number, whatever its letter case or a slash at its end."""
    return system.rstrip("/").casefold() in _NHS_NUMBER_SYSTEMS


def identifiers(patient: Mapping[str, Any], /) -> frozenset[tuple[str, str]]:
    """Return the business identifiers of a Patient, as (system, value); an NHS number under its one system and without
    its spaces."""
    listed = patient.get("identifier")
    found = (token(one) for one in (listed if isinstance(listed, list) else []))
    return frozenset(token for token in found if token != ("", ""))


def nhs_numbers(patient: Mapping[str, Any], /) -> frozenset[str]:
    """Return the NHS numbers of a Patient, as ten digits or as they were sent."""
    return frozenset(value for system, value in identifiers(patient) if system == NHS_NUMBER_SYSTEM)


def token(identifier: object, /) -> tuple[str, str]:
    """Return an Identifier as (system, value), ("", "") for one without a value."""
    if not isinstance(identifier, dict):
        return ("", "")
    system, value = identifier.get("system"), identifier.get("value")
    if not isinstance(value, str) or not value.strip():
        return ("", "")
    system = system if isinstance(system, str) else ""
    if is_nhs_number_system(system):
        return (NHS_NUMBER_SYSTEM, re.sub(r"[\s-]", "", value))
    return (system, value.strip())


def is_nhs_number(identifier: object, /) -> bool:
    """Whether an Identifier is an NHS number."""
    return token(identifier)[0] == NHS_NUMBER_SYSTEM
