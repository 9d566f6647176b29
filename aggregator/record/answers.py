"""What sources answered, by what their items call each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.record.doubt import is_compared_in_doubt
from aggregator.record.item import Item
from aggregator.record.reading import Resource, parse
from aggregator.record.references import Targets
from fhir_data.references import base_of, without_version


class Answers:
    """Finds what an item points to among the items of the same source, parsing each at most once."""

    def __init__(self, *, items: Iterable[Item]) -> None:
        self._targets = Targets(items=items)
        self._parsed: dict[str, Resource] = {}
        self._sound: dict[str, bool] = {}
        self._found: dict[tuple[str, str, str], tuple[Item, ...]] = {}

    def resource(self, *, item: Item, reference: str) -> Resource:
        """Return what a reference in an item means; an empty mapping when it is not in the answer."""
        copies = self.items(item=item, reference=reference)
        if not copies:
            return {}
        if copies[0].id not in self._parsed:
            self._parsed[copies[0].id] = parse(resource=copies[0].resource)
        return self._parsed[copies[0].id]

    def name(self, *, item: Item, reference: str) -> str:
        """Return one name for what a reference in an item means, whichever way it is spelt."""
        copies = self.items(item=item, reference=reference)
        return f"item {copies[0].id}" if copies else without_version(reference=reference)

    def item_id(self, *, item: Item, reference: str) -> str:
        """Return the id of the item that a reference in an item means; "" when it is not in the answer."""
        copies = self.items(item=item, reference=reference)
        return copies[0].id if copies else ""

    def is_sound(self, *, item: Item, reference: str) -> bool:
        """Return whether what a reference in an item means has no flaw in anything that may be compared."""
        copies = self.items(item=item, reference=reference)
        if not copies:
            return True
        if copies[0].id not in self._sound:
            self._sound[copies[0].id] = not is_compared_in_doubt(item=copies[0])
        return self._sound[copies[0].id]

    def items(self, *, item: Item, reference: str) -> tuple[Item, ...]:
        """Return what a reference in an item means: none, one, or the copies of one that was sent several times."""
        # A relative reference means what is on the server of the item that it stands in.
        asked = (item.source_id, base_of(full_url=item.full_url), reference)
        if asked not in self._found:
            self._found[asked] = self._targets.find(item=item, reference=reference)
        return self._found[asked]
