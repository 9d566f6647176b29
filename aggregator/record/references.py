"""Which items other items lead to, by the references that they hold. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from aggregator.record.item import Item
from fhir_data.heads import entry_name
from fhir_data.references import Address, Directory, references_in


def target_of(*, item: Item) -> str:
    """Return the text by which a relative reference names this item, `Type/id`; "" when it has no id."""
    return entry_name(entry=item.resource)


class Targets:
    """The items that references may lead to. References count only within one source; nothing is fetched."""

    def __init__(self, *, items: Iterable[Item]) -> None:
        held: dict[str, dict[Address, list[Item]]] = defaultdict(dict)
        # By id, so that the order in which items are given does not matter.
        for item in sorted(items, key=lambda item: item.id):
            address = Address(full_url=item.full_url, name=target_of(item=item))
            if address.full_url or address.name:  # one without either is what no reference means
                held[item.source_id].setdefault(address, []).append(item)
        self._directories = {source_id: Directory(entries=addresses.items()) for source_id, addresses in held.items()}

    def find(self, *, item: Item, reference: str) -> tuple[Item, ...]:
        """Return what a reference in an item means: none, one, or the copies of one that was sent several times."""
        directory = self._directories.get(item.source_id)
        copies = directory.find(reference=reference, within=item.full_url) if directory and reference else None
        return tuple(copies or ())


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
