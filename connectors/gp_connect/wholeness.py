"""What an answer's own references say of it: what is missing, what nobody names, what goes round in a circle. Pure.

A report names its results and its specimens, and a group its members. Nothing is left out for any of these: it is said.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Ground, Notice, NoticeCode, counting_notice
from connectors.gp_connect.lists import Find, name_in
from fhir_data.access import JsonObject, mapping, mappings, text, texts

_RESULTS = RecordCategory.RESULTS


def notices(*, resources: Sequence[JsonObject], known: frozenset[str], find: Find = str) -> tuple[Notice, ...]:
    """Return what is to be said, each on its grounds. `known` are the `Type/id` of all entries, usable or not."""
    by_type: dict[str, list[JsonObject]] = defaultdict(list)
    for resource in resources:
        by_type[text(resource.get("resourceType"))].append(resource)
    reports, observations = by_type["DiagnosticReport"], by_type["Observation"]
    reported: dict[str, list[str]] = {}
    taken: dict[str, list[str]] = {}
    for report in reports:
        _note(reported, by=report, names=_named(report.get("result"), find=find))
    parts = {name: list(holders) for name, holders in reported.items()}
    for observation in observations:
        _note(parts, by=observation, names=_members_of(observation, find=find))
        if "specimen" in observation:
            _note(taken, by=observation, names=_named([observation["specimen"]], find=find))
    for holder in (*reports, *by_type["ProcedureRequest"]):
        _note(taken, by=holder, names=_named(holder.get("specimen"), find=find))
    missing_parts = [Ground(any_of=tuple(by)) for name, by in parts.items() if name not in known]
    shared = [Ground(all_of=(name,), any_of=tuple(by), least=2) for name, by in reported.items() if len(by) > 1]
    missing_specimens = [Ground(any_of=tuple(by)) for name, by in taken.items() if name not in known]
    unnamed_specimens = [Ground(all_of=(name,)) for name in map(name_in, by_type["Specimen"]) if name not in taken]
    incomplete, warning = NoticeCode.INCOMPLETE, NoticeCode.RESOURCE_WARNING
    said = [
        (incomplete, missing_parts, "result", "that its reports name {are} not in its answer"),
        (warning, shared, "result", "{stand} in more than one of its reports"),
        (incomplete, missing_specimens, "specimen", "that its reports and results name {are} not in its answer"),
        (warning, unnamed_specimens, "specimen", "{are} named by no report and no result"),
    ]
    found = [
        _notice(code=code, grounds=grounds, thing=thing, words=words) for code, grounds, thing, words in said if grounds
    ]
    return (*found, *_circles(by_type=by_type, find=find))


def _note(naming: dict[str, list[str]], /, *, by: JsonObject, names: Iterable[str]) -> None:
    """Note that a resource names others, each once."""
    for name in dict.fromkeys(names):
        naming.setdefault(name, []).append(name_in(by))


# What others name, and says nothing of the patient itself.
_NAMED = tuple(
    "Practitioner PractitionerRole Organization Location HealthcareService Medication Device Specimen".split()
)
_MENTION = re.compile(rb'"((?:%s)/[A-Za-z0-9._:|~-]{1,255})"' % "|".join(_NAMED).encode())


def unnamed(*, entries: Sequence[tuple[str, bytes]]) -> tuple[Notice, ...]:
    """Return what is to be said of entries that have nothing to do with any other: they are not shown.

    Such as the role of a doctor whom nothing names; a specimen is told of by itself. `entries` are those of the
    answer's patient, the Patient among them, each with its `Type/id`; several may have one name.
    """
    left = {place for place, (name, _) in enumerate(entries) if name.partition("/")[0] in _NAMED}
    places: dict[bytes, set[int]] = {}
    for place in left:
        places.setdefault(entries[place][0].encode(errors="replace"), set()).add(place)
    touching: dict[int, set[int]] = {place: set() for place in left}
    for place in tuple(left):
        for other in _mentioned(entries[place][1], places=places):
            touching[place].add(other)
            touching[other].add(place)
    for place, (_, sent) in enumerate(entries):
        if not left:  # as in most answers after the first entries: the others need not be searched
            break
        if place in touching:
            continue
        frontier = _mentioned(sent, places=places) & left
        while frontier:
            left -= frontier
            frontier = {other for place in frontier for other in touching[place]} & left
    grounds = [
        Ground(all_of=(name,)) for place in sorted(left) if not (name := entries[place][0]).startswith("Specimen/")
    ]
    if not grounds:
        return ()
    words = "of the people, places and things in its answer {have} nothing to do with the rest, and {are} not shown."
    notice = counting_notice(
        code=NoticeCode.RESOURCE_WARNING,
        grounds=grounds,
        one=f"1 {words.format(have='has', are='is')}",
        several=f"{{count}} {words.format(have='have', are='are')}",
        category=RecordCategory.SUPPORTING,
    )
    return (notice,)


def _mentioned(sent: bytes, /, *, places: Mapping[bytes, set[int]]) -> set[int]:
    return {place for mention in _MENTION.findall(sent) for place in places.get(mention, ())}


def _notice(
    *,
    code: NoticeCode,
    grounds: Iterable[Ground],
    thing: str,
    words: str,
    category: RecordCategory = RecordCategory.RESULTS,
) -> Notice:
    singular = {"are": "is", "stand": "stands", "itself": "itself"}
    plural = {"are": "are", "stand": "stand", "itself": "one another in a circle, or themselves"}
    return counting_notice(
        code=code,
        grounds=grounds,
        one=f"1 {thing} {words.format(**singular)}.",
        several=f"{{count}} {thing}s {words.format(**plural)}.",
        category=category,
    )


def _named(references: object, /, *, find: Find) -> list[str]:
    """Return what references name, save what stands in the resource itself."""
    if not references:
        return []
    sent = texts([reference.get("reference") for reference in mappings(references)])
    return [find(reference) for reference in sent if not reference.startswith("#") and " " not in reference]


def _members_of(observation: JsonObject, /, *, find: Find) -> list[str]:
    """Return the members of a group. Source: FHIR STU3, Observation.related."""
    if "related" not in observation:
        return []
    related = [each for each in mappings(observation.get("related")) if each.get("type") == "has-member"]
    return _named([each.get("target") for each in related], find=find)


# What may hold another of its kind, what is said of one that holds itself, and in which section.
_CIRCLES: Mapping[str, tuple[str, RecordCategory]] = {
    "List": ("heading", RecordCategory.ENCOUNTERS),
    "Observation": ("group", _RESULTS),
    "QuestionnaireResponse": ("form", RecordCategory.DOCUMENTS),
    "Encounter": ("contact", RecordCategory.ENCOUNTERS),
}


def _circles(*, by_type: Mapping[str, Sequence[JsonObject]], find: Find) -> Iterator[Notice]:
    for kind, (thing, category) in _CIRCLES.items():
        edges: dict[str, set[str]] = {}
        for resource in by_type.get(kind, ()):
            if names := _inner(resource, kind=kind, find=find):
                edges.setdefault(name_in(resource), set()).update(names)
        if grounds := _rings(_going_round(edges), edges=edges):
            words = "{stand} within {itself}"
            yield _notice(
                code=NoticeCode.RESOURCE_WARNING, grounds=grounds, thing=thing, words=words, category=category
            )


def _rings(names: set[str], /, *, edges: Mapping[str, set[str]]) -> list[Ground]:
    """Return one ground for each set of names that hang together: without one of them, the circle may be none."""
    beside: dict[str, set[str]] = {name: set() for name in names}
    for name in names:
        for other in edges[name] & names:
            beside[name].add(other)
            beside[other].add(name)
    grounds: list[Ground] = []
    seen: set[str] = set()
    for first in sorted(names):
        ring: list[str] = []
        frontier = [first]
        while frontier:
            name = frontier.pop()
            if name not in seen:
                seen.add(name)
                ring.append(name)
                frontier.extend(beside[name])
        if ring:
            grounds.append(Ground(all_of=tuple(sorted(ring)), things=len(ring)))
    return grounds


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
