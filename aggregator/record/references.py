"""Which items other items lead to, by the references that they hold. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import structs

from aggregator.record.item import Item
from aggregator.record.reading import parse
from fhir_data.access import listed, mappings, text
from fhir_data.heads import entry_name, type_of
from fhir_data.references import (
    Address,
    Directory,
    LikelyName,
    likely_name,
    references_in,
    searched_identifier,
)


def target_of(*, item: Item) -> str:
    """Return the text by which a relative reference names this item, `Type/id`; "" when it has no id."""
    return entry_name(entry=item.resource)


class Targets:
    """The items that references may lead to. References count only within one source; nothing is fetched."""

    def __init__(self, *, items: Iterable[Item]) -> None:
        self._items = items = tuple(items)
        self._identified_found: dict[tuple[str, str, str], Sequence[Item]] = {}
        held: dict[str, dict[Address, list[Item]]] = defaultdict(dict)
        # By id, so that the order in which items are given does not matter.
        for item in sorted(items, key=lambda item: item.id):
            address = Address(full_url=item.full_url, name=target_of(item=item))
            if address.full_url or address.name:  # one without either is what no reference means
                held[item.source_id].setdefault(address, []).append(item)
        self._directories = {source_id: Directory(entries=addresses.items()) for source_id, addresses in held.items()}

    def find(self, *, item: Item, reference: str) -> tuple[Item, ...]:
        """Return what a reference in an item means: none, one, or the copies of one that was sent several times."""
        return tuple(self._copies(item, reference))

    def find_likely(self, *, item: Item, reference: str) -> Sequence[Item]:
        """Return what a reference in an item may mean, however it is spelt, and whatever has the identifier that it
        names; for deciding what to withhold, since there doubt hides. What is known to be on another server is not
        meant. The same items are the same object, so that many references to many copies cost no more than others.
        """
        if copies := self._copies(item, reference):
            return copies
        if searched := searched_identifier(reference=reference):
            return self._identified(item.source_id, *searched)
        return self._likely(item.source_id, likely_name(reference=reference))

    def copies_of(self, item: Item, /) -> Iterator[Sequence[Item]]:
        """Yield the items that seem to be copies or other versions of an item, of its source, type and id: it is one of
        them. The same items are the same object.
        """
        for name in _likely_names(item):
            yield self._likely(item.source_id, name)
            if name.base:
                yield self._by_likely_name.get((item.source_id, structs.replace(name, base="")), ())

    def _copies(self, item: Item, reference: str) -> Sequence[Item]:
        directory = self._directories.get(item.source_id)
        copies = directory.find(reference=reference, within=item.full_url) if directory and reference else None
        return copies or ()

    def _likely(self, source_id: str, name: LikelyName) -> Sequence[Item]:
        """Return what goes by a likely name: on its server if anything does there, else where no server is known."""
        if not name.base:
            return self._anywhere.get((source_id, name), ())
        named = self._by_likely_name
        return named.get((source_id, name)) or named.get((source_id, structs.replace(name, base="")), ())

    def _identified(self, source_id: str, kind: str, identifier: str) -> Sequence[Item]:
        key = source_id, kind, identifier
        if key not in self._identified_found:
            holders = self._by_identifier.get((source_id, identifier), ())
            bearers = [other for other in holders if kind in ("", type_of(entry=other.resource))]
            self._identified_found[key] = bearers
        return self._identified_found[key]

    @cached_property
    def _by_likely_name(self) -> Mapping[tuple[str, LikelyName], Sequence[Item]]:
        named: dict[tuple[str, LikelyName], list[Item]] = defaultdict(list)
        for item in self._items:
            for name in _likely_names(item):
                named[item.source_id, name].append(item)
        return named

    @cached_property
    def _anywhere(self) -> Mapping[tuple[str, LikelyName], Sequence[Item]]:
        """The items by their likely names without a server, and by their ids alone."""
        named: dict[tuple[str, LikelyName], dict[str, Item]] = defaultdict(dict)
        for item in self._items:
            for name in _likely_names(item):
                for kind in (name.kind, ""):
                    named[item.source_id, LikelyName(base="", kind=kind, id=name.id)][item.id] = item
        return {key: list(items.values()) for key, items in named.items()}

    @cached_property
    def _by_identifier(self) -> Mapping[tuple[str, str], Sequence[Item]]:
        bearers: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in self._items:
            if b'"identifier"' in item.resource:
                for identifier in mappings(listed(parse(resource=item.resource).get("identifier"))):
                    named = f"{text(identifier.get('system'))}|{text(identifier.get('value'))}"
                    bearers[item.source_id, named].append(item)
        return bearers


def _likely_names(item: Item) -> Iterator[LikelyName]:
    """Yield what an item seems to be called, by its own id and by its `fullUrl`, on the server that this names."""
    address, kind = likely_name(reference=item.full_url), type_of(entry=item.resource).casefold()
    keys = (likely_name(reference=target_of(item=item)).id, address.id)
    yield from dict.fromkeys(LikelyName(base=address.base, kind=kind, id=key) for key in keys if key)


def referenced_from(*, items: Iterable[Item], supporting: Iterable[Item]) -> tuple[Item, ...]:
    """Return the supporting items that items lead to, directly or by other supporting items, in the order given."""
    candidates = tuple(supporting)
    targets = Targets(items=candidates)
    reached: set[str] = set()
    frontier = list(items) if candidates else []
    while frontier:
        item = frontier.pop()
        for reference in references_in(resource=item.resource):
            for target in targets.find(item=item, reference=reference):
                if target.id not in reached:
                    reached.add(target.id)
                    frontier.append(target)
    return tuple(item for item in candidates if item.id in reached)
