"""Reads the Parameters of `$gpc.getstructuredrecord`: what is asked, or which rule the question breaks.

Source: GP Connect Access Record Structured 1.6, "Retrieve a patient's structured record": payload and error table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import nhs_number

from simulator.gp_errors import SpineError
from simulator.wire import NHS_NUMBER_SYSTEM, decode

PATIENT = "patientNHSNumber"
ALLERGIES, MEDICATION, CONSULTATIONS = "includeAllergies", "includeMedication", "includeConsultations"
PROBLEMS, IMMUNISATIONS, UNCATEGORISED = "includeProblems", "includeImmunisations", "includeUncategorisedData"
INVESTIGATIONS, REFERRALS, DIARY = "includeInvestigations", "includeReferrals", "includeDiaryEntries"
WHOLE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# What narrows one area may not be used when linked items of every area are asked for.
FORBIDDEN_WITH_PROBLEMS = frozenset(
    {
        "medicationSearchFromDate",
        "uncategorisedDataSearchPeriod",
        "referralSearchPeriod",
        "diaryEntriesSearchDate",
        "includeNotGiven",
        "includeStatus",
    }
)
FORBIDDEN_WITH_CONSULTATIONS = FORBIDDEN_WITH_PROBLEMS | {"filterStatus"}

Part = bool | int | str | date | tuple[date | None, date | None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked: whose record, which areas, and what narrows each (by the name of the part)."""

    number: str
    areas: Mapping[str, Mapping[str, Part]] = field(default_factory=dict)
    unsupported: tuple[str, ...] = ()

    def narrowed(self, area: str, part: str, default: Part | None = None) -> Part | None:
        """Return what narrows an area, or the specification's default."""
        return self.areas.get(area, {}).get(part, default)


def read_parameters(*, body: bytes, unsupported: Sequence[str], today: date) -> Asked:
    """Return what the body of a request asks for.

    `unsupported` are parameters that this practice's system does not know; they are passed over and named.
    Raises: SpineError (INVALID_RESOURCE, INVALID_PARAMETER, INVALID_IDENTIFIER_SYSTEM, INVALID_NHS_NUMBER).
    """
    parameters = _parameters(body=body)
    number = _number(parameters=parameters)
    areas: dict[str, dict[str, Part]] = {}
    passed_over: list[str] = []
    for parameter in parameters:
        name = parameter["name"]
        if name == PATIENT:
            continue
        if name not in AREAS or name in unsupported:
            passed_over.append(name)
            continue
        if name in areas:
            raise _wrong(f"{name} is given twice")
        areas[name] = _parts(area=name, parameter=parameter, today=today)
    _check_together(areas=areas)
    return Asked(number=number, areas=areas, unsupported=tuple(passed_over))


def _parameters(*, body: bytes) -> list[dict[str, Any]]:
    try:
        held = decode(text=body)
    except ValueError as error:
        raise SpineError(code="INVALID_RESOURCE", diagnostics="the body is not JSON") from error
    if not isinstance(held, dict) or held.get("resourceType") != "Parameters":
        raise SpineError(code="INVALID_RESOURCE", diagnostics="the body is not a Parameters resource")
    parameters = held.get("parameter", [])
    if not isinstance(parameters, list) or not all(_has_name(parameter) for parameter in parameters):
        raise SpineError(code="INVALID_RESOURCE", diagnostics="a parameter has no name")
    return parameters


def _has_name(parameter: object) -> bool:
    return isinstance(parameter, dict) and isinstance(parameter.get("name"), str)


def _number(*, parameters: Sequence[Mapping[str, Any]]) -> str:
    named = [p for p in parameters if p["name"] == PATIENT]
    if len(named) != 1:
        raise _wrong(f"{PATIENT} must be given once")
    identifier = named[0].get("valueIdentifier")
    if not isinstance(identifier, dict):
        raise _wrong(f"{PATIENT} is not an Identifier")
    if identifier.get("system") != NHS_NUMBER_SYSTEM:
        raise SpineError(code="INVALID_IDENTIFIER_SYSTEM", diagnostics=f"{PATIENT} has another system")
    value = str(identifier.get("value", ""))
    if not re.fullmatch(r"\d{10}", value) or not nhs_number.is_valid(value):
        raise SpineError(code="INVALID_NHS_NUMBER", diagnostics=f"{PATIENT} fails the format or the check digit")
    return value


def _parts(*, area: str, parameter: Mapping[str, Any], today: date) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for part in parameter.get("part", ()):
        name = part.get("name", "")
        reader = AREAS[area].get(name)
        if reader is None or name in parts:
            raise _wrong(f"{area}: the part {name} is not allowed here")
        parts[name] = reader(name, part, today)
    return parts


def _check_together(*, areas: Mapping[str, Mapping[str, Part]]) -> None:
    if ALLERGIES in areas and "includeResolvedAllergies" not in areas[ALLERGIES]:
        raise _wrong("includeResolvedAllergies must be given")
    if {"consultationSearchPeriod", "includeNumberOfMostRecent"} <= areas.get(CONSULTATIONS, {}).keys():
        raise SpineError(
            code="INVALID_RESOURCE", diagnostics="consultationSearchPeriod and includeNumberOfMostRecent are both given"
        )
    part_names = {name for parts in areas.values() for name in parts}
    forbidden = (
        FORBIDDEN_WITH_CONSULTATIONS
        if CONSULTATIONS in areas
        else (FORBIDDEN_WITH_PROBLEMS if PROBLEMS in areas else frozenset())
    )
    for name in sorted(part_names & forbidden):
        raise _wrong(f"{name} may not be given when consultations or problems are asked for")


def _boolean(name: str, part: Mapping[str, Any], _: date) -> Part:
    value = part.get("valueBoolean")
    if not isinstance(value, bool):
        raise _wrong(f"{name} is not a boolean")
    return value


def _integer(name: str, part: Mapping[str, Any], _: date) -> Part:
    value = part.get("valueInteger")
    if type(value) is not int or value < 1:
        raise _wrong(f"{name} is not a positive integer")
    return value


def _status(name: str, part: Mapping[str, Any], _: date) -> Part:
    value = part.get("valueCode")
    if value not in ("active", "inactive"):
        raise _wrong(f"{name} is neither active nor inactive")
    return str(value)


def _whole_date(*, name: str, value: object) -> date:
    if not isinstance(value, str) or not WHOLE_DATE.fullmatch(value):
        raise _wrong(f"{name} is not a whole date")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise _wrong(f"{name} is not a date") from error


def _past(name: str, part: Mapping[str, Any], today: date) -> Part:
    value = _whole_date(name=name, value=part.get("valueDate"))
    if value > today:
        raise _wrong(f"{name} is later than today")
    return value


def _future(name: str, part: Mapping[str, Any], today: date) -> Part:
    value = _whole_date(name=name, value=part.get("valueDate"))
    if value < today:
        raise _wrong(f"{name} is earlier than today")
    return value


def _period(name: str, part: Mapping[str, Any], today: date) -> Part:
    value = part.get("valuePeriod")
    if not isinstance(value, dict) or not value.keys() & {"start", "end"}:
        raise _wrong(f"{name} is not a period")
    start, end = (_whole_date(name=name, value=value[edge]) if edge in value else None for edge in ("start", "end"))
    if any(edge and edge > today for edge in (start, end)):
        raise _wrong(f"{name} is later than today")
    if start and end and start > end:
        raise _wrong(f"{name} ends before it starts")
    return start, end


def _wrong(diagnostics: str, /) -> SpineError:
    return SpineError(code="INVALID_PARAMETER", diagnostics=diagnostics)


Reader = Callable[[str, Mapping[str, Any], date], Part]
AREAS: Mapping[str, Mapping[str, Reader]] = {
    ALLERGIES: {"includeResolvedAllergies": _boolean},
    MEDICATION: {"includePrescriptionIssues": _boolean, "medicationSearchFromDate": _past},
    CONSULTATIONS: {"consultationSearchPeriod": _period, "includeNumberOfMostRecent": _integer},
    PROBLEMS: {"filterStatus": _status},
    IMMUNISATIONS: {"includeNotGiven": _boolean, "includeStatus": _boolean},
    UNCATEGORISED: {"uncategorisedDataSearchPeriod": _period},
    INVESTIGATIONS: {"investigationSearchPeriod": _period},
    REFERRALS: {"referralSearchPeriod": _period},
    DIARY: {"diaryEntriesSearchDate": _future},
}
