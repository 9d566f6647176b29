"""Business identifiers, and NHS numbers among them. Pure."""

from __future__ import annotations

import re

import nhs_number

from fhir_data.access import JsonObject, mapping, mappings, text

NHS_NUMBER_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
# UK Core's, and those that older systems still send: another patient's number must be recognised under any of them.
_NHS_NUMBER_SYSTEMS = frozenset(
    {
        NHS_NUMBER_SYSTEM.casefold(),
        NHS_NUMBER_SYSTEM.casefold().replace("https:", "http:"),
        "http://fhir.nhs.net/id/nhs-number",
        "https://fhir.nhs.net/id/nhs-number",
        "urn:oid:2.16.840.1.113883.2.1.4.1",
    }
)
NO_TOKEN = ("", "")


def is_nhs_number_system(system: str, /) -> bool:
    """Whether an identifier of this system is an NHS number, whatever its letter case or a trailing slash."""
    return system.rstrip("/").casefold() in _NHS_NUMBER_SYSTEMS


def token_of(identifier: object, /) -> tuple[str, str]:
    """Return an Identifier as (system, value), NO_TOKEN for one without a value.

    An NHS number is given under UK Core's system and without spaces.
    """
    system, value = text(mapping(identifier).get("system")), text(mapping(identifier).get("value")).strip()
    if not value:
        return NO_TOKEN
    if is_nhs_number_system(system):
        return (NHS_NUMBER_SYSTEM, re.sub(r"[\s-]", "", value))
    return (system, value)


def is_nhs_number(identifier: object, /) -> bool:
    """Whether an Identifier is an NHS number."""
    return token_of(identifier)[0] == NHS_NUMBER_SYSTEM


def identifiers_of(patient: JsonObject, /) -> frozenset[tuple[str, str]]:
    """Return the business identifiers of a Patient, as `token_of` gives them."""
    return frozenset(map(token_of, mappings(patient.get("identifier")))) - {NO_TOKEN}


def nhs_numbers_of(patient: JsonObject, /) -> frozenset[str]:
    """Return the NHS numbers of a Patient, as ten digits or as they were sent."""
    return frozenset(value for system, value in identifiers_of(patient) if system == NHS_NUMBER_SYSTEM)


def is_sound_nhs_number(value: str, /) -> bool:
    """Whether a text is ten digits, and the last of them the check digit.

    Source: NHS Data Model and Dictionary, NHS NUMBER (Modulus 11).
    """
    return re.fullmatch(r"[0-9]{10}", value) is not None and bool(nhs_number.is_valid(value))


def is_test_nhs_number(value: str, /) -> bool:
    """Whether a text is an NHS number that is nobody's: none that begins with 9 is given to a patient.

    Source: NHS England, "NHS numbers for testing"; the numbers of the sandbox of PDS.
    """
    return is_sound_nhs_number(value) and value.startswith("9")
