"""What a source takes back: the items entered in error, the copies that they name, and those that they may mean. Pure.

A retraction may come stripped of what it said. It takes back the thing that its identifier names, if that is one thing.
Whatever else it can mean is marked and stays: the reader decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aggregator.record.dates import clustered
from aggregator.record.fact import Fact
from aggregator.record.grouping import Group, NamedThing, concept_clusters, moment_of, named_things
from aggregator.record.timeline import Standing

Named = tuple[str, str]  # resource type, identifier


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Retractions, and the facts that they may mean."""

    retractions: tuple[Fact, ...]
    meant: tuple[Fact, ...]


@dataclass(frozen=True, kw_only=True)
class Retractions:
    """`taken_back` are the ids of the items in error and of their copies. `named` are retractions with the copies that
    they name and do not stand with, `doubts` with those that they may mean."""

    taken_back: frozenset[str]
    named: tuple[Doubt, ...]
    doubts: tuple[Doubt, ...]


def retractions_of(*, groups: Sequence[Group]) -> Retractions:
    """Return what is taken back among facts that are grouped. One that stands alone takes back only itself."""
    facts = [fact for group in groups for fact in group.facts if not fact.stands_alone]
    errors = [fact for fact in facts if fact.standing is Standing.RETRACTED]
    if not errors:
        return Retractions(taken_back=frozenset(), named=(), doubts=())
    group_of = {fact.item.id: place for place, group in enumerate(groups) for fact in group.facts}
    clusters = dict(zip((fact.item.id for fact in facts), concept_clusters(facts=facts), strict=True))
    held = _held(facts, clusters)
    copies = {fact.item.id: fact for fact in _beside(groups)}
    apart: list[Doubt] = []
    possible: dict[Named, tuple[dict[str, Fact], dict[str, Fact]]] = defaultdict(lambda: ({}, {}))
    unanswered: list[Fact] = []
    for things, alike in _alike(errors, clusters).items():
        meant_by = {thing: _meant(thing, held.get(thing[:2])) for thing in things}
        named = {fact.item.id: fact for meant in meant_by.values() if len(meant) == 1 for fact in meant[0]}
        copies.update(named)
        groups_of_errors = {group_of[error.item.id] for error in alike}
        elsewhere = tuple(fact for key, fact in named.items() if {group_of[key]} != groups_of_errors)
        if elsewhere:
            apart.append(Doubt(retractions=tuple(alike), meant=elsewhere))
        for thing, things_meant in meant_by.items():
            if len(things_meant) > 1:
                retractions, doubted = possible[thing[:2]]
                retractions.update((error.item.id, error) for error in alike)
                doubted.update((fact.item.id, fact) for facts_of in things_meant for fact in facts_of)
        if not any(meant_by.values()):
            unanswered.extend(alike)
    doubts = [
        Doubt(retractions=tuple(retractions.values()), meant=meant)
        for retractions, doubted in possible.values()
        if (meant := tuple(fact for key, fact in doubted.items() if key not in copies))
    ]
    live = [fact for fact in facts if fact.standing is not Standing.RETRACTED and fact.item.id not in copies]
    doubts.extend(_by_resource(unanswered, live))
    doubts.extend(_by_content(unanswered, live, clusters))
    return Retractions(
        taken_back=frozenset(copies) | {fact.item.id for fact in errors}, named=tuple(apart), doubts=tuple(doubts)
    )


@dataclass(frozen=True)
class _Held:
    """The live things of one name: by what they are, by when, and by each coarser date in which they lie."""

    things: dict[NamedThing, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    at: dict[str, list[NamedThing]] = field(default_factory=lambda: defaultdict(list))
    inside: dict[str, list[NamedThing]] = field(default_factory=lambda: defaultdict(list))


PRECISIONS = tuple(len(date) for date in ("", "2024", "2024-05", "2024-05-01", "2024-05-01T09:00"))


def _held(facts: Iterable[Fact], clusters: Mapping[str, str]) -> dict[Named, _Held]:
    held: dict[Named, _Held] = defaultdict(_Held)
    for fact in facts:
        for thing in named_things(fact=fact, cluster=clusters[fact.item.id]):
            if fact.standing is not Standing.RETRACTED:
                held[thing[:2]].things[thing].append(fact)
    for of_one_name in held.values():
        for thing in of_one_name.things:
            of_one_name.at[thing.moment].append(thing)
            for length in PRECISIONS:
                if length < len(thing.moment):
                    of_one_name.inside[thing.moment[:length]].append(thing)
    return held


def _alike(errors: Iterable[Fact], clusters: Mapping[str, str]) -> dict[tuple[NamedThing, ...], list[Fact]]:
    """Return the retractions by the things that they name, so that each question is asked once."""
    alike: dict[tuple[NamedThing, ...], list[Fact]] = defaultdict(list)
    for error in errors:
        alike[tuple(named_things(fact=error, cluster=clusters[error.item.id]))].append(error)
    return alike


def _meant(retraction: NamedThing, held: _Held | None) -> list[list[Fact]]:
    """Return the facts of each thing that a retraction may mean by its name: of one alone, if that is what it names."""
    if held is None:
        return []
    if retraction in held.things:
        return [held.things[retraction]]
    moment = retraction.moment
    dates = dict.fromkeys([moment, *(moment[:length] for length in PRECISIONS if length < len(moment))])
    candidates = [*held.inside.get(moment, ()), *(thing for date in dates for thing in held.at.get(date, ()))]
    return [
        held.things[thing]
        for thing in candidates
        if "" in {retraction.cluster, thing.cluster} or retraction.cluster == thing.cluster
    ]


def _beside(groups: Sequence[Group]) -> Iterable[Fact]:
    """Yield what stands in one group with a retraction of its name."""
    for group in groups:
        taken = {
            (fact.resource_type, identifier)
            for fact in group.facts
            if fact.standing is Standing.RETRACTED
            for identifier in fact.identifiers
        }
        for fact in group.facts if taken else ():
            if any((fact.resource_type, identifier) in taken for identifier in fact.identifiers):
                yield fact


def _by_resource(errors: Iterable[Fact], live: Sequence[Fact]) -> Iterable[Doubt]:
    """Yield what has the type and id of a retraction at its source."""
    held: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in live:
        held[fact.item.source_id, fact.names].append(fact)
    taken: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for error in errors:
        taken[error.item.source_id, error.names].append(error)
    for name, retractions in taken.items():
        if name[1] and name in held:
            yield Doubt(retractions=tuple(retractions), meant=tuple(held[name]))


def _by_content(errors: Sequence[Fact], live: Sequence[Fact], clusters: Mapping[str, str]) -> Iterable[Doubt]:
    """Yield what says the same as retractions at a time that may be the same."""
    by_subject: dict[tuple[str, ...], tuple[list[Fact], list[Fact]]] = defaultdict(lambda: ([], []))
    for place, facts in enumerate((errors, live)):
        for fact in facts:
            if subject := clusters[fact.item.id] or " ".join(fact.heading.lower().split()):
                by_subject[fact.item.category, fact.resource_type, subject][place].append(fact)
    for retracted, standing in by_subject.values():
        if not retracted or not standing:
            continue
        together = clustered(written=[moment_of(fact=fact) for fact in [*retracted, *standing]])
        by_time: dict[str, tuple[list[Fact], list[Fact]]] = defaultdict(lambda: ([], []))
        for place, facts in enumerate((retracted, standing)):
            for fact in facts:
                by_time[together[moment_of(fact=fact)]][place].append(fact)
        for errors_then, live_then in by_time.values():
            meant = _not_told_apart(errors_then, live_then) if errors_then else ()
            if meant:
                yield Doubt(retractions=tuple(errors_then), meant=tuple(meant))


def _not_told_apart(errors: Sequence[Fact], live: Iterable[Fact]) -> list[Fact]:
    """Return the facts that no identifier, id or value tells from every one of the retractions."""
    sources = {error.item.source_id for error in errors}
    ids_known = all(error.names for error in errors)
    systems = set.intersection(*({_system(identifier) for identifier in error.identifiers} for error in errors))
    values = {error.value for error in errors}

    def told_apart(fact: Fact) -> bool:
        # Another id at the same source is another thing; another source has ids of its own.
        other_resource = ids_known and bool(fact.names) and sources == {fact.item.source_id}
        other_identifier = bool(systems & {_system(identifier) for identifier in fact.identifiers})
        other_value = bool(fact.value) and () not in values and fact.value not in values
        return other_resource or other_identifier or other_value

    return [fact for fact in live if not told_apart(fact)]


def _system(identifier: str) -> str:
    return identifier.partition("|")[0]
