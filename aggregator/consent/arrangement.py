"""Supporting items that point to what is shown: the Lists that arrange it, the roles of people named in it. Pure.

None may show that something is withheld. So a List is shown without its entries for what is withheld, and not at all
where it says more of that: where another member of it leads there, as the problem that a topic is about, or where
nothing else is left in it. Any other item that leads to what is withheld is not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aggregator.record.item import Item
from aggregator.record.references import Targets, referenced_from
from fhir_data import exact_json
from fhir_data.access import mapping, mappings, text
from fhir_data.heads import type_of
from fhir_data.references import references_in


def arranging(*, supporting: Iterable[Item], shown: Iterable[Item], withheld: Iterable[Item]) -> tuple[Item, ...]:
    """Return those of the supporting items that arrange what is shown, and what they lead to, as they may be shown.

    `supporting` are those that may be shown as far as they go themselves, and are not shown already.
    """
    waiting, shown, withheld = tuple(supporting), tuple(shown), tuple(withheld)
    hidden = frozenset(item.id for item in withheld)
    targets = Targets(items=(*waiting, *shown, *withheld))
    lists = _lists(waiting, hidden=hidden, targets=targets)
    others = {item.id: _Pointing.of(item, targets=targets) for item in waiting if not is_list(item)}
    candidates = {**lists, **{key: other for key, other in others.items() if not other.leads_to & hidden}}
    pointed_to = {item.id for item in referenced_from(items=shown, supporting=[c.item for c in lists.values()])}
    reached = {item.id for item in shown}
    found: dict[str, Item] = {}
    while fresh := [
        c for key, c in candidates.items() if key not in reached and (key in pointed_to or c.leads_to & reached)
    ]:
        for candidate in fresh:
            found[candidate.item.id] = candidate.item
            reached.add(candidate.item.id)
        led_to = referenced_from(
            items=[candidate.item for candidate in fresh],
            supporting=[other.item for key, other in others.items() if key not in reached],
        )
        found.update({item.id: item for item in led_to})
        reached.update(item.id for item in led_to)
    return tuple(found[item.id] for item in waiting if item.id in found)


def is_list(item: Item, /) -> bool:
    """Whether an item is a List."""
    return type_of(entry=item.resource) == "List"


@dataclass(frozen=True, kw_only=True)
class _Pointing:
    """An item, and the ids of what it leads to."""

    item: Item
    leads_to: frozenset[str]

    @classmethod
    def of(cls, item: Item, /, *, targets: Targets) -> _Pointing:
        return cls(item=item, leads_to=frozenset(_led_to(item, references_in(resource=item.resource), targets=targets)))


def _lists(items: Iterable[Item], *, hidden: frozenset[str], targets: Targets) -> Mapping[str, _Pointing]:
    """Return the Lists that may be shown, by id, each without its entries for what is withheld."""
    sent = {item.id: _SentList.of(item, targets=targets) for item in items if is_list(item)}
    kept = {key: listed for key, listed in sent.items() if not listed.about & hidden}
    while True:
        gone = hidden | (sent.keys() - kept.keys())
        empty = {key for key, listed in kept.items() if listed.is_emptied_by(gone)}
        if not empty:
            return {key: listed.without(gone) for key, listed in kept.items()}
        kept = {key: listed for key, listed in kept.items() if key not in empty}


@dataclass(frozen=True, kw_only=True)
class _SentList:
    """A List as it was sent: the ids of what its entries lead to, an empty set for one that leads nowhere, and of what
    the rest of it leads to."""

    item: Item
    resource: dict[str, Any]
    entries: tuple[frozenset[str], ...]
    about: frozenset[str]

    @classmethod
    def of(cls, item: Item, /, *, targets: Targets) -> _SentList:
        resource = exact_json.decode(item.resource)
        rest = {name: value for name, value in resource.items() if name != "entry"}
        entries = tuple(
            frozenset(_led_to(item, [_reference(entry)], targets=targets)) for entry in mappings(resource.get("entry"))
        )
        about = frozenset(_led_to(item, references_in(resource=exact_json.encode(rest)), targets=targets))
        return cls(item=item, resource=resource, entries=entries, about=about)

    def is_emptied_by(self, gone: Collection[str], /) -> bool:
        return bool(self.entries) and all(led_to and led_to <= set(gone) for led_to in self.entries)

    def without(self, gone: Collection[str], /) -> _Pointing:
        """Return the List without the entries for what is gone."""
        leads_to = self.about.union(*self.entries) - set(gone)
        if not any(led_to & set(gone) for led_to in self.entries):
            return _Pointing(item=self.item, leads_to=leads_to)
        kept = [
            entry
            for entry, led_to in zip(mappings(self.resource["entry"]), self.entries, strict=True)
            if not led_to & set(gone)
        ]
        # Its text tells again what is in it.
        told = {name: value for name, value in self.resource.items() if name != "text"}
        resource = exact_json.encode({**told, "entry": kept})
        # The copy as sent names what is withheld.
        return _Pointing(item=replace(self.item, resource=resource, original=None), leads_to=leads_to)


def _reference(entry: Mapping[str, Any]) -> str:
    return text(mapping(entry.get("item")).get("reference"))


def _led_to(item: Item, references: Iterable[str], *, targets: Targets) -> Iterator[str]:
    for reference in references:
        yield from (target.id for target in targets.find(item=item, reference=reference))
