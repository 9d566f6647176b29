"""Which facts say the same thing. No pair is compared that shares no key; doubt means two entries. Pure.

Each rule returns buckets of facts that it joins:

    business-identifier   the same identifier on the same type about the same concept
    authorisation         a medication's summary, authorisation and issues at one source
    concept               the same coded concept, and what else its category asks for

Text joins nothing. A negation joins negations only, a retraction retractions only. An undated fact joins no dated one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aggregator.record.dates import day_of, minute_of, settle
from aggregator.record.fact import Fact
from aggregator.record.timeline import Standing
from connectors.contract import RecordCategory

RULES_VERSION = "1"
SINGLE = "single"
BY_IDENTIFIER = "business-identifier"
BY_AUTHORISATION = "authorisation"
BY_CONCEPT = "concept"

# Categories whose facts are one when concept and day agree.
DATED_CATEGORIES = frozenset({RecordCategory.PROBLEMS, RecordCategory.PROCEDURES, RecordCategory.IMMUNISATIONS})


@dataclass(frozen=True, kw_only=True)
class Group:
    """Facts that say the same thing, and the rules that joined them."""

    facts: tuple[Fact, ...]
    rules: tuple[str, ...]

    @property
    def rule(self) -> str:
        """The rules in one word, `single` for one fact alone."""
        return "+".join(self.rules) or SINGLE


class DisjointSets:
    """Union-find over positions 0..size-1; a set's root is its smallest member, whatever the order of joining."""

    def __init__(self, *, size: int) -> None:
        self._parents = list(range(size))

    def root(self, member: int) -> int:
        while self._parents[member] != member:
            self._parents[member] = self._parents[self._parents[member]]
            member = self._parents[member]
        return member

    def join(self, members: Sequence[int]) -> None:
        roots = {self.root(member) for member in members}
        smallest = min(roots)
        for root in roots:
            self._parents[root] = smallest


def group(*, facts: Sequence[Fact]) -> tuple[Group, ...]:
    """Return the facts in groups, each fact in exactly one; the order in which they are given does not matter."""
    ordered = sorted(facts, key=lambda fact: fact.item.id)
    clusters = concept_clusters(facts=ordered)
    sets = DisjointSets(size=len(ordered))
    joined_by: list[tuple[str, list[int]]] = []
    # The concept rule comes last: it must see which medication items are one authorisation.
    for rule, buckets_of in RULES.items():
        for bucket in buckets_of(ordered, clusters, sets):
            if len(bucket) > 1:
                sets.join(bucket)
                joined_by.append((rule, bucket))
    members: dict[int, list[Fact]] = defaultdict(list)
    for position, fact in enumerate(ordered):
        members[sets.root(position)].append(fact)
    rules: dict[int, set[str]] = defaultdict(set)
    for rule, bucket in joined_by:
        rules[sets.root(bucket[0])].add(rule)
    return tuple(Group(facts=tuple(members[root]), rules=tuple(sorted(rules[root]))) for root in sorted(members))


def concept_clusters(*, facts: Sequence[Fact]) -> list[str]:
    """Return for each fact the name of the concept it is about, "" when it has no shared code.

    Codings of one fact mean the same; so facts of a category that share any coding are about one concept.
    """
    sets: dict[tuple[RecordCategory, str], tuple[RecordCategory, str]] = {}

    def root(concept: tuple[RecordCategory, str]) -> tuple[RecordCategory, str]:
        while sets.setdefault(concept, concept) != concept:
            concept = sets[concept]
        return concept

    for fact in facts:
        roots = sorted({root((fact.item.category, concept)) for concept in fact.concepts})
        for other in roots[1:]:
            sets[other] = roots[0]
    return [root((fact.item.category, min(fact.concepts)))[1] if fact.concepts else "" for fact in facts]


Buckets = Iterable[list[int]]


def _by_identifier(facts: Sequence[Fact], clusters: Sequence[str], sets: DisjointSets) -> Buckets:
    """An identifier that stands on facts of two concepts or, for a measurement, of two moments, joins them not."""
    keyed = (
        ((fact.resource_type, identifier, clusters[position], _moment(fact)), position)
        for position, fact in enumerate(facts)
        for identifier in fact.identifiers
    )
    return _bucketed(keyed)


def _by_authorisation(facts: Sequence[Fact], clusters: Sequence[str], sets: DisjointSets) -> Buckets:
    """Source: GP Connect Access Record Structured, medications: statement and orders are `basedOn` the plan."""
    keyed = (
        ((fact.item.source_id, name), position)
        for position, fact in enumerate(facts)
        if fact.item.category is RecordCategory.MEDICATIONS
        for name in {fact.names, *fact.continues}
        if name
    )
    return _bucketed(keyed)


def _by_concept(facts: Sequence[Fact], clusters: Sequence[str], sets: DisjointSets) -> Buckets:
    by_concept: dict[tuple[RecordCategory, str, str], list[int]] = defaultdict(list)
    for position, fact in enumerate(facts):
        if clusters[position]:
            by_concept[(fact.item.category, clusters[position], _polarity(fact))].append(position)
    for (category, _, _), positions in sorted(by_concept.items()):
        if category is RecordCategory.ALLERGIES:
            yield from _bucketed((facts[position].standing, position) for position in positions)
        elif category in DATED_CATEGORIES:
            yield from _same_time(positions, time_of=lambda position: day_of(date=facts[position].event_date))
        elif category in {RecordCategory.RESULTS, RecordCategory.OBSERVATIONS}:
            yield from _same_measurement(facts, positions)
        elif category is RecordCategory.MEDICATIONS:
            yield from _same_medicine(facts, positions, sets)


RULES: Mapping[str, Callable[[Sequence[Fact], Sequence[str], DisjointSets], Buckets]] = {
    BY_IDENTIFIER: _by_identifier,
    BY_AUTHORISATION: _by_authorisation,
    BY_CONCEPT: _by_concept,
}


def _same_time(positions: Sequence[int], *, time_of: Callable[[int], str]) -> Buckets:
    settled = settle(written=[time_of(position) for position in positions])
    return _bucketed((settled[time_of(position)], position) for position in positions)


def _same_measurement(facts: Sequence[Fact], positions: Sequence[int]) -> Buckets:
    """One test, one moment, one value. A measurement without a moment or a value joins nothing."""
    by_value: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for position in positions:
        fact = facts[position]
        if fact.value and minute_of(date=fact.event_date):
            by_value[fact.value].append(position)
    for _, same_value in sorted(by_value.items()):
        yield from _same_time(same_value, time_of=lambda position: minute_of(date=facts[position].event_date))


def _same_medicine(facts: Sequence[Fact], positions: Sequence[int], sets: DisjointSets) -> Buckets:
    """Current prescriptions of one medicine by one route, and past ones that began on one day.

    Where one source itself holds two current prescriptions of the medicine, nothing says which of them another source
    means, so none is joined.
    """
    current = [position for position in positions if facts[position].standing is Standing.ACTIVE]
    for bucket in _same_route(facts, current):
        held: dict[str, set[int]] = defaultdict(set)
        for position in bucket:
            held[facts[position].item.source_id].add(sets.root(position))
        if all(len(roots) == 1 for roots in held.values()):
            yield bucket
    ended = [position for position in positions if facts[position].standing in {Standing.PAST, Standing.NEGATED}]
    dated = [position for position in ended if day_of(date=facts[position].event_date)]
    yield from _same_time(dated, time_of=lambda position: day_of(date=facts[position].event_date))


def _same_route(facts: Sequence[Fact], positions: Sequence[int]) -> Buckets:
    """A prescription that names no route goes with the one route that others name; with two it stays apart."""
    named = {facts[position].route for position in positions} - {""}
    only = named.pop() if len(named) == 1 else ""
    return _bucketed((facts[position].route or only, position) for position in positions)


def _polarity(fact: Fact) -> str:
    return fact.standing if fact.standing in {Standing.NEGATED, Standing.RETRACTED} else "said"


def _moment(fact: Fact) -> str:
    return minute_of(date=fact.event_date) if fact.resource_type == "Observation" else ""


def _bucketed(keyed: Iterable[tuple[Hashable, int]]) -> Buckets:
    buckets: dict[Hashable, list[int]] = defaultdict(list)
    for key, position in keyed:
        buckets[key].append(position)
    return list(buckets.values())
