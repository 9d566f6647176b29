"""What a label holds for beside what it stands on: what a labelled List, report, contact or letter contains. Pure.

Inherited are the labels of a List, a DiagnosticReport, an Encounter, an EpisodeOfCare and a Composition: by what they
refer to, and of an Encounter or an episode by what says that it belongs to it. A group hands its label to its members,
a medicine to its plan and issues, and anything to its other copies and versions, and to the documents attached to it.
It goes to what tells of the patient, never to a person, a place or a thing that others name as well, and never from a
part to what it is a part of: but what is nothing without its content, as a prescription without its Medication, and a
letter without its file, is withheld with that. References count however they are spelt.

What the patient denies by name is handed on as a label is. What is withheld only for its kind or its date leaves alone
what it contains: that has a kind and a date of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import structs

from aggregator.consent.decision import Decision
from aggregator.record.item import Item
from aggregator.record.reading import parse
from aggregator.record.references import Targets
from fhir_data.access import JsonObject, listed, mapping, mappings, text
from fhir_data.heads import type_of
from fhir_data.labels import Label, labels_in, own_labels_in
from fhir_data.references import LikelyName, attachments_in, likely_name, text_of_reference

_HOLDERS = frozenset({"List", "DiagnosticReport", "Encounter", "EpisodeOfCare", "Composition"})
# Where a holder itself belongs, and whom it names: what stands there is not part of it.
_OUTSIDE = frozenset(
    "subject patient encounter context partOf episodeOfCare author performer recorder source custodian".split()
)
# What hands a label on by some members alone.
_HANDS_ON: Mapping[str, frozenset[str]] = {
    "Observation": frozenset({"hasMember", "related"}),
    "MedicationStatement": frozenset({"basedOn"}),
    "MedicationRequest": frozenset({"basedOn"}),
}
# What hands on only what it has inherited: the issue of a medicine is a part of its plan.
_HANDS_ON_INHERITED = frozenset({"MedicationRequest"})
_MEDICINES = frozenset({"MedicationStatement", "MedicationRequest"})
# What others say that they belong to.
_WHOLES = frozenset({"Encounter", "EpisodeOfCare"}) | _MEDICINES
# By which members, beside those with an Encounter in their name; `partOf` is for an Encounter within another.
_BELONGS_BY = ("context", "partOf", "episodeOfCare")
# One of these stands in everything that belongs to an Encounter, an episode or a medicine's plan.
_MARKS = (b"ncounter", b'"context"', b'"partOf"', b'"episodeOfCare"', b'"basedOn"', b"\\u")
# What others are nothing without.
_CONTENTS = frozenset({"Medication", "Binary"})
_MEDICATION = b'"medicationReference"'


def closed_items(*, items: Iterable[Item], decision: Decision) -> set[str]:
    """Return the ids of the items that may not be shown, by their own labels or by inherited ones.

    Each item is looked at once for its own labels and once for those that it inherits, however many lead to it: rings
    and long lists cost no more than others.
    """
    listed_items = tuple(items)
    labelled = {item.id for item in listed_items if not decision.may_show(item=item)}
    if not labelled or len(labelled) == len(listed_items):
        return labelled
    heirs = _Heirs(listed_items, decision)
    inheriting: set[str] = set()
    due = [(item, False) for item in listed_items if item.id in labelled]
    while due:
        item, has_inherited = due.pop()
        for copy in heirs.copies_of(item):
            if copy.id not in labelled and copy.id not in inheriting:
                labelled.add(copy.id)
                due.append((structs.replace(copy, labels=item.labels), has_inherited))
        for heir in heirs.of(item, has_inherited=has_inherited):
            if heir.id not in inheriting:
                inheriting.add(heir.id)
                due.append((heir, True))
    return labelled | inheriting


class _Heirs:
    """Finds what inherits the labels of an item, among the items of the same source."""

    def __init__(self, items: Sequence[Item], decision: Decision) -> None:
        self._items = items
        self._decision = decision
        self._targets = Targets(items=items)
        self._elsewhere: dict[tuple[str, LikelyName], list[Item]] = {}
        self._followed: set[int] = set()
        self._copied: set[int] = set()

    def of(self, item: Item, /, *, has_inherited: bool) -> Iterator[Item]:
        """Yield what inherits the labels of an item, itself labelled or having inherited them."""
        if not has_inherited and self._decision.may_show_parts(item=item):
            return
        kind = type_of(entry=item.resource)
        parts = self._closed_parts(item, kind=kind, has_inherited=has_inherited)
        for part in parts:
            for reference in _held_by(part):
                yield from self._once(self._targets.find_likely(item=item, reference=reference))
        if kind in _WHOLES:
            yield from self._belonging.leading_to(item)
        if kind in _CONTENTS:
            yield from self._needing.leading_to(item)
        for content in self._contents_of(item):
            yield from self._once(content)
            yield from self._needing.leading_to_any(content)

    def copies_of(self, item: Item, /) -> Iterator[Item]:
        """Yield the copies and versions of an item, and itself; nothing where they were yielded for another."""
        for copies in self._targets.copies_of(item):
            if id(copies) not in self._copied:
                self._copied.add(id(copies))
                yield from copies

    def _once(self, found: Sequence[Item]) -> Iterator[Item]:
        """Yield what may inherit of what a reference leads to; nothing where another has led to the same."""
        if id(found) not in self._followed:
            self._followed.add(id(found))
            yield from filter(_may_inherit, found)

    def _closed_parts(self, item: Item, /, *, kind: str, has_inherited: bool) -> Iterator[JsonObject]:
        """Yield the resource and those that it contains, as far as a label holds for them."""
        if kind not in _HOLDERS and kind not in _HANDS_ON and b'"contained"' not in item.resource:
            return
        resource = parse(resource=item.resource)
        within = mappings(listed(resource.get("contained")))
        # As sent, too: what a List contained is an item of its own, and its label is its own.
        sent = parse(resource=item.original) if item.original and b'"contained"' in item.original else {}
        inner = {label for part in (*within, *mappings(listed(sent.get("contained")))) for label in labels_in(part)}
        is_closed = not self._may_show_parts(item, labels={*item.labels} - inner | {*own_labels_in(resource)})
        if has_inherited or (is_closed and kind not in _HANDS_ON_INHERITED):
            yield resource
            yield from within
        else:
            yield from (part for part in within if not self._may_show_parts(item, labels=set(labels_in(part))))

    def _may_show_parts(self, item: Item, /, *, labels: set[Label]) -> bool:
        return self._decision.may_show_parts(item=structs.replace(item, labels=tuple(labels)))

    @cached_property
    def _belonging(self) -> _Leading:
        """What belongs to an Encounter, an episode or a medicine."""
        belonging = _Leading()
        for item in filter(_may_inherit, self._items):
            # As sent, too: R4 may have no place for what a source says that something belongs to.
            for body in dict.fromkeys(filter(None, (item.resource, item.original))):
                if not any(mark in body for mark in _MARKS):
                    continue
                for reference in _wholes_of(parse(resource=body)):
                    belonging.add(item, to=self._targets.find_likely(item=item, reference=reference))
        return belonging

    @cached_property
    def _needing(self) -> _Leading:
        """What is nothing without a Medication or a file."""
        needing = _Leading()
        for item in filter(_may_inherit, self._items):
            for content in (*self._contents_of(item), *self._medications_of(item)):
                needing.add(item, to=content)
        return needing

    def _contents_of(self, item: Item) -> Iterator[Sequence[Item]]:
        """Yield what is attached to an item; nothing, but always the same, for a file that did not come with it."""
        for address in attachments_in(resource=item.resource):
            contents = self._targets.find_likely(item=item, reference=address)
            if contents:
                yield contents
            elif (name := likely_name(reference=address)).kind == "binary":
                yield self._elsewhere.setdefault((item.source_id, name), [])

    def _medications_of(self, item: Item) -> Iterator[Sequence[Item]]:
        if _MEDICATION in item.resource:
            reference = text_of_reference(mapping(parse(resource=item.resource).get("medicationReference")))
            yield self._targets.find_likely(item=item, reference=reference)


class _Leading:
    """The items that lead to others, found by those. What leads to copies of one thing is told once for all of them."""

    def __init__(self) -> None:
        self._leading: dict[int, list[Item]] = {}
        self._led_to: dict[str, list[int]] = defaultdict(list)

    def add(self, item: Item, /, *, to: Sequence[Item]) -> None:
        """Note that an item leads to others, which Targets found: the same for the same reference."""
        if id(to) not in self._leading:
            self._leading[id(to)] = []
            for target in to:
                self._led_to[target.id].append(id(to))
        self._leading[id(to)].append(item)

    def leading_to(self, item: Item, /) -> Iterator[Item]:
        """Yield what leads to an item, as far as it was not told before."""
        for key in self._led_to.get(item.id, ()):
            yield from self._told(key)

    def leading_to_any(self, found: Sequence[Item], /) -> Iterator[Item]:
        """Yield what leads to what was found, as far as it was not told before."""
        yield from self._told(id(found))

    def _told(self, key: int) -> Iterator[Item]:
        leading = self._leading.get(key, [])
        yield from leading
        leading.clear()


def _may_inherit(item: Item, /) -> bool:
    return item.category.is_clinical or type_of(entry=item.resource) in _HOLDERS


def _held_by(resource: JsonObject, /) -> Iterator[str]:
    kind = text(resource.get("resourceType"))
    if kind in _HOLDERS:
        members = {name: value for name, value in resource.items() if name not in _OUTSIDE | {"contained"}}
    else:
        members = {name: value for name, value in resource.items() if name in _HANDS_ON.get(kind, ())}
    yield from _references_within(members)


def _wholes_of(resource: JsonObject, /) -> Iterator[str]:
    """Yield what a resource says that it belongs to."""
    for name in _BELONGS_BY:
        yield from _references_within(resource.get(name))
    yield from _encounters_within(resource)
    if text(resource.get("resourceType")) in _MEDICINES:
        yield from _references_within(resource.get("basedOn"))


def _encounters_within(value: object, /) -> Iterator[str]:
    """Yield the references that stand in a member, or an extension, with an Encounter in its name."""
    if isinstance(value, list):
        for element in value:
            yield from _encounters_within(element)
    elif isinstance(value, dict):
        if "ncounter" in text(value.get("url")):
            yield from _references_within(value)
        for name, member in value.items():
            if isinstance(member, dict | list):
                yield from _references_within(member) if "ncounter" in name else _encounters_within(member)


def _references_within(value: object, /) -> Iterator[str]:
    """Yield the references in a value of any shape: the limits of what is read bound its depth."""
    if isinstance(value, list):
        for element in value:
            yield from _references_within(element)
    elif isinstance(value, dict):
        if reference := text_of_reference(value):
            yield reference
        for member in value.values():
            if isinstance(member, dict | list):
                yield from _references_within(member)
