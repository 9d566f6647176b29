"""Which facts say the same thing. No pair is compared that shares no key; doubt means two entries. Pure.

Each rule returns buckets of facts that it joins:

    same-resource         one resource that its source sent more than once
    authorisation         a medication's summary, authorisation and issues at one source
    concept               the same coded concept, and what else its category asks for
    business-identifier   the same identifier on the same type at two sources, concept and moment not different

Text joins nothing. By no rule does a negation join a claim, nor a statement that nothing is known either. An undated
fact joins no dated ones, neither itself nor by the codes that it carries. On one server an identifier joins nothing: a
prescription's number stands on each of its medicines.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from aggregator.record.categories import CATEGORIES
from aggregator.record.dates import DAY_LENGTH, agree, day_of, minute_of, settle
from aggregator.record.fact import Fact
from aggregator.record.rules import SameConcept
from aggregator.record.timeline import JoinRule, Standing
from connectors.contract.categories import RecordCategory

RULES_VERSION = "3"

# What is said in these ways never joins what is said in another.
APART = frozenset({Standing.NEGATED, Standing.NO_INFORMATION})


class NamedThing(NamedTuple):
    """What a business identifier names: of one type, about one concept, at one moment."""

    resource_type: str
    identifier: str
    cluster: str
    moment: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Facts that say the same thing, and the rules that joined them."""

    facts: tuple[Fact, ...]
    rules: tuple[JoinRule, ...]


class DisjointSets:
    """Union-find over positions 0..size-1; a set's root is its smallest member, whatever the order of joining."""

    def __init__(self, *, size: int) -> None:
        self._parents = list(range(size))

    def root(self, member: int) -> int:
        while self._parents[member] != member:
            self._parents[member] = self._parents[self._parents[member]]
            member = self._parents[member]
        return member

    def join(self, members: Iterable[int]) -> None:
        roots = {self.root(member) for member in members}
        smallest = min(roots)
        for root in roots:
            self._parents[root] = smallest


Buckets = Iterable[list[int]]


@dataclass(frozen=True, kw_only=True)
class _Candidates:
    """The facts in a fixed order, and what the rules need of each.

    `ways` are how each is said (claimed, denied, not known); `units` are what each source itself makes one thing.
    """

    facts: Sequence[Fact]
    clusters: Sequence[str]
    ways: Sequence[str]
    units: DisjointSets = field(compare=False)

    def source(self, position: int) -> str:
        return self.facts[position].item.source_id


def group(*, facts: Sequence[Fact]) -> tuple[Group, ...]:
    """Return the facts in groups, each fact in exactly one; the order in which they come does not matter."""
    alone = sorted((fact for fact in facts if fact.stands_alone), key=lambda fact: fact.item.id)
    ordered = sorted((fact for fact in facts if not fact.stands_alone), key=lambda fact: fact.item.id)
    clusters = _joining_clusters(facts=ordered)
    units = DisjointSets(size=len(ordered))
    candidates = _Candidates(facts=ordered, clusters=clusters, ways=_ways(ordered), units=units)
    joined_by: list[tuple[JoinRule, list[int]]] = []
    joined = DisjointSets(size=len(ordered))

    def join(rule: JoinRule, buckets: Buckets, *, within: bool) -> None:
        for bucket in buckets:
            if len(bucket) < 2:
                continue
            joined.join(bucket)
            joined_by.append((rule, bucket))
            if within:
                for at_source in _bucketed((candidates.source(position), position) for position in bucket):
                    units.join(at_source)

    join(JoinRule.SAME_RESOURCE, _by_resource(candidates), within=True)
    join(JoinRule.AUTHORISATION, _by_authorisation(candidates), within=True)
    # After those: the concept rule must see which items are one thing at their source.
    join(JoinRule.CONCEPT, list(_by_concept(candidates)), within=True)
    # What is dated first, as if nothing else were there: what has no date may then go with it, and changes nothing.
    undated = {position for position, fact in enumerate(ordered) if _lacks_its_date(fact)}
    dated = [position for position in range(len(ordered)) if position not in undated]
    join(
        JoinRule.BUSINESS_IDENTIFIER,
        _beyond_doubt(candidates, joined, list(_by_identifier(candidates, dated))),
        within=False,
    )
    named = [bucket for bucket in _by_identifier(candidates, range(len(ordered))) if not undated.isdisjoint(bucket)]
    join(JoinRule.BUSINESS_IDENTIFIER, _with_one_dated(candidates, joined, named, undated), within=False)
    members: dict[int, list[Fact]] = defaultdict(list)
    for position, fact in enumerate(ordered):
        members[joined.root(position)].append(fact)
    rules: dict[int, set[JoinRule]] = defaultdict(set)
    for rule, bucket in joined_by:
        rules[joined.root(bucket[0])].add(rule)
    joined_groups = (Group(facts=tuple(members[root]), rules=tuple(sorted(rules[root]))) for root in sorted(members))
    return (*joined_groups, *(Group(facts=(fact,), rules=()) for fact in alone))


def concept_clusters(*, facts: Sequence[Fact]) -> list[str]:
    """Return for each fact the name of the concept it is about, "" when it has no shared code.

    Codings of one fact mean the same; so facts of a category that share any coding are about one concept.
    """
    return _clusters(facts=facts, teaches=[True] * len(facts))


def _clusters(*, facts: Sequence[Fact], teaches: Sequence[bool]) -> list[str]:
    sets: dict[tuple[RecordCategory, str], tuple[RecordCategory, str]] = {}

    def root(concept: tuple[RecordCategory, str]) -> tuple[RecordCategory, str]:
        while sets.setdefault(concept, concept) != concept:
            sets[concept] = sets[sets[concept]]
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
        fact.standing is not Standing.RETRACTED and (not _is_joined_by_date(fact) or bool(day_of(date=fact.event_date)))
        for fact in facts
    ]
    return _clusters(facts=facts, teaches=kept)


def moment_of(*, fact: Fact) -> str:
    """Return when a thing happened, for telling it from others: the minute of a measurement, else the British day."""
    moment = minute_of(date=fact.event_date)
    return moment if fact.is_measurement else moment[:DAY_LENGTH]


def _date_as_told(fact: Fact, date: str) -> str:
    """Return a date, or the words of one that cannot be meant: it dates nothing, and is no lack of a date either."""
    return date or (fact.event_date.text if fact.event_date else "")


def named_things(*, fact: Fact, cluster: str) -> list[NamedThing]:
    """Return what the business identifiers of a fact name.

    The same identifier on two concepts, or at two moments, names two things.
    """
    moment = moment_of(fact=fact) if fact.identifiers else ""
    return [
        NamedThing(resource_type=fact.resource_type, identifier=identifier, cluster=cluster, moment=moment)
        for identifier in sorted(fact.identifiers)
    ]


def _ways(facts: Sequence[Fact]) -> list[str]:
    """Return how each fact is said. A retraction stands with the claims that share its names, if there are any, else
    with the denials: never with both."""
    ways: dict[tuple[str, str], set[Standing]] = defaultdict(set)
    for fact in facts:
        if fact.standing is not Standing.RETRACTED:
            for identifier in fact.identifiers:
                ways[fact.resource_type, identifier].add(fact.standing)

    def way(fact: Fact) -> str:
        if fact.standing is not Standing.RETRACTED:
            return fact.standing if fact.standing in APART else "said"
        met = {standing for name in fact.identifiers for standing in ways.get((fact.resource_type, name), ())}
        return min(met) if met and met <= APART else "said"

    return [way(fact) for fact in facts]


def _by_resource(candidates: _Candidates) -> Buckets:
    """One resource sent more than once, unless its copies differ in what, when or how much: then each stands alone."""
    keyed = (
        ((candidates.source(position), fact.names, candidates.ways[position]), position)
        for position, fact in enumerate(candidates.facts)
        if fact.names and fact.standing is not Standing.RETRACTED
    )
    for bucket in _shared(keyed):
        moments = {
            position: _date_as_told(candidates.facts[position], moment_of(fact=candidates.facts[position]))
            for position in bucket
        }
        for part in _shared((bool(moments[position]), position) for position in bucket):
            values = {candidates.facts[position].value for position in part} - {()}
            clusters = {candidates.clusters[position] for position in part} - {""}
            if len(values) < 2 and len(clusters) < 2 and agree(written=[moments[position] for position in part]):
                yield part


def _moments(candidates: _Candidates, bucket: Iterable[int]) -> list[str]:
    return [moment_of(fact=candidates.facts[position]) for position in bucket]


def _by_authorisation(candidates: _Candidates) -> Buckets:
    """Source: GP Connect Access Record Structured, medications: statement and orders are `basedOn` the plan."""
    keyed = (
        ((candidates.source(position), name, candidates.ways[position]), position)
        for position, fact in enumerate(candidates.facts)
        if CATEGORIES[fact.item.category].joins_authorisations
        for name in {fact.names, *fact.continues}
        if name
    )
    return _bucketed(keyed)


def _by_concept(candidates: _Candidates) -> Buckets:
    facts = candidates.facts
    by_concept: dict[tuple[RecordCategory, str, str], list[int]] = defaultdict(list)
    for position, fact in enumerate(facts):
        # A retraction with a name stands with what has the same name, and joins nothing to it.
        named_retraction = fact.standing is Standing.RETRACTED and fact.identifiers
        if candidates.clusters[position] and not named_retraction:
            by_concept[(fact.item.category, candidates.clusters[position], _polarity(fact))].append(position)
    for (category, _, _), positions in sorted(by_concept.items()):
        match CATEGORIES[category].same_concept:
            case SameConcept.STANDING:
                yield from _bucketed((facts[position].standing, position) for position in positions)
            case SameConcept.DAY:
                for bucket in _same_day(candidates, positions):
                    yield from _not_told_apart(facts, bucket)
            case SameConcept.MEASUREMENT:
                for bucket in _same_measurement(candidates, positions):
                    yield from _not_told_apart(facts, bucket)
            case SameConcept.COURSE:
                yield from _same_course(candidates, positions)
            case SameConcept.NEVER:
                pass


def _not_told_apart(facts: Sequence[Fact], bucket: Sequence[int]) -> Buckets:
    """What nothing tells apart, such as left from right. Where two say which, one that does not say joins neither."""
    parts = [list(bucket)]
    for name in sorted({name for position in bucket for name, _ in facts[position].particulars}):
        parts = [alike for part in parts for alike in _alike_in(name, facts, part)]
    return parts


def _alike_in(name: str, facts: Sequence[Fact], part: list[int]) -> Buckets:
    told = [(dict(facts[position].particulars).get(name, ""), position) for position in part]
    if len({value for value, _ in told} - {""}) < 2:
        return [part]
    return [*_bucketed(pair for pair in told if pair[0]), *([position] for value, position in told if not value)]


def _same_day(candidates: _Candidates, positions: Sequence[int]) -> Buckets:
    """One day. What one source holds at two times of a day happened twice; then the time must be the same."""
    facts = candidates.facts
    days = {position: _date_as_told(facts[position], day_of(date=facts[position].event_date)) for position in positions}
    for bucket in _same_time(days):
        times = {position: minute_of(date=facts[position].event_date) for position in bucket}
        timed = [position for position in bucket if "T" in times[position]]
        if any(
            len({times[position] for position in held}) > 1 and len({candidates.units.root(each) for each in held}) > 1
            for held in _bucketed((candidates.source(position), position) for position in timed)
        ):
            yield from _bucketed((times[position], position) for position in timed)
        else:
            yield bucket


def _same_time(time_of: dict[int, str]) -> Buckets:
    settled = settle(written=time_of.values())
    return _bucketed((settled[time], position) for position, time in time_of.items())


def _same_measurement(candidates: _Candidates, positions: Sequence[int]) -> Buckets:
    """One test, one moment, one value. A measurement without a moment or a value joins nothing.

    A source that measures the same twice on one day has two results. So where the day is all that is known of one, it
    joins only what no source has more than once.
    """
    by_value: dict[tuple[str, ...], dict[int, str]] = defaultdict(dict)
    for position in positions:
        fact = candidates.facts[position]
        moment = minute_of(date=fact.event_date)
        if fact.value and moment:
            by_value[fact.value][position] = moment
    for _, time_of in sorted(by_value.items()):
        for bucket in _same_time(time_of):
            if all("T" in time_of[position] for position in bucket) or _one_unit_per_source(candidates, bucket):
                yield bucket
            else:
                yield from _bucketed((time_of[position], position) for position in bucket if "T" in time_of[position])


def _one_unit_per_source(candidates: _Candidates, bucket: Iterable[int]) -> bool:
    held: dict[str, set[int]] = defaultdict(set)
    for position in bucket:
        held[candidates.source(position)].add(candidates.units.root(position))
    return all(len(units) == 1 for units in held.values())


def _same_course(candidates: _Candidates, positions: Sequence[int]) -> Buckets:
    """Current prescriptions of one medicine by one route, and past ones by one route that began on one day.

    Where one source itself holds two current prescriptions of the medicine, nothing says which of them another source
    means, so none is joined; of past ones, where it tells them apart by the dose. What was given or dispensed once is
    one thing each time.
    """
    facts = candidates.facts
    current = [position for position in positions if facts[position].standing is Standing.ACTIVE]
    yield from (bucket for bucket in _same_route(facts, current) if _one_unit_per_source(candidates, bucket))
    ended = [
        position
        for position in positions
        if facts[position].standing in {Standing.PAST, Standing.NEGATED} and not facts[position].happens_once
    ]
    days = {position: day_of(date=facts[position].event_date) for position in ended}
    for begun in _same_time({position: day for position, day in days.items() if day}):
        for bucket in _same_route(facts, begun):
            yield from _one_dose_per_source(candidates, bucket)


def _one_dose_per_source(candidates: _Candidates, bucket: Sequence[int]) -> Buckets:
    """Past prescriptions, apart by their doses where one source holds several that differ in it."""
    doses: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    for position in bucket:
        doses[candidates.units.root(position)].add(candidates.facts[position].dose)
    of_unit = {unit: tuple(sorted(said - {()})) for unit, said in doses.items()}
    said_by: dict[str, set[tuple[tuple[str, ...], ...]]] = defaultdict(set)
    for position in bucket:
        said_by[candidates.source(position)].add(of_unit[candidates.units.root(position)])
    if all(len(said - {()}) < 2 for said in said_by.values()):
        return [list(bucket)]
    return _bucketed((of_unit[candidates.units.root(position)], position) for position in bucket)


def _same_route(facts: Sequence[Fact], positions: Sequence[int]) -> Buckets:
    """A prescription that names no route goes with the one route that others name; with two it stays apart."""
    named = {facts[position].route for position in positions} - {""}
    only = named.pop() if len(named) == 1 else ""
    return _bucketed((facts[position].route or only, position) for position in positions)


def _by_identifier(candidates: _Candidates, positions: Iterable[int]) -> Buckets:
    """What one identifier names at several sources, of one concept and one moment where both are known."""
    keyed = (
        ((candidates.facts[position].resource_type, identifier, candidates.ways[position]), position)
        for position in positions
        for identifier in sorted(candidates.facts[position].identifiers)
    )
    for bucket in _shared(keyed):
        parts = (
            _not_different(candidates, bucket)
            if _one_unit_per_source(candidates, bucket)
            else _the_one_that_fits(candidates, bucket)
        )
        yield from (part for part in parts if len({candidates.source(position) for position in part}) > 1)


def _not_different(candidates: _Candidates, bucket: list[int]) -> Buckets:
    """What has no concept, or no moment, goes with the one that others have; with two it stays apart."""
    concepts = {candidates.clusters[position] for position in bucket} - {""}
    only = concepts.pop() if len(concepts) == 1 else ""
    for part in _bucketed((candidates.clusters[position] or only, position) for position in bucket):
        settled = settle(written=_moments(candidates, part))
        moments = set(settled.values()) - {""}
        only_moment = moments.pop() if len(moments) == 1 else ""
        yield from _bucketed(
            (settled[moment_of(fact=candidates.facts[position])] or only_moment, position) for position in part
        )


def _the_one_that_fits(candidates: _Candidates, bucket: list[int]) -> Buckets:
    """A number that stands on several things at one source names none of them: concept and day must tell which."""
    keyed = (
        ((candidates.clusters[position], moment), position)
        for position, moment in zip(bucket, _moments(candidates, bucket), strict=True)
        if candidates.clusters[position] and len(moment) >= DAY_LENGTH
    )
    for part in _bucketed(keyed):
        held: dict[str, set[int]] = defaultdict(set)
        for position in part:
            held[candidates.source(position)].add(candidates.units.root(position))
        yield [position for position in part if len(held[candidates.source(position)]) == 1]


def _beyond_doubt(candidates: _Candidates, joined: DisjointSets, buckets: list[list[int]]) -> Buckets:
    """Return the buckets of identifiers that leave no doubt when all are taken together.

    Identifiers that chain: this one names A and B, that one B and C. The chain holds if one identifier names all of it,
    or if all agree on concept and moment; and only if it makes no two things of one source one. Else none of it does.
    """
    for members, linked in _chains(joined, buckets, size=len(candidates.facts)):
        if _one_unit_per_source(candidates, members):
            parts = {joined.root(position) for position in members}
            by_one = any({joined.root(position) for position in bucket} == parts for bucket in linked)
            if by_one or _all_known_and_one(candidates, {position for bucket in linked for position in bucket}):
                yield from linked


def _with_one_dated(
    candidates: _Candidates, joined: DisjointSets, buckets: list[list[int]], undated: set[int]
) -> Buckets:
    """Return the buckets of identifiers by which what has no date goes with one dated thing at most."""
    for members, linked in _chains(joined, buckets, size=len(candidates.facts)):
        clusters = {candidates.clusters[position] for position in members} - {""}
        dated = {joined.root(position) for position in members if position not in undated}
        if _one_unit_per_source(candidates, members) and len(clusters) < 2 and len(dated) < 2:
            yield from linked


def _chains(
    joined: DisjointSets, buckets: list[list[int]], *, size: int
) -> Iterator[tuple[list[int], list[list[int]]]]:
    """Yield what buckets chain together, beside what is joined already, each with its buckets."""
    if not buckets:
        return
    chains = DisjointSets(size=size)
    for position in range(size):
        chains.join([position, joined.root(position)])
    for bucket in buckets:
        chains.join(bucket)
    links: dict[int, list[list[int]]] = defaultdict(list)
    for bucket in buckets:
        links[chains.root(bucket[0])].append(bucket)
    members: dict[int, list[int]] = defaultdict(list)
    for position in range(size):
        if chains.root(position) in links:
            members[chains.root(position)].append(position)
    yield from ((members[chain], linked) for chain, linked in links.items())


def _lacks_its_date(fact: Fact) -> bool:
    """Return whether a fact that is joined by its date has none."""
    return _is_joined_by_date(fact) and not (fact.event_date and fact.event_date.text)


_JOINED_BY_DATE = frozenset(category for category, rules in CATEGORIES.items() if rules.same_concept.needs_date)


def _is_joined_by_date(fact: Fact) -> bool:
    return fact.item.category in _JOINED_BY_DATE


def _all_known_and_one(candidates: _Candidates, positions: set[int]) -> bool:
    clusters = {candidates.clusters[position] for position in positions}
    moments = set(_moments(candidates, positions))
    return len(clusters) == 1 and "" not in clusters and "" not in moments and agree(written=moments)


def _polarity(fact: Fact) -> str:
    return fact.standing if fact.standing in APART | {Standing.RETRACTED} else "said"


def _bucketed(keyed: Iterable[tuple[Hashable, int]]) -> Buckets:
    buckets: dict[Hashable, list[int]] = defaultdict(list)
    for key, position in keyed:
        buckets[key].append(position)
    return list(buckets.values())


def _shared(keyed: Iterable[tuple[Hashable, int]]) -> Buckets:
    return [bucket for bucket in _bucketed(keyed) if len(bucket) > 1]
