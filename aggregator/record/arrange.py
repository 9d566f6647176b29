"""Which entries are parts of which, and where each is drawn: by itself, or within what it is a part of. Pure.

Everything stays in its own entry; an entry's parts only point to others. Whatever sources send, every entry is drawn:
in a ring of parts one stands by itself, and so does what lies too deep.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from aggregator.record.categories import CATEGORIES, type_rules
from aggregator.record.fact import Fact
from aggregator.record.parts import Part, SentPart, every_part
from aggregator.record.timeline import Entry, Standing

DEEPEST_DRAWN = 6  # levels of own parts below what is drawn by itself
# Nothing is drawn only within what is taken back or denied.
NO_PLACE = frozenset({Standing.RETRACTED, Standing.NEGATED})
MOST_DRAWN = 300  # entries drawn within one; more stand by themselves
DEEPEST_HEADING = 12
ALSO_RECORDED = "Also recorded"

# Entries within which others are drawn, by the key of the part; and the other way round.
Wholes = Mapping[str, frozenset[str]]
OwnParts = Mapping[str, Sequence[str]]
# What a resource contained in another says: its heading and its lines.
Inner = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, kw_only=True)
class Arranger:
    """What is known of all the facts of a record, for making the parts of its entries.

    `facts` are those of entries and of what only arranges others, by item; `key_of` gives the entry of an item.
    `find` returns the items that a reference in a fact means, and `contained` reads what a fact's resource contains.
    """

    facts: Mapping[str, Fact]
    key_of: Mapping[str, str]
    find: Callable[[Fact, str], Sequence[str]]
    contained: Callable[[Fact, str], Inner | None]
    within: Mapping[str, Sequence[Fact]] = field(init=False)

    def __post_init__(self) -> None:
        within: dict[str, list[Fact]] = defaultdict(list)
        for item_id in sorted(self.facts):
            for whole in self.facts[item_id].part_of:
                if whole != item_id:
                    within[whole].append(self.facts[item_id])
        object.__setattr__(self, "within", within)

    def own_parts(self, *, facts: Sequence[Fact]) -> tuple[str, ...]:
        """Return the keys of the entries that are drawn where these facts of one entry are, in the order sent."""
        if not any(fact.parts for fact in facts):
            return ()
        keys = (
            self.key_of[item_id]
            for fact in facts
            for part in every_sent_part(fact.parts)
            if part.is_own
            for item_id in self.find(fact, part.reference)
            if item_id in self.key_of
        )
        own = {self.key_of[fact.item.id] for fact in facts}
        return tuple(key for key in dict.fromkeys(keys) if key not in own)

    def parts(self, *, facts: Sequence[Fact], wholes: Wholes) -> tuple[Part, ...]:
        """Return the parts of the entry that has these facts: first what they list, then what says that it belongs."""
        within = [fact for whole in facts for fact in self.within.get(whole.item.id, ())]
        if not within and not any(fact.parts for fact in facts):
            return ()
        making = _Making(
            arranger=self,
            entry_key=self.key_of[facts[0].item.id],
            heading=facts[0].heading,
            own=frozenset(self.own_parts(facts=facts)),
        )
        parts = [part for fact in facts for part in making.listed(fact, fact.parts)]
        parts.extend(making.arranged(within))
        also = making.also_recorded(within, wholes)
        if also:
            parts.append(Part(heading=ALSO_RECORDED if parts else "", parts=also))
        return _under_one_heading(parts)


@dataclass(kw_only=True)
class _Making:
    """The parts of one entry while they are made. Each entry, heading and lack is told once."""

    arranger: Arranger
    entry_key: str
    heading: str
    own: frozenset[str]
    mentioned: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    missing: set[tuple[str, str]] = field(default_factory=set)

    def listed(self, fact: Fact, parts: Iterable[SentPart], depth: int = 0) -> list[Part]:
        return [made for part in parts for made in self._parts(fact, part, depth)]

    def arranged(self, within: Iterable[Fact]) -> list[Part]:
        """Return what the arranging resources of an entry bring together: first those that no other one lists."""
        arranging = [fact for fact in within if _only_arranges(fact)]
        below = {
            item_id
            for fact in arranging
            for part in every_sent_part(fact.parts)
            for item_id in self.arranger.find(fact, part.reference)
        }
        arranging.sort(key=lambda fact: (fact.item.id in below, _dated(fact), fact.item.id))
        return [part for fact in arranging if (part := self._open(fact, 0)) is not None]

    def also_recorded(self, within: Iterable[Fact], wholes: Wholes) -> tuple[Part, ...]:
        """Return what says that it belongs to an entry and stands under none of its headings, nor in what does."""
        keys: dict[str, None] = {}
        for fact in sorted(within, key=_reading_order):
            key = self.arranger.key_of.get(fact.item.id, "")
            if key and key != self.entry_key and key not in self.mentioned and not _only_arranges(fact):
                keys[key] = None
        beside = self.mentioned.union(keys)
        return tuple(Part(entry_key=key) for key in keys if beside.isdisjoint(_all_wholes(key, wholes)))

    def _parts(self, fact: Fact, part: SentPart, depth: int) -> Iterator[Part]:
        """Yield what a part as sent is: a heading, what the resource contains, or the entries that it points to.

        These are several where the copies of one resource stand apart, such as one that was taken back later.
        """
        if not part.reference:
            below = self.listed(fact, part.parts, depth + 1) if depth < DEEPEST_HEADING else []
            if below:
                yield Part(heading=part.heading, parts=tuple(below))
            return
        if inner := self.arranger.contained(fact, part.reference):
            yield Part(heading=inner[0], lines=inner[1], is_own=part.is_own)
            return
        targets = self.arranger.find(fact, part.reference)
        lack = (fact.item.source_id, part.reference)
        if not targets and part.is_expected and lack not in self.missing:
            self.missing.add(lack)
            yield Part(missing=1)
        for item_id in targets:
            target = self.arranger.facts.get(item_id)
            if target is not None and _only_arranges(target):
                if opened := self._open(target, depth):
                    yield opened
                continue
            key = self.arranger.key_of.get(item_id, "")
            if key and key != self.entry_key and key not in self.mentioned:
                self.mentioned.add(key)
                yield Part(entry_key=key, heading=part.heading, is_own=key in self.own, is_told=part.is_told)

    def _open(self, fact: Fact, depth: int) -> Part | None:
        """Return what a resource that only arranges brings together, under its heading; None the second time."""
        if fact.item.id in self.opened or depth > DEEPEST_HEADING:
            return None
        self.opened.add(fact.item.id)
        below = self.listed(fact, fact.parts, depth + 1)
        if not below and not fact.details:
            return None
        # A consultation is called what its contact is called: that stands above it.
        heading = fact.heading if fact.heading != self.heading else ""
        return Part(heading=heading, lines=fact.details, parts=tuple(below))


def _under_one_heading(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return parts with what several copies say under one heading brought together there."""
    together: dict[object, Part] = {}
    for place, part in enumerate(parts):
        name: object = part.heading if part.heading and part.parts else place
        first = together.get(name)
        together[name] = (
            structs.replace(first, lines=first.lines + part.lines, parts=first.parts + part.parts) if first else part
        )
    return tuple(together.values())


def every_sent_part(parts: Iterable[SentPart], /) -> Iterator[SentPart]:
    """Yield the parts that are references, those under headings too, in order."""
    for part in parts:
        if part.reference:
            yield part
        yield from every_sent_part(part.parts)


def wholes_of(*, own: OwnParts) -> Wholes:
    """Return, for each entry that is drawn as a part, the entries within which it is drawn.

    An entry that is no key of the result is drawn by itself. `own` are the own parts of each entry.
    """
    drawn = {key: without_nested(keys=keys, own=own) for key, keys in own.items()}
    wholes: dict[str, set[str]] = defaultdict(set)
    for whole, keys in drawn.items():
        for key in keys:
            wholes[key].add(whole)
    by_themselves: set[str] = set()
    reached: set[str] = set()
    # What is no part of anything first; then, of a ring or of what lies too deep, the one whose name comes first.
    for start in sorted(drawn, key=lambda key: (key in wholes, key)):
        if start not in reached:
            by_themselves.add(start)
            reached.add(start)
            reached.update(key for _, key in drawn_from(start=start, parts_of=lambda key: drawn.get(key, ()))[0])
    return {key: frozenset(of) for key, of in wholes.items() if key not in by_themselves}


def drawn_from(*, start: str, parts_of: Callable[[str], Iterable[str]]) -> tuple[list[tuple[str, str]], int]:
    """Return what is drawn within an entry, level by level, each with that in which it is; and how much is not.

    Each is drawn once, so that a ring ends. What lies too deep, or comes after the first MOST_DRAWN, is not drawn.
    """
    edges: list[tuple[str, str]] = []
    seen = {start}
    order = deque([(start, 0)])
    undrawn = 0
    while order:
        whole, depth = order.popleft()
        for key in parts_of(whole):
            if key in seen:
                continue
            seen.add(key)
            if len(edges) >= MOST_DRAWN or depth >= DEEPEST_DRAWN:
                undrawn += 1
                continue
            edges.append((whole, key))
            order.append((key, depth + 1))
    return edges, undrawn


def without_nested(*, keys: Sequence[str], own: OwnParts) -> tuple[str, ...]:
    """Return the own parts of an entry that are not drawn in another of them.

    Results are listed by their report, and by their group as well: they are drawn in the group. Of two parts that have
    each other, the one with fewer parts is drawn in the other.
    """
    holding = {key: frozenset(own[key]) for key in keys if own.get(key)}
    if not holding:
        return tuple(keys)

    def rank(key: str) -> tuple[int, str]:
        return (-len(holding.get(key, ())), key)

    first_holder: dict[str, tuple[int, str]] = {}
    for other, parts in holding.items():
        for key in parts:
            first_holder[key] = min(rank(other), first_holder.get(key, rank(other)))
    return tuple(key for key in keys if key not in first_holder or rank(key) <= first_holder[key])


# Drawing


@dataclass(frozen=True, kw_only=True)
class Branch:
    """What is drawn within an entry: another entry, or what a contained resource says (`part`); and what is in it."""

    part: Part
    entry: Entry | None = None
    branches: tuple[Branch, ...] = ()


def branches_of(*, entry: Entry, entries: Mapping[str, Entry]) -> tuple[tuple[Branch, ...], int]:
    """Return what is drawn within an entry, and how many parts of it are drawn elsewhere for want of room."""
    parts: dict[str, Part] = {}

    def parts_of(whole: str) -> Iterable[str]:
        if whole != entry.key and entries[whole].standing in NO_PLACE:
            return ()
        own = _own_parts(whole, entries)
        parts.update((part.entry_key, part) for part in own if part.entry_key not in parts)
        return [part.entry_key for part in own]

    edges, undrawn = drawn_from(start=entry.key, parts_of=parts_of)
    children: dict[str, list[str]] = defaultdict(list)
    for whole, key in edges:
        children[whole].append(key)

    def grown(key: str) -> tuple[Branch, ...]:
        inner = (part for part in every_part(entries[key].parts) if part.is_own and not part.entry_key)
        entered = (Branch(part=parts[child], entry=entries[child], branches=grown(child)) for child in children[key])
        return (*entered, *(Branch(part=part) for part in inner))

    return grown(entry.key), undrawn


def _own_parts(key: str, entries: Mapping[str, Entry]) -> list[Part]:
    def own(whole: str) -> dict[str, Part]:
        return {part.entry_key: part for part in every_part(entries[whole].parts) if part.is_own and part.entry_key}

    parts = own(key)
    nested = {each: () if entries[each].standing in NO_PLACE else tuple(own(each)) for each in parts}
    return [parts[each] for each in without_nested(keys=tuple(parts), own=nested)]


def _only_arranges(fact: Fact) -> bool:
    return type_rules(resource_type=fact.resource_type).only_arranges


def _all_wholes(key: str, wholes: Wholes) -> set[str]:
    """Return all within which an entry is drawn, directly or in what is itself drawn in another."""
    all_wholes: set[str] = set()
    frontier = [key]
    while frontier:
        for whole in wholes.get(frontier.pop(), ()):
            if whole not in all_wholes:
                all_wholes.add(whole)
                frontier.append(whole)
    return all_wholes


def _dated(fact: Fact) -> str:
    return fact.shown_date.sort_key if fact.shown_date else ""


def _reading_order(fact: Fact) -> tuple[int, str, str, str]:
    place = CATEGORIES[fact.item.category].place or 0
    return (place, _dated(fact), fact.heading.lower(), fact.item.id)
