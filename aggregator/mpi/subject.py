"""A FHIR R4 Patient, as a source sends it -> Demographics. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from aggregator.mpi.death import read_death
from aggregator.mpi.demographics import Demographics, part_of_date, valid_nhs_number, whole_date
from fhir_data.access import JsonObject, listed, mapping, mappings, text, texts
from fhir_data.identifiers import is_nhs_number_system

VERIFICATION_EXTENSIONS = (
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
    "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-NHSNumberVerificationStatus-1",
)
NAME_RANKS = {"official": 0, "usual": 1, "": 2, "temp": 3, "nickname": 4, "anonymous": 5, "maiden": 6, "old": 7}
UNKNOWN_USE_RANK = 5


def demographics_of_patient(*, patient: bytes, today: date | None = None) -> Demographics:
    """Return the demographics of a Patient: the current NHS number, the best current name, the first current address.

    A name in parts comes before one that is a text alone. A member of the wrong JSON type is ignored, and nothing else.
    What is marked old, or whose period is over at `today`, is not current; without `today` a period that has an end is
    over.
    Source: UK Core Patient (FHIR R4).
    """
    try:
        parsed = mapping(msgspec.json.decode(patient))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        parsed = {}
    numbers = _current_numbers(parsed, today=today)
    name = _best_name(_objects(parsed, "name"), today=today)
    address = next((own for own in _objects(parsed, "address") if _is_current(own, today=today)), {})
    phones = (text(contact.get("value")) for contact in _objects(parsed, "telecom") if contact.get("system") == "phone")
    deceased, death_date = read_death(boolean=parsed.get("deceasedBoolean"), moment=parsed.get("deceasedDateTime"))
    return Demographics(
        nhs_number=text(numbers[0].get("value")) if numbers else "",
        nhs_number_status=_status_of(numbers[0]) if numbers else "",
        further_numbers=tuple(text(number.get("value")) for number in numbers[1:]),
        family=text(name.get("family")),
        given=" ".join(_strings(name, "given")),
        name_text="" if _has_parts(name) else text(name.get("text")),
        birth_date=whole_date(text=text(parsed.get("birthDate"))),
        birth_date_part=part_of_date(text=text(parsed.get("birthDate"))),
        sex=text(parsed.get("gender")),
        postcode=text(address.get("postalCode")),
        address_line=", ".join(_strings(address, "line")),
        phone=next((phone for phone in phones if phone), ""),
        deceased=deceased,
        death_date=death_date,
    )


def _current_numbers(patient: JsonObject, *, today: date | None) -> list[JsonObject]:
    """Return the identifiers that are current NHS numbers, one for each number; valid ones come first."""
    current: dict[str, JsonObject] = {}
    for identifier in _objects(patient, "identifier"):
        value = text(identifier.get("value"))
        is_number = is_nhs_number_system(text(identifier.get("system")))
        if value and is_number and _is_current(identifier, today=today):
            current.setdefault(valid_nhs_number(text=value) or value, identifier)
    return sorted(current.values(), key=lambda identifier: not valid_nhs_number(text=text(identifier.get("value"))))


def _best_name(names: list[dict[str, Any]], *, today: date | None) -> JsonObject:
    def rank(name: JsonObject) -> tuple[bool, bool, bool, int]:
        says_nothing = not (_has_parts(name) or text(name.get("text")).strip())
        use = text(name.get("use"))
        is_over = not _is_current(name, today=today)
        return says_nothing, not _has_parts(name), is_over, NAME_RANKS.get(use, UNKNOWN_USE_RANK)

    return min(names, key=rank, default={})


def _has_parts(name: JsonObject) -> bool:
    return bool(text(name.get("family")) or _strings(name, "given"))


def _is_current(member: JsonObject, *, today: date | None) -> bool:
    """Return whether an identifier, name or address counts now. Source: FHIR R4 Period; an end counts as within it."""
    if member.get("use") == "old":
        return False
    period = mapping(member.get("period"))
    end, start = text(period.get("end"))[:10], text(period.get("start"))[:10]
    if today is None:
        return not end
    # Compared at the precision sent: a period that ends in "2026" lasts until the end of that year.
    is_over = bool(end) and end < today.isoformat()[: len(end)]
    return not is_over and not (start and start > today.isoformat()[: len(start)])


def _status_of(identifier: JsonObject) -> str:
    for extension in _objects(identifier, "extension"):
        if extension.get("url") in VERIFICATION_EXTENSIONS:
            codings = _objects(mapping(extension.get("valueCodeableConcept")), "coding")
            if codings:
                return text(codings[0].get("code"))
    return ""


def _objects(parent: JsonObject, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list; one object where a list belongs is read as a list of one."""
    return mappings(listed(parent.get(name)))


def _strings(parent: JsonObject, name: str) -> list[str]:
    return [string for string in texts(listed(parent.get(name))) if string]
