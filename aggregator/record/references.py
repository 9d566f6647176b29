"""Which items other items lead to, by the references that they hold. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from aggregator.record.item import Item
from fhir_data.references import Address, Directory
from fhir_data.references import without_version as without_version

# Read off the bytes, since walking every parsed item costs several times as much; escapes are undone after.
_REFERENCE = re.compile(rb'"reference"\s*:\s*("(?:[^"\\]|\\.){1,512}")')


class _Head(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")
    id: str | None = None


_HEAD = msgspec.json.Decoder(_Head)


def target_of(*, item: Item) -> str:
    """Return the text by which a relative reference names this item, `Type/id`; "" when it has no id."""
    head = _HEAD.decode(item.resource)
    return f"{head.resource_type}/{head.id}" if head.id else ""


def references_in(*, item: Item) -> tuple[str, ...]:
    """Return the references that an item holds, as they were sent, in order of appearance."""
    return tuple(json.loads(quoted) for quoted in _REFERENCE.findall(item.resource))


class Targets:
    """The items that references may lead to. References count only within one source; nothing is fetched."""

    def __init__(self, *, items: Iterable[Item]) -> None:
        held: dict[str, dict[Address, list[Item]]] = defaultdict(dict)
        # By id, so that the order in which items are given does not matter.
        for item in sorted(items, key=lambda one: one.id):
            address = Address(full_url=item.full_url, name=target_of(item=item))
            if address.full_url or address.name:  # one without either is what no reference means
                held[item.source_id].setdefault(address, []).append(item)
        self._directories = {source_id: Directory(entries=addresses.items()) for source_id, addresses in held.items()}

    def find(self, *, item: Item, reference: str) -> tuple[Item, ...]:
        """Return what a reference in an item means: none, one, or the copies of one that was sent several times."""
        directory = self._directories.get(item.source_id)
        found = directory.find(reference=reference, within=item.full_url) if directory and reference else None
        return tuple(found or ())


def referenced_from(*, items: Iterable[Item], supporting: Iterable[Item]) -> tuple[Item, ...]:
    """Return the supporting items that items lead to, directly or by other supporting items, in the order given."""
    candidates = tuple(supporting)
    targets = Targets(items=candidates)
    reached: set[str] = set()
    frontier = list(items) if candidates else []
    while frontier:
        item = frontier.pop()
        for reference in references_in(item=item):
            for found in targets.find(item=item, reference=reference):
                if found.id not in reached:
                    reached.add(found.id)
                    frontier.append(found)
    return tuple(item for item in candidates if item.id in reached)
