"""Where entries disagree. Only what shares a key is compared, so that the work grows with the facts. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.categories import CATEGORIES
from aggregator.record.conflicts import (
    Keyed,
    contradicted,
    denied_altogether,
    differing_dates,
    differing_results,
    differing_standings,
    same_ingredient,
    taken_back,
)
from aggregator.record.dates import agree, clustered, minute_of
from aggregator.record.fact import Fact
from aggregator.record.grouping import concept_clusters, moment_of, named_things
from aggregator.record.reading import parse
from aggregator.record.retraction import Retractions
from aggregator.record.rules import Compared
from aggregator.record.timeline import CLAIMED, CURRENT, Conflict, Standing
from connectors.contract.categories import RecordCategory


def conflicts_across(*, keyed: Sequence[Keyed], retractions: Retractions) -> dict[str, tuple[Conflict, ...]]:
    """Return the conflicts between entries, under the key of each entry that they name."""
    facts = [(key, fact) for key, fact in keyed if fact.item.id not in retractions.taken_back and not fact.stands_alone]
    clusters = concept_clusters(facts=[fact for _, fact in facts])
    conflicts = [
        *_absences(facts),
        *_same_ingredients(facts),
        *(differing_results(results=bucket) for bucket in _by_test_and_moment(facts, clusters)),
        *(_contradiction(bucket) for bucket in _by_concept_and_time(facts, clusters)),
        *(_contradiction(bucket) for bucket in _by_name(facts, clusters)),
        *(_standings(bucket) for bucket in _lasting_by_concept(facts, clusters)),
        *(differing_dates(named=bucket) for bucket in _dated_by_name(facts, clusters)),
        *_taken_back(keyed, retractions),
    ]
    by_entry: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in dict.fromkeys(conflict for conflict in conflicts if conflict):
        for key in conflict.entry_keys:
            by_entry[key].append(conflict)
    return {key: tuple(of_entry) for key, of_entry in by_entry.items()}


def _absences(facts: Sequence[Keyed]) -> Iterable[Conflict | None]:
    """Yield "no known ..." beside what is held of that category; of a kind in it, beside what is held of the kind."""
    denials: dict[Absence, list[Keyed]] = defaultdict(list)
    for key, fact in facts:
        if fact.absence and (fact.absence.kind is AbsenceKind.NONE_KNOWN or fact.absence.of):
            denials[fact.absence].append((key, fact))
    by_category: dict[RecordCategory, list[Keyed]] = defaultdict(list)
    for key, fact in facts if denials else ():
        if fact.absence is None and fact.standing in CATEGORIES[fact.item.category].conflicts.contradicted_by_none:
            by_category[fact.item.category].append((key, fact))
    for absence, denied in denials.items():
        held = [(key, fact) for key, fact in by_category[absence.about] if _is_of(absence=absence, fact=fact)]
        yield denied_altogether(absence=absence, denied=denied, held=held)


def _is_of(*, absence: Absence, fact: Fact) -> bool:
    """Return whether a fact is of the kind that is denied."""
    about = CATEGORIES[absence.about].absence
    if not absence.of or about is None:
        return True
    return absence.of in about.kinds_of(parse(resource=fact.item.resource))


def _same_ingredients(facts: Sequence[Keyed]) -> Iterable[Conflict | None]:
    buckets: dict[tuple[str, str], list[Keyed]] = defaultdict(list)
    for key, fact in facts:
        statement = CATEGORIES[fact.item.category].conflicts.same_ingredient
        for ingredient in fact.ingredients if statement and fact.standing in CURRENT else ():
            buckets[statement, ingredient].append((key, fact))
    for (statement, _), current in buckets.items():
        yield same_ingredient(statement=statement, current=current)


def _by_test_and_moment(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    buckets: dict[tuple[str, str], list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        moment = minute_of(date=fact.event_date)
        # To the minute on both sides: two readings on one day are two readings.
        if cluster and fact.is_measurement and "T" in moment:
            buckets[(cluster, moment)].append((key, fact))
    return buckets.values()


def _by_concept_and_time(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    """Return what may contradict because it is about one concept, at a time at which its category compares it."""
    buckets: dict[tuple[RecordCategory, str], list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        rules = CATEGORIES[fact.item.category].conflicts
        if cluster and rules.denials is not Compared.NEVER and rules.deniable(fact):
            buckets[fact.item.category, cluster].append((key, fact))
    for (category, _), bucket in buckets.items():
        yield from _at_times_compared(bucket, CATEGORIES[category].conflicts.denials)


def _at_times_compared(bucket: list[Keyed], compared: Compared) -> Iterable[list[Keyed]]:
    return _at_one_time(bucket) if compared is Compared.AT_ONE_TIME else (bucket,)


def _at_one_time(bucket: Sequence[Keyed]) -> Iterable[list[Keyed]]:
    together = clustered(written=[moment_of(fact=fact) for _, fact in bucket])
    by_time: dict[str, list[Keyed]] = defaultdict(list)
    for key, fact in bucket:
        by_time[together[moment_of(fact=fact)]].append((key, fact))
    return by_time.values()


def _by_name(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    """Return what may contradict because it has one name; only names that a denial has."""
    denied = {name for _, fact in facts if fact.standing is Standing.NEGATED for name in fact.identifiers}
    buckets: dict[tuple[str, str], list[tuple[Keyed, str]]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        for name in fact.identifiers & denied:
            buckets[fact.resource_type, name].append(((key, fact), cluster))
    for bucket in buckets.values():
        moments = [moment_of(fact=fact) for (_, fact), _ in bucket]
        if len({cluster for _, cluster in bucket} - {""}) < 2 and agree(written=moments):
            yield [keyed for keyed, _ in bucket]
        else:
            yield from _by_thing(bucket)


def _by_thing(named: Iterable[tuple[Keyed, str]]) -> Iterable[list[Keyed]]:
    buckets: dict[object, list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in named:
        for thing in named_things(fact=fact, cluster=cluster):
            buckets[thing].append((key, fact))
    return buckets.values()


def _contradiction(bucket: Sequence[Keyed]) -> Conflict | None:
    claimed = [(key, fact) for key, fact in bucket if fact.standing in CLAIMED]
    denied = [(key, fact) for key, fact in bucket if fact.standing is Standing.NEGATED and fact.absence is None]
    return contradicted(claimed=claimed, denied=denied)


def _lasting_by_concept(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    """Return what is one lasting thing, such as an allergy at any time. Episodes of a problem are not one."""
    buckets: dict[tuple[RecordCategory, str], list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        if cluster and CATEGORIES[fact.item.category].conflicts.statuses is not Compared.NEVER:
            buckets[fact.item.category, cluster].append((key, fact))
    for (category, _), bucket in buckets.items():
        yield from _at_times_compared(bucket, CATEGORIES[category].conflicts.statuses)


def _standings(bucket: Sequence[Keyed]) -> Conflict | None:
    return differing_standings(
        active=[(key, fact) for key, fact in bucket if fact.standing is Standing.ACTIVE],
        past=[(key, fact) for key, fact in bucket if fact.standing is Standing.PAST],
    )


def _dated_by_name(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    """Return what has one identifier and one concept, where sources that date it differently disagree."""
    buckets: dict[tuple[str, str, str], list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        if cluster and CATEGORIES[fact.item.category].conflicts.dates and fact.standing in CLAIMED:
            for name in fact.identifiers:
                buckets[fact.resource_type, name, cluster].append((key, fact))
    return buckets.values()


def _taken_back(keyed: Sequence[Keyed], retractions: Retractions) -> Iterable[Conflict]:
    entry_of: Mapping[str, str] = {fact.item.id: key for key, fact in keyed}
    for surely, doubts in ((True, retractions.named), (False, retractions.doubts)):
        for doubt in doubts:
            yield taken_back(
                retracted=[(entry_of[fact.item.id], fact) for fact in doubt.retractions],
                meant=[(entry_of[fact.item.id], fact) for fact in doubt.meant],
                surely=surely,
            )
