"""What an answer's own references say of it: what is missing, what nobody names, what goes round in a circle. Pure.

A report names its results and its specimens, and a group its members. Nothing is left out for any of these: it is said.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.gp_connect.lists import Find, name_in
from fhir_data.access import JsonObject, mapping, mappings, text, texts

_RESULTS = RecordCategory.RESULTS


def notices(*, resources: Sequence[JsonObject], known: frozenset[str], find: Find = str) -> tuple[Notice, ...]:
    """Return what is to be said, each about items. `known` are the `Type/id` of all entries, usable or not."""
    by_type: dict[str, list[JsonObject]] = defaultdict(list)
    for resource in resources:
        by_type[text(resource.get("resourceType"))].append(resource)
    reports, observations = by_type["DiagnosticReport"], by_type["Observation"]
    results = [name for report in reports for name in set(_named(report.get("result"), find=find))]
    members = [name for observation in observations for name in _members_of(observation, find=find)]
    taken = [observation.get("specimen") for observation in observations]
    for holder in (*reports, *by_type["ProcedureRequest"]):
        taken += mappings(holder.get("specimen"))
    specimens = set(_named(taken, find=find))
    held = [name_in(specimen) for specimen in by_type["Specimen"]]
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
    return (*found, *_circles(by_type=by_type, find=find))


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
    places: dict[str, set[int]] = {}
    for place in left:
        places.setdefault(entries[place][0], set()).add(place)
    touching: dict[int, set[int]] = {}
    frontier: set[int] = set()
    for place, (_, sent) in enumerate(entries) if left else ():
        for mention in set(_MENTION.findall(sent)):
            mentioned = places.get(mention.decode(), set())
            if place not in left:
                frontier |= mentioned
            touching.setdefault(place, set()).update(mentioned)
            for other in mentioned:
                touching.setdefault(other, set()).add(place)
    while frontier:
        left -= frontier
        frontier = {other for place in frontier for other in touching.get(place, ())} & left
    count = sum(not entries[place][0].startswith("Specimen/") for place in left)
    if not count:
        return ()
    words = "of the people, places and things in its answer {have} nothing to do with the rest, and {are} not shown."
    verbs = {"have": "has", "are": "is"} if count == 1 else {"have": "have", "are": "are"}
    text = f"{count} {words.format(**verbs)}"
    code, category = NoticeCode.RESOURCE_WARNING, RecordCategory.SUPPORTING
    return (Notice(code=code, text=text, category=category, about_items=True),)


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


def _members_of(observation: JsonObject, /, *, find: Find) -> list[str]:
    """Return the members of a group. Source: FHIR STU3, Observation.related."""
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
    for kind, (one, category) in _CIRCLES.items():
        edges: dict[str, set[str]] = {}
        for resource in by_type.get(kind, ()):
            if names := _inner(resource, kind=kind, find=find):
                edges.setdefault(name_in(resource), set()).update(names)
        if count := len(_going_round(edges)):
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
