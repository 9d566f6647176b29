"""The Lists of an answer: which items answer the question, which are only linked, and what the practice warns of. Pure.

Source: GP Connect Access Record Structured 1.6, "Using lists to return data": primary and secondary lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from types import MappingProxyType

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Ground, Notice, NoticeCode, counting_notice
from fhir_data.access import JsonObject, listed, mapping, mappings, text, texts
from fhir_data.labels import labels_in

SNOMED = "http://snomed.info/sct"
_NOTHING_RECORDED = "Information not available"  # the note that the specification fixes for an empty List
_EMPTY_WITHOUT_WORD = "Its list of this is empty, and does not say that nothing is recorded."
_SECONDARY_SYSTEM = "GPConnect-SecondaryListValues-1"
_WARNING_EXTENSION = "listwarningcode"  # in whatever case it is spelt
_WARNINGS: Mapping[str, NoticeCode] = {
    code.value: code
    for code in (NoticeCode.CONFIDENTIAL_ITEMS, NoticeCode.DATA_IN_TRANSIT, NoticeCode.DATA_AWAITING_FILING)
}

ALLERGIES = "886921000000105"
ENDED_ALLERGIES = "1103671000000101"
DIARY = "714311000000108"
INVESTIGATIONS = "887191000000108"
PRIMARY: Mapping[str, RecordCategory] = {
    ALLERGIES: RecordCategory.ALLERGIES,
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

# Source: FHIR STU3, List.status; of a practice's Lists all are to be `current`.
_NOT_IN_FORCE = frozenset({"retired", "entered-in-error"})

# What a secondary List holds, by the words of its code: "problems-medications-related-to-problems".
_LINKED: Mapping[str, RecordCategory] = {
    "allergies": RecordCategory.ALLERGIES,
    "medications": RecordCategory.MEDICATIONS,
    "problems": RecordCategory.PROBLEMS,
    "linked-problems": RecordCategory.PROBLEMS,
    "consultations": RecordCategory.ENCOUNTERS,
    "immunisations": RecordCategory.IMMUNISATIONS,
    "uncategorised-data": RecordCategory.OBSERVATIONS,
    "investigations": RecordCategory.RESULTS,
    "outbound-referrals": RecordCategory.REFERRALS,
    "diary-entries": RecordCategory.APPOINTMENTS,
}
_ENDED = "-that-have-been-ended-"  # as in "problems-allergies-that-have-been-ended-related-to-problems"
Find = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Reach:
    """References, as `Type/id`, by how they are reached.

    `reported` are those that a report or the List of investigations leads to, `diary` those of its List. `ended` are
    allergies that are listed among the ended or contained there, and not listed among the others.
    """

    answering: frozenset[str]
    incidental: frozenset[str]
    reported: frozenset[str]
    diary: frozenset[str]
    ended: frozenset[str]


def primary_code(*, resource: JsonObject) -> str:
    """Return the code of a primary List, "" for any other resource."""
    if resource.get("resourceType") != "List":
        return ""
    for coding in mappings(mapping(resource.get("code")).get("coding")):
        if coding.get("system") == SNOMED and (code := text(coding.get("code"))) in PRIMARY:
            return code
    return ""


def _is_of_ended(resource: JsonObject, /) -> bool:
    """Whether what a secondary List of allergies holds has ended."""
    return any(system.endswith(_SECONDARY_SYSTEM) and _ENDED in code for system, code in _codings(resource))


def is_secondary(*, resource: JsonObject) -> bool:
    """Whether a List holds what is linked to the answer and does not itself answer."""
    return any(system.endswith(_SECONDARY_SYSTEM) for system, _ in _codings(resource))


def reach(
    *,
    resources: Sequence[JsonObject],
    find: Find = str,
    confidential: AbstractSet[str] = frozenset(),
    contained: Mapping[str, AbstractSet[str]] = MappingProxyType({}),
) -> Reach:
    """Return how each item is reached. `find` says which entry a reference means, by its `Type/id`. `contained` are the
    names of what each List contained, whether or not it lists it.

    Nothing is reached by way of what is `confidential`, nor of what has that from it: where an item stands would tell
    of what is withheld.

    An item that only a secondary List names is incidental: an anticoagulant linked to a problem does not answer "which
    medicines", and its absence from such a List says nothing. The headings of a consultation are followed too, but not
    to what a secondary List names. Items that no List names count as answers: hiding one would be worse.
    """
    lists = [resource for resource in resources if resource.get("resourceType") == "List"]
    closed = _with_heirs(confidential, resources=resources, find=find)
    edges = _edges(resources=resources, find=find)
    named: list[str] = []
    roots = {code: set[str]() for code in PRIMARY}
    ended: set[str] = set()
    linked_ended: set[str] = set()
    linked_holding: set[str] = set()
    arranging: list[JsonObject] = []  # topics and headings
    for resource in lists:
        code, secondary = primary_code(resource=resource), is_secondary(resource=resource)
        entries = _entries(resource, find=find)
        if code:
            roots[code].update(entries)
        if secondary:
            named += entries
        if code == ENDED_ALLERGIES:
            ended.update(entries, contained.get(name_in(resource), ()))
        elif secondary and _place(resource)[0] is RecordCategory.ALLERGIES:
            (linked_ended if _is_of_ended(resource) else linked_holding).update(entries)
        if not (code or secondary):
            arranging.append(resource)
    linked = _closure(roots=named, edges=edges, closed=closed)  # a linked medicine brings its plan and issues
    headings = _headings(lists=arranging, linked=linked, find=find)
    answering = _closure(
        roots=(ref for refs in roots.values() for ref in refs), edges=edges, headings=headings, closed=closed
    )
    reports = {name_in(resource) for resource in resources if resource.get("resourceType") == "DiagnosticReport"}
    return Reach(
        answering=answering,
        incidental=linked - answering,
        reported=_closure(roots=roots[INVESTIGATIONS] | reports, edges=edges, closed=closed),
        diary=frozenset(roots[DIARY]),
        ended=frozenset((ended | (linked_ended - linked_holding)) - roots[ALLERGIES]),
    )


def notices(*, resources: Sequence[JsonObject], find: Find = str) -> tuple[Notice, ...]:
    """Return what the Lists warn of, once each, with the section that each is about.

    What a secondary List warns of is about what is linked, and begins with the List's title. An empty List with the
    ordinary reason is no warning: its note is always "Information not available", alone or after a warning's words.
    Whatever else its note says is one, and so is any other reason, or none where there is no note either: the practice
    did not say that there is nothing.
    """
    grounds: dict[Notice, list[Ground]] = {}
    for resource in resources:
        stated = _notices_of(resource) if resource.get("resourceType") == "List" else []
        if stated:
            ground = _ground_of(resource, find=find)
            for notice in dict.fromkeys(stated):
                grounds.setdefault(notice, []).append(ground)
    return tuple(replace(notice, grounds=tuple(dict.fromkeys(several))) for notice, several in grounds.items())


def _ground_of(resource: JsonObject, /, *, find: Find) -> Ground:
    """Return what a List's warning rests on: the List, and for a heading that something under it may be seen."""
    is_heading = not primary_code(resource=resource) and not is_secondary(resource=resource)
    entries = _entries(resource, find=find) if is_heading else []
    return Ground(all_of=(name_in(resource),), any_of=tuple(dict.fromkeys(entries)))


def _notices_of(resource: JsonObject, /) -> list[Notice]:
    category, title = _place(resource)
    notes = [text(note.get("text")) for note in mappings(listed(resource.get("note")))]
    codes = [_WARNINGS.get(code, NoticeCode.RESOURCE_WARNING) for code in _warning_codes(resource)]
    reason = resource.get("emptyReason")
    reasons = {text(coding.get("code")) for coding in mappings(mapping(reason).get("coding"))}
    if reasons == {"no-content-recorded"}:
        notes = [_without_the_ordinary(note) for note in notes]
    elif reason:
        codes.append(NoticeCode.INFORMATION_NOT_AVAILABLE)
        notes.append(_words_of(mapping(reason)))
    words = " ".join(filter(None, notes))
    if _is_empty_without_word(resource, words=words):
        codes.append(NoticeCode.INFORMATION_NOT_AVAILABLE)
        words = _EMPTY_WITHOUT_WORD
    elif words and not codes and (primary_code(resource=resource) or title):
        codes.append(NoticeCode.RESOURCE_WARNING)  # the consultations' headings have notes of their own
    said = [(code, words) for code in codes]
    said += [(NoticeCode.NOT_SUPPORTED, sentence) for sentence in _sentences(resource)]
    return [
        Notice(code=code, text=f"{title}: {words or code.words}" if title else words, category=category)
        for code, words in said
    ]


def _is_empty_without_word(resource: JsonObject, /, *, words: str) -> bool:
    """Return whether a List that answers for an area is empty, and says by nothing that there is nothing.

    Source: GP Connect 1.6, "Using lists to return data": an empty List has an emptyReason and a note. That of the ended
    allergies answers for none that hold.
    """
    answers = primary_code(resource=resource) not in ("", ENDED_ALLERGIES)
    return answers and not (words or resource.get("emptyReason") or _items(resource) or _warning_codes(resource))


def _without_the_ordinary(note: str, /) -> str:
    bare = note.rstrip(". ")
    return bare.removesuffix(_NOTHING_RECORDED).rstrip() if bare.endswith(_NOTHING_RECORDED) else note


def _words_of(concept: JsonObject, /) -> str:
    displays = (text(coding.get("display")) for coding in mappings(concept.get("coding")))
    return text(concept.get("text")) or next(filter(None, displays), "")


def _place(resource: JsonObject, /) -> tuple[RecordCategory | None, str]:
    """Return the section that a List is about, and what to call the List where it holds only what is linked."""
    if code := primary_code(resource=resource):
        return PRIMARY[code], ""
    linked = next((code for system, code in _codings(resource) if system.endswith(_SECONDARY_SYSTEM)), "")
    if not linked:  # a consultation, a topic or a heading
        return RecordCategory.ENCOUNTERS, ""
    content = linked.partition("-")[2]
    category = next((category for words, category in _LINKED.items() if content.startswith(words)), None)
    return category, text(resource.get("title")) or "Linked items"


def _sentences(resource: JsonObject, /) -> list[str]:
    """Return what stands in place of items: "Test request items are not supported by the provider system"."""
    sentences: list[str] = []
    for item in _items(resource):
        reference = text(item.get("reference"))
        if " " in reference:
            sentences.append(reference)
        elif not reference and (words := text(item.get("display"))):
            sentences.append(words)
    return sentences


def lacking(*, resources: Sequence[JsonObject], known: frozenset[str], find: Find = str) -> tuple[Notice, ...]:
    """Return how many items of each section a List names for it, and the answer lacks. `known` are all its entries.

    What a List contained has been taken out of it. Where a listed allergy did not come, none is not "none known". One
    that is listed by nothing that leads to it, such as an identifier or a reason for its absence, did not come either.
    """
    absent: dict[RecordCategory | None, dict[str, list[str]]] = {}
    nameless: dict[RecordCategory | None, list[Ground]] = {}
    for resource in resources:
        if primary_code(resource=resource) or (
            resource.get("resourceType") == "List" and is_secondary(resource=resource)
        ):
            category = _place(resource)[0]
            naming = absent.setdefault(category, {})
            grounds = [Ground(any_of=(name_in(resource),)) for item in _items(resource) if not _leads_or_tells(item)]
            nameless.setdefault(category, []).extend(grounds)
            for name in dict.fromkeys(_entries(resource, find=find)):
                if name not in known:
                    naming.setdefault(name, []).append(name_in(resource))
    return tuple(
        counting_notice(
            code=NoticeCode.INCOMPLETE,
            grounds=[*(Ground(any_of=tuple(lists)) for lists in naming.values()), *nameless[category]],
            one="1 listed item is not in its answer.",
            several="{count} listed items are not in its answer.",
            category=category,
        )
        for category, naming in absent.items()
        if naming or nameless[category]
    )


def silent(*, resources: Sequence[JsonObject], asked: Iterable[RecordCategory]) -> tuple[Notice, ...]:
    """Return that a category was asked for and has no primary List, which does not mean "nothing recorded".

    That of the ended allergies does not answer for those that hold, and neither does a List that is not in force.
    For whoever may not see a List that is labelled, that may be so as well: such a notice rests on that.
    """
    answering: dict[RecordCategory, list[JsonObject]] = {}
    for resource in resources:
        code = primary_code(resource=resource)
        if code and code != ENDED_ALLERGIES and text(resource.get("status")) not in _NOT_IN_FORCE:
            answering.setdefault(PRIMARY[code], []).append(resource)
    said: list[Notice] = []
    for category in asked:
        answers = answering.get(category, ())
        if all(labels_in(resource) for resource in answers):
            ground = Ground(none_of=tuple(name_in(resource) for resource in answers))
            grounds = (ground,) if answers else ()
            said.append(Notice(code=NoticeCode.INFORMATION_NOT_AVAILABLE, category=category, grounds=grounds))
    return tuple(said)


def _codings(resource: JsonObject) -> list[tuple[str, str]]:
    codings = mappings(mapping(resource.get("code")).get("coding"))
    return [(text(coding.get("system")), text(coding.get("code"))) for coding in codings]


def _entries(resource: JsonObject, /, *, find: Find) -> list[str]:
    references = texts([item.get("reference") for item in _items(resource)])
    return [find(reference) for reference in references if reference and " " not in reference]


def _items(resource: JsonObject, /) -> list[JsonObject]:
    """Return what each entry of a List holds; an empty object for one that holds nothing that can be read."""
    items: list[JsonObject] = []
    for entry in listed(resource.get("entry")):
        items += mappings(listed(mapping(entry).get("item"))) or [{}]
    return items


def _leads_or_tells(item: JsonObject, /) -> bool:
    """Whether what a List's entry holds leads to something, or says in words why it does not."""
    return bool(text(item.get("reference")).strip() or text(item.get("display")).strip())


def _warning_codes(resource: JsonObject, /) -> list[str]:
    """Return the codes of a List's warnings, "" for one in a form that is not known: it is a warning all the same.

    So is any extension that may turn round what the List says.
    """
    modifiers = mappings(listed(resource.get("modifierExtension")))
    extensions = mappings(listed(resource.get("extension")))
    warnings = [each for each in extensions if _WARNING_EXTENSION in text(each.get("url")).casefold()]
    return [text(each.get("valueCode")).strip().casefold() for each in (*warnings, *modifiers)]


def name_in(resource: JsonObject, /) -> str:
    """Return the `Type/id` of a resource."""
    return f"{resource.get('resourceType')}/{resource.get('id', '')}"


def _edges(*, resources: Sequence[JsonObject], find: Find) -> dict[str, set[str]]:
    """Return what belongs together: a medicine's plan and issues, a report and its results, a group and its members.

    Not the links of a problem or an encounter: those are what makes an item incidental.
    """
    edges: dict[str, set[str]] = {}
    for resource in resources:
        if parts := _parts(resource):
            here = name_in(resource)
            for other in map(find, parts):
                edges.setdefault(here, set()).add(other)
                edges.setdefault(other, set()).add(here)
    return edges


# What belongs to a resource of each type; of an Observation, what it is related to.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "MedicationStatement": ("basedOn",),
    "MedicationRequest": ("basedOn",),
    "DiagnosticReport": ("result", "basedOn"),
    "Observation": ("related",),
}


def _parts(resource: JsonObject, /) -> list[str]:
    kind = text(resource.get("resourceType"))
    members = [member for member in _PARTS.get(kind, ()) if member in resource]
    if not members:
        return []
    held = [each for member in members for each in mappings(resource[member])]
    references = [mapping(each.get("target")) for each in held] if kind == "Observation" else held
    return texts([reference.get("reference") for reference in references])


def _headings(*, lists: Sequence[JsonObject], linked: frozenset[str], find: Find) -> dict[str, set[str]]:
    """Return what the topic and heading Lists of each Encounter or List hold, save what a secondary List names."""
    held: dict[str, set[str]] = {}
    for resource in lists:
        encounter = find(text(mapping(resource.get("encounter")).get("reference")))
        entries = set(_entries(resource, find=find)) - linked
        for holder in (encounter, name_in(resource)):
            if holder:
                held.setdefault(holder, set()).update(entries)
    return held


def _with_heirs(confidential: AbstractSet[str], /, *, resources: Sequence[JsonObject], find: Find) -> AbstractSet[str]:
    """Return what is confidential, with what it contains and what says that it belongs to it."""
    if not confidential:
        return confidential
    heirs: dict[str, set[str]] = {}
    for resource in resources:
        here = name_in(resource)
        held = _entries(resource, find=find) if resource.get("resourceType") == "List" else map(find, _parts(resource))
        heirs.setdefault(here, set()).update(held)
        for member in ("encounter", "context"):
            if contact := text(mapping(resource.get(member)).get("reference")):
                heirs.setdefault(find(contact), set()).add(here)
    return _closure(roots=confidential, edges=heirs)


def _closure(
    *,
    roots: Iterable[str],
    edges: Mapping[str, AbstractSet[str]],
    headings: Mapping[str, AbstractSet[str]] = MappingProxyType({}),
    closed: AbstractSet[str] = frozenset(),
) -> frozenset[str]:
    reached = set(roots) - closed
    frontier = list(reached)
    while frontier:
        here = frontier.pop()
        for other in edges.get(here, set()) | headings.get(here, set()):
            if other not in reached and other not in closed:
                reached.add(other)
                frontier.append(other)
    return frozenset(reached)
