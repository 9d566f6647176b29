"""Supporting items that point to what is shown: the Lists that arrange it, the roles of people named in it. Pure.

None may show that something is withheld. So a List is shown without its entries for what is withheld, and not at all
where it says more of that: where another member of it leads there, as the problem that a topic is about, or where
nothing else is left in it. From any other item the pointers to what is withheld have been taken (`pointers`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from aggregator.record.item import Item
from aggregator.record.references import Targets, referenced_from
from fhir_data import exact_json
from fhir_data.access import mapping, mappings
from fhir_data.heads import type_of
from fhir_data.references import references_in, text_of_reference


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """The supporting items that arrange what is shown, and what they lead to, as they may be shown.

    `emptied` are the Lists that may not be shown, for what they are about or because nothing is left in them.
    """

    items: tuple[Item, ...]
    emptied: tuple[Item, ...]


def arranging(*, supporting: Iterable[Item], shown: Iterable[Item], withheld: Iterable[Item]) -> Arranged:
    """Return those of the supporting items that arrange what is shown, and what they lead to.

    `supporting` are those that may be shown as far as they go themselves, and are not shown already.
    """
    waiting, shown, withheld = tuple(supporting), tuple(shown), tuple(withheld)
    hidden = frozenset(item.id for item in withheld)
    targets = Targets(items=(*waiting, *shown, *withheld))
    lists = _lists(waiting, hidden=hidden, targets=targets)
    others = {item.id: _Pointing.of(item, targets=targets) for item in waiting if not is_list(item)}
    candidates = {**lists, **others}
    leading_to: dict[str, list[Item]] = defaultdict(list)
    for candidate in candidates.values():
        for target in candidate.leads_to:
            leading_to[target].append(candidate.item)
    plain = Targets(items=[other.item for other in others.values()])
    arrangers: dict[str, Item] = {}
    due = list(referenced_from(items=shown, supporting=[listed.item for listed in lists.values()]))
    due.extend(item for shown_item in shown for item in leading_to.get(shown_item.id, ()))
    # One that was sent without entries says that there is nothing, and so names nothing that is withheld.
    due.extend(listed.item for listed in lists.values() if listed.is_empty)
    while due:  # each item once, however long a chain they make
        item = due.pop()
        if item.id not in arrangers:
            arrangers[item.id] = item
            due.extend(leading_to.get(item.id, ()))
            for reference in references_in(resource=item.resource):
                due.extend(plain.find(item=item, reference=reference))
    return Arranged(
        items=tuple(arrangers[item.id] for item in waiting if item.id in arrangers),
        emptied=tuple(item for item in waiting if is_list(item) and item.id not in lists),
    )


def emptied_lists(*, items: Iterable[Item], withheld: Iterable[Item]) -> set[str]:
    """Return the ids of those Lists among the items that may not be shown, as `Arranged.emptied`."""
    items, withheld = tuple(items), tuple(withheld)
    hidden = {item.id for item in withheld}
    lists = [item for item in items if is_list(item)]
    if not lists or not hidden:
        return set()
    targets = Targets(items=(*items, *withheld))
    return _gone({item.id: _SentList.of(item, targets=targets) for item in lists}, hidden=hidden) - hidden


def is_list(item: Item, /) -> bool:
    """Whether an item is a List."""
    return type_of(entry=item.resource) == "List"


@dataclass(frozen=True, kw_only=True)
class _Pointing:
    """An item, and the ids of what it leads to. `is_empty`: it is a List that was sent without entries."""

    item: Item
    leads_to: frozenset[str]
    is_empty: bool = False

    @classmethod
    def of(cls, item: Item, /, *, targets: Targets) -> _Pointing:
        return cls(item=item, leads_to=frozenset(_led_to(item, references_in(resource=item.resource), targets=targets)))


def _lists(items: Iterable[Item], *, hidden: frozenset[str], targets: Targets) -> Mapping[str, _Pointing]:
    """Return the Lists that may be shown, by id, each without its entries for what is withheld."""
    sent = {item.id: _SentList.of(item, targets=targets) for item in items if is_list(item)}
    gone = _gone(sent, hidden=hidden)
    return {key: listed.without(gone) for key, listed in sent.items() if key not in gone}


def _gone(sent: Mapping[str, _SentList], *, hidden: AbstractSet[str]) -> set[str]:
    """Return what is withheld, the Lists that say more of it than their entries do, and those in which nothing is left.

    Each entry is looked at once for each thing that it leads to, so that Lists of Lists cost no more than others.
    """
    entries_left = {key: len(listed.entries) for key, listed in sent.items()}
    targets_left: dict[tuple[str, int], int] = {}
    leading_to: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for key, listed in sent.items():
        for place, led_to in enumerate(listed.entries):
            targets_left[key, place] = len(led_to)
            for target in led_to:
                leading_to[target].append((key, place))
    gone = {*hidden, *(key for key, listed in sent.items() if not listed.about.isdisjoint(hidden))}
    due = list(gone)
    while due:
        for key, place in leading_to.get(due.pop(), ()):
            targets_left[key, place] -= 1
            if not targets_left[key, place]:
                entries_left[key] -= 1
                if not entries_left[key] and key not in gone:
                    gone.add(key)
                    due.append(key)
    return gone


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

    def without(self, gone: AbstractSet[str], /) -> _Pointing:
        """Return the List without the entries for what is gone."""
        leads_to = self.about.union(*self.entries) - gone
        if not any(led_to and led_to <= gone for led_to in self.entries):
            return _Pointing(item=self.item, leads_to=leads_to, is_empty=not self.entries)
        kept = [
            entry
            for entry, led_to in zip(mappings(self.resource["entry"]), self.entries, strict=True)
            if not (led_to and led_to <= gone)
        ]
        # Its text tells again what is in it.
        members = {name: value for name, value in self.resource.items() if name != "text"}
        resource = exact_json.encode({**members, "entry": kept})
        # The copy as sent names what is withheld.
        return _Pointing(item=structs.replace(self.item, resource=resource, original=None), leads_to=leads_to)


def _reference(entry: Mapping[str, Any]) -> str:
    return text_of_reference(mapping(entry.get("item")))


def _led_to(item: Item, references: Iterable[str], *, targets: Targets) -> Iterator[str]:
    for reference in references:
        # Of copies one stands for all: they are withheld together.
        yield from (target.id for target in targets.find_likely(item=item, reference=reference)[:1])
