"""Where entries disagree. Only what shares a key is compared, so that the work grows with the facts. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.conflicts import (
    CURRENT,
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
from aggregator.record.grouping import DATED_CATEGORIES, concept_clusters, moment_of, named_things
from aggregator.record.placeholders import LOST_DRUG_ALLERGY
from aggregator.record.reading import codings, parse, text
from aggregator.record.retraction import Retractions
from aggregator.record.timeline import Conflict, Standing
from connectors.contract.categories import RecordCategory

# Of a medication's items, those that say what is prescribed.
PRESCRIBING = frozenset({"MedicationStatement", "MedicationRequest"})
# What a denial of all of a category contradicts: what is current or, where everything lies in the past, what happened.
HAPPENED = frozenset({RecordCategory.IMMUNISATIONS, RecordCategory.PROCEDURES})
CLAIMED = frozenset({Standing.ACTIVE, Standing.UNKNOWN, Standing.PAST})


def conflicts_across(*, keyed: Sequence[Keyed], retractions: Retractions) -> dict[str, tuple[Conflict, ...]]:
    """Return the conflicts between entries, under the key of each entry that they name."""
    facts = [one for one in keyed if one[1].item.id not in retractions.taken_back]
    clusters = concept_clusters(facts=[fact for _, fact in facts])
    found = [
        *_absences(facts),
        *(same_ingredient(medicines=bucket) for bucket in _current_by_ingredient(facts)),
        *(differing_results(results=bucket) for bucket in _by_test_and_moment(facts, clusters)),
        *(_contradiction(bucket) for bucket in _by_concept_and_time(facts, clusters)),
        *(_contradiction(bucket) for bucket in _by_name(facts, clusters)),
        *(_standings(bucket) for bucket in _lasting_by_concept(facts, clusters)),
        *(differing_dates(named=bucket) for bucket in _dated_by_name(facts, clusters)),
        *_taken_back(keyed, retractions),
    ]
    by_entry: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in dict.fromkeys(one for one in found if one):
        for key in conflict.entry_keys:
            by_entry[key].append(conflict)
    return {key: tuple(conflicts) for key, conflicts in by_entry.items()}


def _absences(facts: Sequence[Keyed]) -> Iterable[Conflict | None]:
    """Yield "no known ..." beside what is held of that category; of a kind of allergies, beside those of the kind."""
    denials: dict[Absence, list[Keyed]] = defaultdict(list)
    for key, fact in facts:
        if fact.absence and (fact.absence.kind is AbsenceKind.NONE_KNOWN or fact.absence.of):
            denials[fact.absence].append((key, fact))
    by_category: dict[RecordCategory, list[Keyed]] = defaultdict(list)
    for key, fact in facts if denials else ():
        category = fact.item.category
        if fact.absence is None and fact.standing in (CLAIMED if category in HAPPENED else CURRENT):
            by_category[category].append((key, fact))
    for absence, denied in denials.items():
        held = by_category[absence.about]
        of_kind = [one for one in held if absence.of in _kinds(one[1])] if absence.of else held
        yield denied_altogether(absence=absence, denied=denied, held=of_kind)


def _kinds(fact: Fact) -> frozenset[str]:
    """Return the kinds of substance that an allergy is to. Source: FHIR R4, AllergyIntolerance.category."""
    resource = parse(resource=fact.item.resource)
    stated = resource.get("category")
    kinds = {text(kind) for kind in (stated if isinstance(stated, list) else [stated])}
    if any(code == LOST_DRUG_ALLERGY for _, code, _ in codings(resource.get("code"))):
        kinds.add("medication")
    return frozenset(kinds)


def _current_by_ingredient(facts: Sequence[Keyed]) -> Iterable[list[Keyed]]:
    buckets: dict[str, list[Keyed]] = defaultdict(list)
    for key, fact in facts:
        for ingredient in fact.ingredients if fact.standing in CURRENT else ():
            buckets[ingredient].append((key, fact))
    return buckets.values()


def _by_test_and_moment(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    buckets: dict[tuple[str, str], list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        moment = minute_of(date=fact.event_date)
        # To the minute on both sides: two readings on one day are two readings.
        if cluster and fact.resource_type == "Observation" and "T" in moment:
            buckets[(cluster, moment)].append((key, fact))
    return buckets.values()


def _by_concept_and_time(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    """Return what may contradict: the same allergy or problem at any time, the same act at a time that may be one, a
    current medicine and the word that it is not taken."""
    buckets: dict[tuple[RecordCategory, str], list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        category = fact.item.category
        prescribed = fact.resource_type in PRESCRIBING and fact.standing is not Standing.PAST
        if cluster and (category is RecordCategory.ALLERGIES or category in DATED_CATEGORIES or prescribed):
            buckets[(category, cluster)].append((key, fact))
    for (category, _), bucket in buckets.items():
        if category in HAPPENED:
            yield from _at_one_time(bucket)
        else:
            yield bucket


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
            yield [one for one, _ in bucket]
        else:
            yield from _by_thing(bucket)


def _by_thing(named: Iterable[tuple[Keyed, str]]) -> Iterable[list[Keyed]]:
    buckets: dict[object, list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in named:
        for thing in named_things(fact=fact, cluster=cluster):
            buckets[thing].append((key, fact))
    return buckets.values()


def _contradiction(bucket: Sequence[Keyed]) -> Conflict | None:
    said = [one for one in bucket if one[1].standing in CLAIMED]
    denied = [one for one in bucket if one[1].standing is Standing.NEGATED and one[1].absence is None]
    return contradicted(said=said, denied=denied)


def _lasting_by_concept(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    """Return the same allergy at any time, and the same problem at times that may be one: episodes are not one."""
    buckets: dict[tuple[RecordCategory, str], list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        if cluster and fact.item.category in {RecordCategory.ALLERGIES, RecordCategory.PROBLEMS}:
            buckets[fact.item.category, cluster].append((key, fact))
    for (category, _), bucket in buckets.items():
        yield from [bucket] if category is RecordCategory.ALLERGIES else _at_one_time(bucket)


def _standings(bucket: Sequence[Keyed]) -> Conflict | None:
    return differing_standings(
        active=[one for one in bucket if one[1].standing is Standing.ACTIVE],
        past=[one for one in bucket if one[1].standing is Standing.PAST],
    )


def _dated_by_name(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    """Return what has one identifier and one concept; a prescription is dated by each source for itself."""
    buckets: dict[tuple[str, str, str], list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        if cluster and not fact.resource_type.startswith("Medication") and fact.standing in CLAIMED:
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
