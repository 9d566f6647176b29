"""What an answer's own references say of it: what is missing, what nobody names, what goes round in a circle. Pure.

A report names its results and its specimens, and a group its members. Nothing is left out for any of these: it is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.gp_connect.lists import Find, name_in
from fhir_data.access import JsonObject, mapping, mappings, text, texts

_RESULTS = RecordCategory.RESULTS


_TELLING = frozenset(
    "DiagnosticReport Observation Specimen ProcedureRequest List Encounter QuestionnaireResponse".split()
)


def notices(*, resources: Sequence[JsonObject], known: frozenset[str], find: Find = str) -> tuple[Notice, ...]:
    """Return what is to be said, each about items. `known` are the `Type/id` of all entries, usable or not."""
    resources = [resource for resource in resources if resource.get("resourceType") in _TELLING]
    results = [name for resource in resources for name in set(_results_of(resource, find=find))]
    members = [name for resource in resources for name in _members_of(resource, find=find)]
    specimens = {name for resource in resources for name in _specimens_of(resource, find=find)}
    held = [name_in(resource) for resource in resources if resource.get("resourceType") == "Specimen"]
    reported = Counter(results)
    said = [
        (NoticeCode.INCOMPLETE, len({*results, *members} - known), "that its reports name {are} not in its answer"),
        (NoticeCode.RESOURCE_WARNING, sum(n > 1 for n in reported.values()), "{stand} in more than one of its reports"),
    ]
    found = [_notice(code=code, count=count, one="result", words=words) for code, count, words in said if count]
    if count := len(specimens - known):
        words = "that its reports and results name {are} not in its answer"
        found.append(_notice(code=NoticeCode.INCOMPLETE, count=count, one="specimen", words=words))
    if count := sum(name not in specimens for name in held):
        words = "{are} named by no report and no result"
        found.append(_notice(code=NoticeCode.RESOURCE_WARNING, count=count, one="specimen", words=words))
    return (*found, *_circles(resources=resources, find=find))


def _notice(
    *, code: NoticeCode, count: int, one: str, words: str, category: RecordCategory = RecordCategory.RESULTS
) -> Notice:
    several = {"are": "are", "stand": "stand", "itself": "one another in a circle, or themselves"}
    verbs = {"are": "is", "stand": "stands", "itself": "itself"} if count == 1 else several
    text = f"{count} {one}{'' if count == 1 else 's'} {words.format(**verbs)}."
    return Notice(code=code, text=text, category=category, about_items=True)


def _named(references: object, /, *, find: Find) -> list[str]:
    """Return what references name, save what stands in the resource itself."""
    sent = texts([reference.get("reference") for reference in mappings(references)])
    return [find(reference) for reference in sent if not reference.startswith("#") and " " not in reference]


def _results_of(resource: JsonObject, /, *, find: Find) -> list[str]:
    return _named(resource.get("result"), find=find) if resource.get("resourceType") == "DiagnosticReport" else []


def _members_of(resource: JsonObject, /, *, find: Find) -> list[str]:
    """Return the members of a group. Source: FHIR STU3, Observation.related."""
    if resource.get("resourceType") != "Observation":
        return []
    related = [each for each in mappings(resource.get("related")) if each.get("type") == "has-member"]
    return _named([mapping(each.get("target")) for each in related], find=find)


def _specimens_of(resource: JsonObject, /, *, find: Find) -> list[str]:
    kind, specimen = resource.get("resourceType"), resource.get("specimen")
    if kind == "Observation":
        return _named([mapping(specimen)], find=find)
    return _named(specimen, find=find) if kind in ("DiagnosticReport", "ProcedureRequest") else []


# What may hold another of its kind, what is said of one that holds itself, and in which section.
_CIRCLES: Mapping[str, tuple[str, RecordCategory]] = {
    "List": ("heading", RecordCategory.ENCOUNTERS),
    "Observation": ("group", _RESULTS),
    "QuestionnaireResponse": ("form", RecordCategory.DOCUMENTS),
    "Encounter": ("contact", RecordCategory.ENCOUNTERS),
}


def _circles(*, resources: Iterable[JsonObject], find: Find) -> Iterator[Notice]:
    holds: dict[str, dict[str, set[str]]] = {kind: {} for kind in _CIRCLES}
    for resource in resources:
        kind = text(resource.get("resourceType"))
        if kind in holds and (names := set(_inner(resource, kind=kind, find=find))):
            holds[kind].setdefault(name_in(resource), set()).update(names)
    for kind, edges in holds.items():
        if count := len(_going_round(edges)):
            one, category = _CIRCLES[kind]
            words = "{stand} within {itself}"
            yield _notice(code=NoticeCode.RESOURCE_WARNING, count=count, one=one, words=words, category=category)


def _inner(resource: JsonObject, /, *, kind: str, find: Find) -> list[str]:
    if kind == "Observation":
        return _members_of(resource, find=find)
    if kind == "List":
        items = [mapping(entry.get("item")) for entry in mappings(resource.get("entry"))]
        return _named([item for item in items if _may_be_list(text(item.get("reference")))], find=find)
    if kind == "Encounter":
        return _named([mapping(resource.get("partOf"))], find=find)
    return _named(resource.get("parent"), find=find)


def _may_be_list(reference: str, /) -> bool:
    return reference.startswith("List/") or ":" in reference  # any other relative reference names its type


def _going_round(edges: Mapping[str, set[str]], /) -> set[str]:
    """Return the names that lie on a circle, or between two: what remains when all ends are taken away."""
    left = {name: {other for other in others if other in edges} for name, others in edges.items()}
    for _ in range(2):  # first those that lead nowhere, then those that nothing leads to
        ends = [name for name, others in left.items() if not others]
        holders: dict[str, list[str]] = {}
        for name, others in left.items():
            for other in others:
                holders.setdefault(other, []).append(name)
        while ends:
            end = ends.pop()
            left.pop(end, None)
            for holder in holders.get(end, ()):
                if holder in left and end in left[holder]:
                    left[holder].discard(end)
                    if not left[holder]:
                        ends.append(holder)
        turned: dict[str, set[str]] = {name: set() for name in left}
        for name, others in left.items():
            for other in others:
                turned[other].add(name)
        left = turned
    return set(left)
