"""The Lists of an answer: which items answer the question, which are only linked, and what the practice warns of. Pure.

Source: GP Connect Access Record Structured 1.6, "Using lists to return data": primary and secondary lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from fhir_data.access import JsonObject, mapping, mappings, text, texts

SNOMED = "http://snomed.info/sct"
_SECONDARY_SYSTEM = "GPConnect-SecondaryListValues-1"
_WARNING_EXTENSION = "Extension-CareConnect-GPC-ListWarningCode-1"
_WARNINGS: Mapping[str, NoticeCode] = {
    code.value: code
    for code in (NoticeCode.CONFIDENTIAL_ITEMS, NoticeCode.DATA_IN_TRANSIT, NoticeCode.DATA_AWAITING_FILING)
}

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


@dataclass(frozen=True, kw_only=True)
class Reach:
    """References, as `Type/id`, by how they are reached. `diary` and `investigations` are those of these two Lists."""

    answering: frozenset[str]
    incidental: frozenset[str]
    investigations: frozenset[str]
    diary: frozenset[str]


def primary_code(*, resource: JsonObject) -> str:
    """Return the code of a primary List, "" for any other resource."""
    if resource.get("resourceType") != "List":
        return ""
    return next((code for system, code in _codings(resource) if system == SNOMED and code in PRIMARY), "")


def is_secondary(*, resource: JsonObject) -> bool:
    """Whether a List holds what is linked to the answer and does not itself answer."""
    return any(system.endswith(_SECONDARY_SYSTEM) for system, _ in _codings(resource))


def reach(*, resources: Sequence[JsonObject]) -> Reach:
    """Return how each item is reached.

    An item that only a secondary List names is incidental: an anticoagulant linked to a problem does not answer "which
    medicines", and its absence from such a List says nothing. The headings of a consultation are followed too, but not
    to what a secondary List names. Items that no List names count as answers: hiding one would be worse.
    """
    lists = [resource for resource in resources if resource.get("resourceType") == "List"]
    edges = _edges(resources)
    named = [ref for resource in lists if is_secondary(resource=resource) for ref in _entries(resource)]
    linked = _closure(roots=named, edges=edges, headings={})  # a linked medicine brings its plan and issues
    roots = {code: set[str]() for code in PRIMARY}
    for resource in lists:
        if code := primary_code(resource=resource):
            roots[code].update(_entries(resource))
    headings = _headings(lists=lists, linked=linked)
    answering = _closure(roots=(ref for refs in roots.values() for ref in refs), edges=edges, headings=headings)
    return Reach(
        answering=answering,
        incidental=linked - answering,
        investigations=_closure(roots=roots[INVESTIGATIONS], edges=edges, headings={}),
        diary=frozenset(roots[DIARY]),
    )


def notices(*, resources: Sequence[JsonObject]) -> tuple[Notice, ...]:
    """Return what the Lists warn of, once each.

    An empty List with the ordinary reason (no-content-recorded, whose note is always "Information not available") is no
    warning. Any other reason is one: the practice did not say that there is nothing.
    """
    warnings: dict[Notice, None] = {}
    for resource in resources:
        if resource.get("resourceType") != "List":
            continue
        category = PRIMARY.get(primary_code(resource=resource))
        words = " ".join(text(note.get("text")) for note in mappings(resource.get("note")))
        for code in _warning_codes(resource):
            warning = _WARNINGS.get(code, NoticeCode.RESOURCE_WARNING)
            warnings[Notice(code=warning, text=words, category=category)] = None
        reasons = [coding.get("code") for coding in mappings(mapping(resource.get("emptyReason")).get("coding"))]
        if resource.get("emptyReason") and "no-content-recorded" not in reasons:
            warnings[Notice(code=NoticeCode.INFORMATION_NOT_AVAILABLE, text=words, category=category)] = None
        for entry in mappings(resource.get("entry")):
            if sentence := _sentence(mapping(entry.get("item"))):
                place = category or RecordCategory.ENCOUNTERS
                warnings[Notice(code=NoticeCode.NOT_SUPPORTED, text=sentence, category=place)] = None
    return tuple(warnings)


def _sentence(item: JsonObject) -> str:
    """Return what stands in place of an item: "Test request items are not supported by the provider system"."""
    reference = text(item.get("reference"))
    if " " in reference:
        return reference
    return "" if reference else text(item.get("display"))


def missing(*, resources: Sequence[JsonObject], asked: Iterable[RecordCategory]) -> tuple[RecordCategory, ...]:
    """Return the categories that were asked for and have no primary List, which does not mean "nothing recorded"."""
    answered = {PRIMARY[code] for resource in resources if (code := primary_code(resource=resource))}
    return tuple(category for category in asked if category not in answered)


def _codings(resource: JsonObject) -> list[tuple[str, str]]:
    codings = mappings(mapping(resource.get("code")).get("coding"))
    return [(text(coding.get("system")), text(coding.get("code"))) for coding in codings]


def _entries(resource: JsonObject) -> list[str]:
    references = texts([mapping(entry.get("item")).get("reference") for entry in mappings(resource.get("entry"))])
    return [reference for reference in references if " " not in reference]


def _warning_codes(resource: JsonObject) -> list[str]:
    return [
        text(extension.get("valueCode"))
        for extension in mappings(resource.get("extension"))
        if text(extension.get("url")).endswith(_WARNING_EXTENSION)
    ]


def _name(resource: JsonObject) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id', '')}"


def _edges(resources: Sequence[JsonObject]) -> dict[str, set[str]]:
    """Return what belongs together: a medicine's plan and issues, a report and its results, a group and its members.

    Not the links of a problem or an encounter: those are what makes an item incidental.
    """
    edges: dict[str, set[str]] = {}
    for resource in resources:
        here = _name(resource)
        for other in _parts(resource):
            edges.setdefault(here, set()).add(other)
            edges.setdefault(other, set()).add(here)
    return edges


def _parts(resource: JsonObject) -> list[str]:
    kind = resource.get("resourceType")
    references: Sequence[JsonObject] = ()
    if kind in ("MedicationStatement", "MedicationRequest"):
        references = mappings(resource.get("basedOn"))
    elif kind == "DiagnosticReport":
        references = mappings(resource.get("result")) + mappings(resource.get("basedOn"))
    elif kind == "Observation":
        references = [mapping(related.get("target")) for related in mappings(resource.get("related"))]
    return texts([reference.get("reference") for reference in references])


def _headings(*, lists: Sequence[JsonObject], linked: frozenset[str]) -> dict[str, set[str]]:
    """Return what the topic and heading Lists of each Encounter or List hold, save what a secondary List names."""
    held: dict[str, set[str]] = {}
    for resource in lists:
        if primary_code(resource=resource) or is_secondary(resource=resource):
            continue
        encounter = text(mapping(resource.get("encounter")).get("reference"))
        for holder in (encounter, _name(resource)):
            if holder:
                held.setdefault(holder, set()).update(ref for ref in _entries(resource) if ref not in linked)
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
