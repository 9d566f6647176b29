"""The Lists of an answer: which item answers a question, which is merely linked, what the practice warns of. Pure.

Source: GP Connect 1.6, using lists to return data; protocol facts, section 1, primary and secondary Lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice

SNOMED = "http://snomed.info/sct"
_SECONDARY_SYSTEM = "GPConnect-SecondaryListValues-1"
_WARNING_EXTENSION = "Extension-CareConnect-GPC-ListWarningCode-1"
_WARNINGS = frozenset({"confidential-items", "data-in-transit", "data-awaiting-filing"})

ENDED_ALLERGIES = "1103671000000101"
DIARY = "714311000000108"
INVESTIGATIONS = "887191000000108"
PRIMARY: Mapping[str, RecordCategory] = {
    "886921000000105": RecordCategory.ALLERGIES,
    ENDED_ALLERGIES: RecordCategory.ALLERGIES,
    "933361000000108": RecordCategory.MEDICATIONS,
    "717711000000103": RecordCategory.PROBLEMS,
    "1149501000000101": RecordCategory.ENCOUNTERS,
    "1102181000000102": RecordCategory.IMMUNISATIONS,
    "826501000000100": RecordCategory.OBSERVATIONS,
    INVESTIGATIONS: RecordCategory.RESULTS,
    "792931000000107": RecordCategory.REFERRALS,
    DIARY: RecordCategory.APPOINTMENTS,
}

Resource = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reach:
    """References, as `Type/id`, by how they are reached."""

    answering: frozenset[str]
    incidental: frozenset[str]
    investigations: frozenset[str]
    diary: frozenset[str]


def primary_code(*, resource: Resource) -> str:
    """Return the code of a primary List, "" for any other resource."""
    if resource.get("resourceType") != "List":
        return ""
    return next((code for system, code in _codings(resource=resource) if system == SNOMED and code in PRIMARY), "")


def is_secondary(*, resource: Resource) -> bool:
    """Whether a List holds what is linked to the answer and is no answer itself."""
    return any(system.endswith(_SECONDARY_SYSTEM) for system, _ in _codings(resource=resource))


def reach(*, resources: Sequence[Resource]) -> Reach:
    """Return how each item is reached.

    An item that only a secondary List names is incidental: an anticoagulant linked to a problem is no answer to "which
    medicines", and its absence from such a List says nothing. The headings of a consultation are followed too, but not
    to what a secondary List names. Items that no List names answer: to hide one would be worse.
    """
    lists = [resource for resource in resources if resource.get("resourceType") == "List"]
    edges = _edges(resources=resources)
    named = [ref for one in lists if is_secondary(resource=one) for ref in _entries(resource=one)]
    linked = _closure(roots=named, edges=edges, headings={})  # a linked medicine brings its plan and issues with it
    roots = {code: set[str]() for code in PRIMARY}
    for one in lists:
        if code := primary_code(resource=one):
            roots[code].update(_entries(resource=one))
    headings = _headings(lists=lists, linked=linked)
    answering = _closure(roots=(ref for refs in roots.values() for ref in refs), edges=edges, headings=headings)
    return Reach(
        answering=answering,
        incidental=linked - answering,
        investigations=_closure(roots=roots[INVESTIGATIONS], edges=edges, headings={}),
        diary=frozenset(roots[DIARY]),
    )


def notices(*, resources: Sequence[Resource]) -> tuple[Notice, ...]:
    """Return what the Lists warn of, once each.

    An empty List whose reason is the ordinary one (no-content-recorded; its note is always "Information not available")
    is no warning. Any other reason is: then the practice did not say that there is nothing.
    """
    found: dict[Notice, None] = {}
    for resource in resources:
        if resource.get("resourceType") != "List":
            continue
        category = PRIMARY.get(primary_code(resource=resource))
        text = " ".join(str(note.get("text", "")) for note in resource.get("note") or [])
        for code in _warning_codes(resource=resource):
            known = code if code in _WARNINGS else "resource-warning"
            found[Notice(code=known, text=text, category=category)] = None
        reasons = [coding.get("code") for coding in (resource.get("emptyReason") or {}).get("coding") or []]
        if resource.get("emptyReason") and "no-content-recorded" not in reasons:
            found[Notice(code="information-not-available", text=text, category=category)] = None
        for entry in resource.get("entry") or []:
            if text := _sentence(item=entry.get("item") or {}):
                found[Notice(code="not-supported", text=text, category=category or RecordCategory.ENCOUNTERS)] = None
    return tuple(found)


def _sentence(*, item: Mapping[str, Any]) -> str:
    """What stands in place of an item, such as "Test request items are not supported by the provider system"."""
    reference = str(item.get("reference", ""))
    if " " in reference:
        return reference
    return "" if reference else str(item.get("display", ""))


def missing(*, resources: Sequence[Resource], asked: Iterable[RecordCategory]) -> tuple[RecordCategory, ...]:
    """Return the categories that were asked for and have no primary List: silence, not "nothing recorded"."""
    answered = {PRIMARY[code] for resource in resources if (code := primary_code(resource=resource))}
    return tuple(category for category in asked if category not in answered)


def _codings(*, resource: Resource) -> list[tuple[str, str]]:
    codings = (resource.get("code") or {}).get("coding") or []
    return [(str(coding.get("system", "")), str(coding.get("code", ""))) for coding in codings]


def _entries(*, resource: Resource) -> list[str]:
    references = [(entry.get("item") or {}).get("reference") for entry in resource.get("entry") or []]
    return [reference for reference in references if isinstance(reference, str) and " " not in reference]


def _warning_codes(*, resource: Resource) -> list[str]:
    return [
        str(extension.get("valueCode", ""))
        for extension in resource.get("extension") or []
        if str(extension.get("url", "")).endswith(_WARNING_EXTENSION)
    ]


def _name(*, resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id', '')}"


def _edges(*, resources: Sequence[Resource]) -> dict[str, set[str]]:
    """What belongs together: a medicine's plan and its issues, a report and its results, a group and its members.

    Not the links of a problem or an encounter: those are what makes an item incidental.
    """
    edges: dict[str, set[str]] = {}
    for resource in resources:
        here = _name(resource=resource)
        for other in _parts(resource=resource):
            edges.setdefault(here, set()).add(other)
            edges.setdefault(other, set()).add(here)
    return edges


def _parts(*, resource: Resource) -> Iterable[str]:
    kind = resource.get("resourceType")
    references: list[Any] = []
    if kind in ("MedicationStatement", "MedicationRequest"):
        references = [*(resource.get("basedOn") or [])]
    elif kind == "DiagnosticReport":
        references = [*(resource.get("result") or []), *(resource.get("basedOn") or [])]
    elif kind == "Observation":
        references = [related.get("target") for related in resource.get("related") or []]
    found = (reference.get("reference") for reference in references if isinstance(reference, dict))
    return [reference for reference in found if isinstance(reference, str)]


def _headings(*, lists: Sequence[Resource], linked: frozenset[str]) -> dict[str, set[str]]:
    """Encounter or List -> what its topic and heading Lists hold, save what a secondary List names."""
    held: dict[str, set[str]] = {}
    for one in lists:
        if primary_code(resource=one) or is_secondary(resource=one):
            continue
        encounter = (one.get("encounter") or {}).get("reference")
        for holder in (encounter, _name(resource=one)):
            if isinstance(holder, str):
                held.setdefault(holder, set()).update(ref for ref in _entries(resource=one) if ref not in linked)
    return held


def _closure(
    *, roots: Iterable[str], edges: Mapping[str, set[str]], headings: Mapping[str, set[str]]
) -> frozenset[str]:
    reached = set(roots)
    frontier = list(reached)
    while frontier:
        here = frontier.pop()
        for other in edges.get(here, set()) | headings.get(here, set()):
            if other not in reached:
                reached.add(other)
                frontier.append(other)
    return frozenset(reached)
