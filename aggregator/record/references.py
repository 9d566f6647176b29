"""Which supporting items other items lead to, by the references that they hold. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import msgspec

from aggregator.record.item import Item

# Read off the bytes, since walking every parsed item costs several times as much; escapes are undone after.
_REFERENCE = re.compile(rb'"reference"\s*:\s*("(?:[^"\\]|\\.){1,512}")')


class _Head(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")
    id: str | None = None


_HEAD = msgspec.json.Decoder(_Head)


def target_of(*, item: Item) -> str:
    """Return the text by which a reference names this item, `Type/id`; "" when it has no id."""
    head = _HEAD.decode(item.resource)
    return f"{head.resource_type}/{head.id}" if head.id else ""


def references_in(*, item: Item) -> tuple[str, ...]:
    """Return the references that an item holds, each as `Type/id` without server or version, in order of appearance."""
    return tuple(local_reference(json.loads(quoted)) for quoted in _REFERENCE.findall(item.resource))


def referenced_from(*, items: Iterable[Item], supporting: Iterable[Item]) -> tuple[Item, ...]:
    """Return the supporting items that items lead to, directly or by other supporting items, in the order given.

    References count only within one source; nothing is resolved over the network.
    """
    candidates = tuple(supporting)
    by_target: dict[tuple[str, str], list[Item]] = {}
    for item in candidates:
        by_target.setdefault((item.source_id, target_of(item=item)), []).append(item)
    reached: set[str] = set()
    frontier = list(items) if candidates else []
    while frontier:
        item = frontier.pop()
        for reference in references_in(item=item):
            for found in by_target.get((item.source_id, reference), ()):
                if found.id not in reached:
                    reached.add(found.id)
                    frontier.append(found)
    return tuple(item for item in candidates if item.id in reached)


def local_reference(reference: str) -> str:
    """Return a reference as `Type/id`, without server or version; a `urn:` is returned as it is."""
    if reference.startswith("urn:"):
        return reference
    return "/".join(reference.split("/_history/")[0].split("/")[-2:])
