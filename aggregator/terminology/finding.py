"""Which sensitive matters a resource names by a code, anywhere in it. Pure.

A code may stand in any Coding: what a finding is, why a medicine is given, what a relative has. The system is compared
as labels' are, without scheme, case and version. A code without a system counts, too: it may well be this one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aggregator.terminology.sensitivity import Sensitivity
from aggregator.terminology.value_sets import ValueSet
from fhir_data.confidentiality import system_name
from fhir_data.limits import MAX_VALUES
from fhir_data.size import holds_more_values

# One that is no text, which the standard forbids and a reader sees all the same, is empty here.
_CODE = re.compile(rb'"code"\s*:\s*(?:"([^"]*)"|[^"{\s])')
# SNOMED CT by its identifiers; an edition or a version is named behind the address.
_SNOMED_CT = "snomed.info/sct"
_SNOMED_CT_OID = "2.16.840.1.113883.6.96"
# A concept within a post-coordinated expression.
_CONCEPT = re.compile(r"(?<!\d)\d{6,18}(?!\d)")


class Finder:
    """Finds the codes of value sets in resources."""

    def __init__(self, *, value_sets: Iterable[ValueSet]) -> None:
        self._meanings: dict[str, dict[str, set[Sensitivity]]] = defaultdict(lambda: defaultdict(set))
        for value_set in value_sets:
            for system, code in value_set.codes:
                self._meanings[_as_code(code)][_as_system(system)].add(value_set.sensitivity)

    def sensitivities_in(self, *, resource: bytes) -> frozenset[Sensitivity]:
        """Return what a resource names; of one that is no JSON, or too large to look into, nothing."""
        # Most name nothing: a look at the bytes tells. A backslash may spell a code otherwise.
        if b"\\" not in resource and not any(not code or self._may_mean(code) for code in _CODE.findall(resource)):
            return frozenset()
        if holds_more_values(body=resource, than=MAX_VALUES):
            return frozenset()
        try:
            parsed = json.loads(resource)
        except (ValueError, RecursionError):
            return frozenset()
        return frozenset(self._named_in(parsed))

    def _may_mean(self, code: bytes) -> bool:
        return any(each in self._meanings for each in _codes_in(code.decode(errors="replace")))

    def _named_in(self, value: Any) -> Iterator[Sensitivity]:
        due = [value]
        while due:
            each = due.pop()
            if isinstance(each, list):
                due.extend(each)
            elif isinstance(each, dict):
                due.extend(each.values())
                yield from self._meant_by(each)

    def _meant_by(self, coding: Mapping[str, Any]) -> Iterator[Sensitivity]:
        system = coding.get("system")
        named = _as_system(system) if isinstance(system, str) else ""
        for code in _texts(coding.get("code")):
            for each in _codes_in(code):
                for known, sensitivities in self._meanings.get(each, {}).items():
                    if not named or named == known:
                        yield from sensitivities


def _texts(value: Any) -> Iterator[str]:
    """Yield what is sent as a code, also as a number or in a list."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str | int | float) and not isinstance(each, bool):
            yield str(each)


def _codes_in(code: str) -> Iterator[str]:
    plain = _as_code(code)
    yield plain
    if ":" in plain or "+" in plain or "|" in plain:
        yield from _CONCEPT.findall(plain)


def _plain(text: str) -> str:
    """Return a text as it looks: without what cannot be seen, and with plain digits for wide ones."""
    if text.isascii():
        return text
    normal = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in normal if unicodedata.category(sign)[0] not in "CM")


def _as_code(code: str) -> str:
    return _plain(code).strip().casefold()


def _as_system(system: str) -> str:
    name = system_name(_plain(system))
    return _SNOMED_CT if name == _SNOMED_CT_OID or name.startswith(f"{_SNOMED_CT}/") else name
