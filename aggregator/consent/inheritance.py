"""What a label holds for beside what it stands on: what a labelled List, report, contact or letter contains. Pure.

Inherited are the labels of a List, a DiagnosticReport, an Encounter and a Composition: by what they refer to, and of an
Encounter by what says that it belongs to it. What has inherited a label hands it on, as a group to its members and a
medicine to its plan and issues. It goes to what tells of the patient, never to a person, a place or a thing that others
name as well, and never from a part to what it is a part of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from aggregator.consent.decision import Decision
from aggregator.record.item import Item
from aggregator.record.reading import parse
from aggregator.record.references import Targets
from fhir_data.access import JsonObject, listed, mapping, mappings, text
from fhir_data.heads import type_of
from fhir_data.labels import Label, labels_in, own_labels_in

_HOLDERS = frozenset({"List", "DiagnosticReport", "Encounter", "Composition"})
# Where a holder itself belongs, and whom it names: what stands there is not part of it.
_OUTSIDE = frozenset(
    "subject patient encounter context partOf episodeOfCare author performer recorder source custodian".split()
)
# What hands on only what it has inherited, and by which members.
_HANDS_ON: Mapping[str, frozenset[str]] = {
    "Observation": frozenset({"hasMember", "related"}),
    "MedicationStatement": frozenset({"basedOn"}),
    "MedicationRequest": frozenset({"basedOn"}),
}
_MEDICINES = frozenset({"MedicationStatement", "MedicationRequest"})
# By which members something says that it belongs to an Encounter; `partOf` is for an Encounter within another.
_BELONGS_BY = ("encounter", "context", "partOf")
# One of these stands in everything that belongs to an Encounter or to a medicine's plan.
_MARKS = (b"ncounter", b'"context"', b'"partOf"', b'"basedOn"', b"\\u")


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

    def of(self, item: Item, /, *, has_inherited: bool) -> Iterator[Item]:
        """Yield what inherits the labels of an item, itself labelled or having inherited them."""
        kind = type_of(entry=item.resource)
        if not item.labels and not has_inherited:
            return
        parts = self._closed_parts(item, kind=kind, has_inherited=has_inherited)
        for part in parts:
            for reference in _held_by(part, has_inherited=has_inherited):
                for heir in self._targets.find(item=item, reference=reference):
                    if _may_inherit(heir):
                        yield heir
        if kind == "Encounter" or (has_inherited and kind in _MEDICINES):
            yield from self._belonging_to.get(item.id, ())

    def _closed_parts(self, item: Item, /, *, kind: str, has_inherited: bool) -> Iterator[JsonObject]:
        """Yield the resource and those that it contains, as far as a label holds for them."""
        if kind not in _HOLDERS and kind not in _HANDS_ON and b'"contained"' not in item.resource:
            return
        resource = parse(resource=item.resource)
        within = mappings(listed(resource.get("contained")))
        # As sent, too: what a List contained is an item of its own, and its label is its own.
        sent = parse(resource=item.original) if item.original and b'"contained"' in item.original else {}
        inner = {label for part in (*within, *mappings(listed(sent.get("contained")))) for label in labels_in(part)}
        if has_inherited or not self._may_show(item, labels={*item.labels} - inner | {*own_labels_in(resource)}):
            yield resource
            yield from within
        else:
            yield from (part for part in within if not self._may_show(item, labels=set(labels_in(part))))

    def _may_show(self, item: Item, /, *, labels: set[Label]) -> bool:
        return self._decision.may_show(item=replace(item, labels=tuple(labels)))

    @cached_property
    def _belonging_to(self) -> Mapping[str, Sequence[Item]]:
        """What belongs to each Encounter, and what is based on each medicine, by the id of that."""
        belonging: dict[str, list[Item]] = defaultdict(list)
        for item in filter(_may_inherit, self._items):
            # As sent, too: R4 may have no place for what a source says that something belongs to.
            for body in dict.fromkeys(filter(None, (item.resource, item.original))):
                if not any(mark in body for mark in _MARKS):
                    continue
                for reference in _wholes_of(parse(resource=body)):
                    for whole in self._targets.find(item=item, reference=reference):
                        belonging[whole.id].append(item)
        return belonging


def _may_inherit(item: Item, /) -> bool:
    return item.category.is_clinical or type_of(entry=item.resource) in _HOLDERS


def _held_by(resource: JsonObject, /, *, has_inherited: bool) -> Iterator[str]:
    kind = text(resource.get("resourceType"))
    if kind in _HOLDERS:
        members = {name: value for name, value in resource.items() if name not in _OUTSIDE | {"contained"}}
    elif has_inherited:
        members = {name: value for name, value in resource.items() if name in _HANDS_ON.get(kind, ())}
    else:
        return
    yield from _references_within(members)


def _wholes_of(resource: JsonObject, /) -> Iterator[str]:
    """Yield what a resource says that it belongs to, by an extension for an Encounter too."""
    for name in _BELONGS_BY:
        yield from _references_within(resource.get(name))
    for extension in mappings(resource.get("extension")):
        if "ncounter" in text(extension.get("url")):
            yield from _references_within(extension)
    if text(resource.get("resourceType")) in _MEDICINES:
        yield from _references_within(resource.get("basedOn"))


def _references_within(value: object, /) -> Iterator[str]:
    """Yield the references in a value of any shape: the limits of what is read bound its depth."""
    if isinstance(value, list):
        for element in value:
            yield from _references_within(element)
    elif isinstance(value, dict):
        if reference := text(mapping(value).get("reference")):
            yield reference
        for member in value.values():
            if isinstance(member, dict | list):
                yield from _references_within(member)
