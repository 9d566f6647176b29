"""Which facts say the same thing. No pair is compared that shares no key; doubt means two entries. Pure.

Each rule returns buckets of facts that it joins:

    business-identifier   the same identifier on the same type about the same concept; a retraction with its copies
    authorisation         a medication's summary, authorisation and issues at one source
    concept               the same coded concept, and what else its category asks for

Text joins nothing. By no rule does a negation join a claim. An undated fact joins no dated ones, neither itself nor by
the codes that it carries.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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
MEASURED_CATEGORIES = frozenset({RecordCategory.RESULTS, RecordCategory.OBSERVATIONS})


class NamedThing(NamedTuple):
    """What a business identifier names: of one type, about one concept, for a measurement at one moment."""

    resource_type: str
    identifier: str
    cluster: str
    moment: str


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


@dataclass(frozen=True, kw_only=True)
class _Given:
    """The facts in a fixed order, and what the rules need of each: its concept, and whether it claims or denies."""

    facts: Sequence[Fact]
    clusters: Sequence[str]
    denies: Sequence[bool]
    sets: DisjointSets = field(compare=False)


def group(*, facts: Sequence[Fact]) -> tuple[Group, ...]:
    """Return the facts in groups, each fact in exactly one; the order in which they are given does not matter."""
    ordered = sorted(facts, key=lambda fact: fact.item.id)
    clusters = _joining_clusters(facts=ordered)
    sets = DisjointSets(size=len(ordered))
    given = _Given(facts=ordered, clusters=clusters, denies=_denials(ordered, clusters), sets=sets)
    joined_by: list[tuple[str, list[int]]] = []
    # The concept rule comes last: it must see which medication items are one authorisation.
    for rule, buckets_of in RULES.items():
        for bucket in buckets_of(given):
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
    return _clusters(facts=facts, teaches=[True] * len(facts))


def _clusters(*, facts: Sequence[Fact], teaches: Sequence[bool]) -> list[str]:
    sets: dict[tuple[RecordCategory, str], tuple[RecordCategory, str]] = {}

    def root(concept: tuple[RecordCategory, str]) -> tuple[RecordCategory, str]:
        while sets.setdefault(concept, concept) != concept:
            concept = sets[concept]
        return concept

    for fact in itertools.compress(facts, teaches):
        roots = sorted({root((fact.item.category, concept)) for concept in fact.concepts})
        for other in roots[1:]:
            sets[other] = roots[0]
    return [root((fact.item.category, min(fact.concepts)))[1] if fact.concepts else "" for fact in facts]


def _joining_clusters(*, facts: Sequence[Fact]) -> list[str]:
    """Return the concept of each fact, as `concept_clusters` does, for joining.

    Which codes mean the same is learnt only from facts that may themselves join: a retraction says nothing any more,
    and an undated event with two codes would join two dated ones.
    """
    kept = [
        fact.standing is not Standing.RETRACTED
        and (fact.item.category not in DATED_CATEGORIES | MEASURED_CATEGORIES or bool(day_of(date=fact.event_date)))
        for fact in facts
    ]
    return _clusters(facts=facts, teaches=kept)


def named_things(*, fact: Fact, cluster: str) -> list[NamedThing]:
    """Return what the business identifiers of a fact name.

    The same identifier on two concepts or, for a measurement, at two moments, names two things.
    """
    moment = minute_of(date=fact.event_date) if fact.identifiers and fact.resource_type == "Observation" else ""
    return [
        NamedThing(resource_type=fact.resource_type, identifier=identifier, cluster=cluster, moment=moment)
        for identifier in sorted(fact.identifiers)
    ]


def retracted_ids(*, facts: Sequence[Fact]) -> frozenset[str]:
    """Return the ids of the items that are entered in error, and of the copies of them: those of the same name.

    A retraction may come stripped of what it said. Then it takes back the thing that its identifier names, if that is
    one thing; if it is several, none of them.
    """
    errors = {fact.item.id for fact in facts if fact.standing is Standing.RETRACTED}
    if not errors:
        return frozenset()
    clusters = concept_clusters(facts=facts)
    holders: dict[tuple[str, str], dict[NamedThing, set[str]]] = defaultdict(lambda: defaultdict(set))
    for fact, cluster in zip(facts, clusters, strict=True):
        for thing in named_things(fact=fact, cluster=cluster) if fact.item.id not in errors else ():
            holders[thing.resource_type, thing.identifier][thing].add(fact.item.id)
    copies: set[str] = set()
    for fact, cluster in zip(facts, clusters, strict=True):
        for thing in named_things(fact=fact, cluster=cluster) if fact.item.id in errors else ():
            held = holders[thing.resource_type, thing.identifier]
            meant = [thing] if thing in held else [other for other in held if _may_mean(thing, other)]
            copies |= held[meant[0]] if len(meant) == 1 else set()
    return frozenset(errors | copies)


def _may_mean(retraction: NamedThing, other: NamedThing) -> bool:
    same_time = other.moment.startswith(retraction.moment) or retraction.moment.startswith(other.moment or "never")
    return same_time and retraction.cluster in {other.cluster, ""}


def _denials(facts: Sequence[Fact], clusters: Sequence[str]) -> list[bool]:
    """Return for each fact whether it denies. A retraction stands with the claims that share its names, if there are
    any, else with the denials: never with both."""
    if not any(fact.standing is Standing.RETRACTED for fact in facts):
        return [fact.standing is Standing.NEGATED for fact in facts]
    claimed, denied = set[NamedThing](), set[NamedThing]()
    for fact, cluster in zip(facts, clusters, strict=True):
        if fact.standing is not Standing.RETRACTED:
            (denied if fact.standing is Standing.NEGATED else claimed).update(named_things(fact=fact, cluster=cluster))

    def denies(fact: Fact, cluster: str) -> bool:
        if fact.standing is not Standing.RETRACTED:
            return fact.standing is Standing.NEGATED
        names = set(named_things(fact=fact, cluster=cluster))
        return not names & claimed and bool(names & denied)

    return [denies(fact, cluster) for fact, cluster in zip(facts, clusters, strict=True)]


Buckets = Iterable[list[int]]


def _by_identifier(given: _Given) -> Buckets:
    keyed = (
        ((thing, given.denies[position]), position)
        for position, fact in enumerate(given.facts)
        for thing in named_things(fact=fact, cluster=given.clusters[position])
    )
    return _bucketed(keyed)


def _by_authorisation(given: _Given) -> Buckets:
    """Source: GP Connect Access Record Structured, medications: statement and orders are `basedOn` the plan."""
    keyed = (
        ((fact.item.source_id, name, given.denies[position]), position)
        for position, fact in enumerate(given.facts)
        if fact.item.category is RecordCategory.MEDICATIONS
        for name in {fact.names, *fact.continues}
        if name
    )
    return _bucketed(keyed)


def _by_concept(given: _Given) -> Buckets:
    facts = given.facts
    by_concept: dict[tuple[RecordCategory, str, str], list[int]] = defaultdict(list)
    for position, fact in enumerate(facts):
        # A retraction with a name stands with what has the same name, and joins nothing to it.
        named_retraction = fact.standing is Standing.RETRACTED and fact.identifiers
        if given.clusters[position] and not named_retraction:
            by_concept[(fact.item.category, given.clusters[position], _polarity(fact))].append(position)
    for (category, _, _), positions in sorted(by_concept.items()):
        if category is RecordCategory.ALLERGIES:
            yield from _bucketed((facts[position].standing, position) for position in positions)
        elif category in DATED_CATEGORIES:
            yield from _same_time(positions, time_of=lambda position: day_of(date=facts[position].event_date))
        elif category in MEASURED_CATEGORIES:
            yield from _same_measurement(facts, positions)
        elif category is RecordCategory.MEDICATIONS:
            yield from _same_medicine(facts, positions, given.sets)


RULES: Mapping[str, Callable[[_Given], Buckets]] = {
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


def _bucketed(keyed: Iterable[tuple[Hashable, int]]) -> Buckets:
    buckets: dict[Hashable, list[int]] = defaultdict(list)
    for key, position in keyed:
        buckets[key].append(position)
    return list(buckets.values())
