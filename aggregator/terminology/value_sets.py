"""Value sets as a programme gets them: FHIR ValueSet JSON, or a CSV of codes. Pure.

Only codes that are listed are taken. A ValueSet that defines some by a rule has to be expanded by a terminology server
first: to take the rest of it would leave codes out unnoticed.
Source: FHIR R4 ValueSet, compose and expansion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from aggregator.csv_rows import Rejected, read_rows
from aggregator.terminology.sensitivity import Sensitivity
from fhir_data.access import JsonObject, mapping, mappings, text
from fhir_data.confidentiality import system_name

# By which a terminology server says that an expansion was cut off. One that is "unclosed" need not lack a code: with
# SNOMED CT it says that codes can be composed further, and those are found by the codes that they are made of.
TRUNCATED = "http://hl7.org/fhir/StructureDefinition/valueset-toocostly"
NO_IDENTIFIER = "the code is no identifier of SNOMED CT (a spreadsheet changes long numbers: save the column as text)"
SNOMED_CT = "http://snomed.info/sct"
# Those of more than 15 digits have a namespace, and so a 1 in the third place from the end.
_SNOMED_CT_IDENTIFIER = re.compile(r"[1-9](?:[0-9]{5,14}|[0-9]{12,14}1[0-9]{2})", re.ASCII)
# A post-coordinated expression, or a term behind its code.
_EXPRESSION = re.compile(r"[1-9][0-9]{5,17}\s*[:+|]", re.ASCII)
_PERMUTED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
COLUMNS = ("system", "code", "display")


@dataclass(frozen=True, kw_only=True)
class ValueSet:
    """Codes, each with its system, whose presence makes content sensitive. `url` is the name that it is known by."""

    url: str
    sensitivity: Sensitivity
    codes: frozenset[tuple[str, str]]


def codes_of_value_set(*, value_set: bytes) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return the canonical address of a FHIR ValueSet and its codes, each with its system.

    Raises: ValueError, saying what is wrong in words for whoever loads it.
    """
    try:
        parsed: Any = json.loads(value_set, object_pairs_hook=_each_once)
    except _Twice:
        raise ValueError("it names a member twice") from None
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    resource = mapping(parsed)
    if resource.get("resourceType") != "ValueSet":
        raise ValueError("it is no ValueSet")
    url = text(resource.get("url"))
    if not url:
        raise ValueError("it has no url, by which it would be known")
    expansion = mapping(resource.get("expansion"))
    codes = frozenset(_expanded(expansion) if expansion else _composed(mapping(resource.get("compose"))))
    if not codes:
        raise ValueError("it lists no code")
    return url, codes


def codes_of_csv(*, lines: Iterable[str]) -> tuple[frozenset[tuple[str, str]], list[Rejected]]:
    """Return the codes of a CSV with the columns system and code, and the lines that were rejected.

    Raises: ValueError when the heading lacks a column.
    """
    codes: set[tuple[str, str]] = set()
    rejected: list[Rejected] = []
    for row in read_rows(lines=lines, required=(("system",), ("code",))):
        if isinstance(row, Rejected):
            rejected.append(row)
        elif row.values.get("system") and row.values.get("code"):
            if _may_be_of(row.values["system"], row.values["code"]):
                codes.add((row.values["system"], row.values["code"]))
            else:
                rejected.append(row.rejected(reason=NO_IDENTIFIER))
        else:
            rejected.append(row.rejected(reason="it lacks a system or a code"))
    return frozenset(codes), rejected


def _expanded(expansion: JsonObject) -> Iterator[tuple[str, str]]:
    if expansion.get("offset") not in (None, 0):
        raise ValueError("its expansion is one page of several: expand it whole")
    if any(_says_incomplete(extension) for extension in _objects(expansion, "extension")):
        raise ValueError("its expansion says that it is not complete: expand it whole")
    total, count = expansion.get("total"), 0
    if total is not None and (not isinstance(total, int) or isinstance(total, bool)):
        raise ValueError("the total of its expansion is no whole number")
    due = _objects(expansion, "contains")
    while due:
        contained = due.pop()
        due.extend(_objects(contained, "contains"))
        count += 1
        if contained.get("abstract") is not True and (pair := _pair(contained, system=text(contained.get("system")))):
            yield pair
    if total is not None and total > count:
        raise ValueError("its expansion is one page of several: expand it whole")


def _composed(compose: JsonObject) -> Iterator[tuple[str, str]]:
    if compose.get("exclude"):
        raise ValueError("it excludes codes: expand it first")
    for include in _objects(compose, "include"):
        if include.get("filter") or include.get("valueSet") or not include.get("concept"):
            raise ValueError("it defines codes by a rule: expand it first")
        for concept in _objects(include, "concept"):
            if pair := _pair(concept, system=text(include.get("system"))):
                yield pair


def _objects(parent: JsonObject, name: str) -> list[JsonObject]:
    """Return the objects of a list.

    Raises: ValueError for anything else: what it says would be left out.
    """
    value = parent.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError(f"its {name} is not a list of objects")
    return list(mappings(value))


def _says_incomplete(extension: JsonObject) -> bool:
    """Return whether an extension of an expansion says that codes are missing from it, and not that they are not."""
    return extension.get("url") == TRUNCATED and extension.get("valueBoolean") is not False


class _Twice(Exception):
    """An object names a member twice: of two lists of codes one would be left out."""


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    together = dict(members)
    if len(together) < len(members):
        raise _Twice
    return together


def _pair(concept: JsonObject, *, system: str) -> tuple[str, str] | None:
    code = text(concept.get("code"))
    if not code or not system:
        raise ValueError("one of its codes has no system, or no code")
    if not _may_be_of(system, code):
        raise ValueError(f"in one of its codes, {NO_IDENTIFIER}")
    return system, code


def _may_be_of(system: str, code: str) -> bool:
    """Return whether a system can have a code: one of SNOMED CT ends in a check digit.

    A spreadsheet keeps fifteen digits of a number: it turns long identifiers into those of nothing.
    """
    code = code.strip()
    if system_name(system) != system_name(SNOMED_CT) or _EXPRESSION.match(code):
        return True
    return _SNOMED_CT_IDENTIFIER.fullmatch(code) is not None and _ends_in_its_check_digit(code)


def _ends_in_its_check_digit(digits: str) -> bool:
    """Return whether a number ends in its check digit. Source: SNOMED CT Release File Specifications, Verhoeff."""
    checked = 0
    for place, digit in enumerate(reversed(digits)):
        permuted = int(digit)
        for _ in range(place % 8):
            permuted = _PERMUTED[permuted]
        checked = _product(checked, permuted)
    return checked == 0


def _product(left: int, right: int) -> int:
    """Return the product of two elements of the dihedral group of order ten: five rotations, then five reflections."""
    rotated = left % 5 + (right % 5 if left < 5 else -(right % 5))
    return rotated % 5 + (5 if (left < 5) != (right < 5) else 0)
