"""A resource as its source sent it, with what its references lead to at that source. Pure."""

from __future__ import annotations

from typing import Protocol

import msgspec

from aggregator.record.item import Item
from aggregator.record.reading import Resource
from fhir_data.access import mappings, text

CONTAINED = "#"  # how a reference to a resource inside the same one begins


class Resolver(Protocol):
    """What an item points to among the items of its source."""

    def resource(self, *, item: Item, reference: str) -> Resource:
        """Return another resource; an empty mapping when it is not in the answer."""
        ...

    def name(self, *, item: Item, reference: str) -> str:
        """Return one name for what a reference means, whichever way it is spelt."""
        ...

    def item_id(self, *, item: Item, reference: str) -> str:
        """Return the id of the item that a reference means; "" when it is not in the answer."""
        ...

    def is_sound(self, *, item: Item, reference: str) -> bool:
        """Return whether what a reference means has no flaw in anything that may be compared."""
        ...


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A resource as its source sent it, and what its references lead to at that source."""

    resource: Resource
    item: Item
    resolver: Resolver

    def find(self, *, reference: str) -> Resource:
        """Return another resource of the source, or one contained in this; an empty mapping when there is none."""
        if reference.startswith(CONTAINED):
            contained = mappings(self.resource.get("contained"))
            return next((inner for inner in contained if text(inner.get("id")) == reference[1:]), {})
        return self.resolver.resource(item=self.item, reference=reference)

    def name(self, *, reference: str) -> str:
        """Return one name for what a reference means, whichever way it is spelt."""
        return self.resolver.name(item=self.item, reference=reference)

    def item_id(self, *, reference: str) -> str:
        """Return the id of the item that a reference means; "" for one that is not in the answer or contained."""
        if reference.startswith(CONTAINED):
            return ""
        return self.resolver.item_id(item=self.item, reference=reference)
