"""A FHIR R4 Patient, as a source sends it -> Demographics. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from aggregator.mpi.death import read_death
from aggregator.mpi.demographics import Demographics, part_of_date, valid_nhs_number, whole_date
from fhir_data.identifiers import is_nhs_number_system

VERIFICATION_EXTENSIONS = (
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
    "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-NHSNumberVerificationStatus-1",
)
NAME_RANKS = {"official": 0, "usual": 1, "": 2, "temp": 3, "nickname": 4, "anonymous": 5, "maiden": 6, "old": 7}
STRANGE_NAME_RANK = 5

Json = Mapping[str, Any]


def demographics_of_patient(*, patient: bytes, today: date | None = None) -> Demographics:
    """Return the demographics of a Patient: the current NHS number, the best current name, the first current address.

    A member of the wrong JSON type costs that member and nothing else. What is marked old, or whose period is over at
    `today`, is not current; without `today` a period that has an end is over.
    Source: UK Core Patient (FHIR R4).
    """
    try:
        parsed = _object(msgspec.json.decode(patient))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        parsed = {}
    numbers = _current_numbers(parsed, today=today)
    name = _best_name(_objects(parsed, "name"), today=today)
    address = next((one for one in _objects(parsed, "address") if _is_current(one, today=today)), {})
    phones = (_text(contact, "value") for contact in _objects(parsed, "telecom") if contact.get("system") == "phone")
    deceased, death_date = read_death(boolean=parsed.get("deceasedBoolean"), moment=parsed.get("deceasedDateTime"))
    return Demographics(
        nhs_number=_text(numbers[0], "value") if numbers else "",
        nhs_number_status=_status_of(numbers[0]) if numbers else "",
        further_numbers=tuple(_text(number, "value") for number in numbers[1:]),
        family=_text(name, "family"),
        given=" ".join(_texts(name, "given")),
        birth_date=whole_date(text=_text(parsed, "birthDate")),
        birth_date_part=part_of_date(text=_text(parsed, "birthDate")),
        sex=_text(parsed, "gender"),
        postcode=_text(address, "postalCode"),
        address_line=", ".join(_texts(address, "line")),
        phone=next((phone for phone in phones if phone), ""),
        deceased=deceased,
        death_date=death_date,
    )


def _current_numbers(patient: Json, *, today: date | None) -> list[Json]:
    """Return the identifiers that are current NHS numbers, one for each number; valid ones come first."""
    current: dict[str, Json] = {}
    for identifier in _objects(patient, "identifier"):
        value = _text(identifier, "value")
        is_number = is_nhs_number_system(_text(identifier, "system"))
        if value and is_number and _is_current(identifier, today=today):
            current.setdefault(valid_nhs_number(text=value) or value, identifier)
    return sorted(current.values(), key=lambda identifier: not valid_nhs_number(text=_text(identifier, "value")))


def _best_name(names: list[Json], *, today: date | None) -> Json:
    def rank(name: Json) -> tuple[bool, bool, int]:
        use = _text(name, "use")
        says_nothing = not (_text(name, "family") or _texts(name, "given"))
        return says_nothing, not _is_current(name, today=today), NAME_RANKS.get(use, STRANGE_NAME_RANK)

    return min(names, key=rank, default={})


def _is_current(member: Json, *, today: date | None) -> bool:
    """Return whether an identifier, name or address counts now. Source: FHIR R4 Period; an end counts as within it."""
    if member.get("use") == "old":
        return False
    period = _object(member.get("period"))
    end, start = _text(period, "end")[:10], _text(period, "start")[:10]
    if today is None:
        return not end
    # Compared at the precision sent: a period that ends in "2026" lasts until the end of that year.
    is_over = bool(end) and end < today.isoformat()[: len(end)]
    return not is_over and not (start and start > today.isoformat()[: len(start)])


def _status_of(identifier: Json) -> str:
    for extension in _objects(identifier, "extension"):
        if extension.get("url") in VERIFICATION_EXTENSIONS:
            codings = _objects(_object(extension.get("valueCodeableConcept")), "coding")
            if codings:
                return _text(codings[0], "code")
    return ""


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(parent: Json, name: str) -> list[Json]:
    """Return the objects of a list; one object where a list belongs is read as a list of one."""
    value = parent.get(name)
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, dict)]


def _text(parent: Json, name: str) -> str:
    value = parent.get(name)
    return value if isinstance(value, str) else ""


def _texts(parent: Json, name: str) -> list[str]:
    value = parent.get(name)
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, str) and one]
