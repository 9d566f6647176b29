"""Items -> the longitudinal record: the same things grouped, conflicts kept, nothing lost, nothing overwritten. Pure.

Laws, each a property test: the order of items does not matter; merging twice changes nothing; each item is in exactly
one place; another source's items never take one away; an item that is not given leaves no trace.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from aggregator.record.conflicts import (
    CURRENT,
    allergy_denial,
    conflicts_within,
    contradicted,
    differing_results,
    same_ingredient,
)
from aggregator.record.dates import day_of, minute_of
from aggregator.record.fact import Fact
from aggregator.record.grouping import (
    DATED_CATEGORIES,
    RULES_VERSION,
    Group,
    concept_clusters,
    group,
    named_things,
    retracted_ids,
)
from aggregator.record.item import Item
from aggregator.record.normalise import normalise
from aggregator.record.reading import Resource, parse
from aggregator.record.references import Targets
from aggregator.record.timeline import SECTION_ORDER, Conflict, Entry, LongitudinalRecord, Section, Standing
from connectors.contract import RecordCategory
from connectors.references import without_version

# Sections of lasting things are ordered by how they stand, sections of events by when they happened.
STANDING_FIRST = frozenset(
    {
        RecordCategory.ALERTS,
        RecordCategory.ALLERGIES,
        RecordCategory.MEDICATIONS,
        RecordCategory.PROBLEMS,
        RecordCategory.CARE_PLANS,
    }
)
STANDING_ORDER = {
    Standing.ACTIVE: 0,
    Standing.UNKNOWN: 1,
    Standing.PAST: 2,
    Standing.NEGATED: 3,
    Standing.RETRACTED: 4,
}
# Of a medication's items, the one that tells most: the summary, then the authorisation, then an issue.
TELLS_MOST = ("MedicationStatement", "MedicationRequest")

Keyed = tuple[str, Fact]


def merge(*, items: Iterable[Item]) -> LongitudinalRecord:
    """Return the longitudinal record of items, all of which may be shown."""
    given = tuple(items)
    translated = [item for item in given if item.translated]
    resolver = _Resolver(items=translated)
    clinical = [item for item in translated if item.category.is_clinical]
    facts = [normalise(item=item, resolver=resolver) for item in clinical]
    keyed = [(_entry_key(found), found) for found in group(facts=facts)]
    across = _conflicts_across(keyed=keyed)
    retracted = retracted_ids(facts=facts)
    entries = [_entry(key=key, found=found, across=across, retracted=retracted) for key, found in keyed]
    return LongitudinalRecord(
        sections=tuple(
            Section(category=category, entries=_ordered(entries=entries, category=category))
            for category in SECTION_ORDER
            if any(entry.category is category for entry in entries)
        ),
        supporting=_by_source(item for item in translated if not item.category.is_clinical),
        untranslated=_by_source(item for item in given if not item.translated),
        conflicts=_each_once(conflict for entry in entries for conflict in entry.conflicts),
    )


class _Resolver:
    """Finds what an item points to among the items of the same source, parsing each at most once."""

    def __init__(self, *, items: Iterable[Item]) -> None:
        self._targets = Targets(items=items)
        self._parsed: dict[str, Resource] = {}

    def resource(self, *, item: Item, reference: str) -> Resource:
        """Return what a reference in an item means; an empty mapping when it is not in the answer."""
        found = self._targets.find(item=item, reference=reference)
        if not found:
            return {}
        if found[0].id not in self._parsed:
            self._parsed[found[0].id] = parse(resource=found[0].resource)
        return self._parsed[found[0].id]

    def name(self, *, item: Item, reference: str) -> str:
        """Return one name for what a reference in an item means, whichever way it is spelt."""
        found = self._targets.find(item=item, reference=reference)
        return f"item {found[0].id}" if found else without_version(reference=reference)


def _entry_key(found: Group) -> str:
    """Return a name for an entry: the same items have the same name, and it tells nothing of them."""
    ids = "|".join(sorted(fact.item.id for fact in found.facts))
    return hashlib.sha256(ids.encode()).hexdigest()[:20]


def _by_source(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(sorted(items, key=lambda item: (item.source_id, item.id)))


def _entry(*, key: str, found: Group, across: Mapping[str, Sequence[Conflict]], retracted: frozenset[str]) -> Entry:
    live = [fact for fact in found.facts if fact.item.id not in retracted]
    ranked = sorted(live or found.facts, key=_lead_order)
    ranked.sort(key=lambda fact: fact.shown_date.sort_key if fact.shown_date else "", reverse=True)
    ranked.sort(key=lambda fact: (STANDING_ORDER[fact.standing], _tells_least(fact)))
    lead = ranked[0]
    same_source = [fact for fact in ranked if fact.item.source_id == lead.item.source_id]
    return Entry(
        key=key,
        category=lead.item.category,
        heading=lead.heading,
        details=_details(same_source),
        standing=lead.standing if live else Standing.RETRACTED,
        status_text=lead.status_text,
        date=lead.shown_date,
        items=_by_source(fact.item for fact in found.facts),
        rule=found.rule,
        rule_version=RULES_VERSION,
        no_known_allergy=bool(live) and lead.no_known_allergy,
        conflicts=conflicts_within(key=key, facts=found.facts) + tuple(across.get(key, ())),
    )


def _lead_order(fact: Fact) -> tuple[bytes, str]:
    return (fact.item.resource, fact.item.id)


def _tells_least(fact: Fact) -> tuple[int, bool]:
    kinds = TELLS_MOST.index(fact.resource_type) if fact.resource_type in TELLS_MOST else len(TELLS_MOST)
    return (kinds, bool(fact.continues) and fact.resource_type == "MedicationRequest")


def _details(facts: Sequence[Fact]) -> tuple[tuple[str, str], ...]:
    """Return the first fact's lines and, for labels on which it is silent, those of the next."""
    lines: list[tuple[str, str]] = []
    for fact in facts:
        said = {label for label, _ in lines}
        lines.extend(line for line in fact.details if line[0] not in said)
    return tuple(lines)


def _ordered(*, entries: Sequence[Entry], category: RecordCategory) -> tuple[Entry, ...]:
    section = sorted((entry for entry in entries if entry.category is category), key=_reading_order)
    section.sort(key=lambda entry: entry.date.sort_key if entry.date else "", reverse=True)
    if category in STANDING_FIRST:
        section.sort(key=lambda entry: STANDING_ORDER[entry.standing])
    else:
        section.sort(key=lambda entry: entry.standing is Standing.RETRACTED)
    return tuple(section)


def _reading_order(entry: Entry) -> tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], str]:
    """Return what orders entries of one date: what they say first, so that the same record always reads the same."""
    return (entry.heading.lower(), entry.details, entry.source_ids, entry.key)


def _conflicts_across(*, keyed: Sequence[tuple[str, Group]]) -> dict[str, list[Conflict]]:
    """Return the conflicts between entries, under the key of each entry that they name."""
    facts: list[Keyed] = [(key, fact) for key, found in keyed for fact in found.facts]
    clusters = concept_clusters(facts=[fact for _, fact in facts])
    found = [
        allergy_denial(allergies=[one for one in facts if one[1].item.category is RecordCategory.ALLERGIES]),
        *(same_ingredient(medicines=bucket) for bucket in _current_by_ingredient(facts)),
        *(differing_results(results=bucket) for bucket in _by_test_and_moment(facts, clusters)),
        *(_contradiction(bucket) for bucket in _by_concept_and_day(facts, clusters)),
        *(_contradiction(bucket) for bucket in _by_name(facts, clusters)),
    ]
    by_entry: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in found:
        for key in conflict.entry_keys if conflict else ():
            assert conflict is not None  # noqa: S101  for the type checker
            by_entry[key].append(conflict)
    return {key: list(_each_once(conflicts)) for key, conflicts in by_entry.items()}


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
        if (
            cluster
            and fact.resource_type == "Observation"
            and "T" in moment
            and fact.standing is not Standing.RETRACTED
        ):
            buckets[(cluster, moment)].append((key, fact))
    return buckets.values()


def _by_concept_and_day(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    """Return what may contradict: the same allergy or problem at any time, the same act on one day, a current medicine
    and the word that it is not taken."""
    buckets: dict[tuple[RecordCategory, str, str], list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        category = fact.item.category
        prescribed = fact.resource_type in TELLS_MOST and fact.standing is not Standing.PAST
        lasting = category in {RecordCategory.ALLERGIES, RecordCategory.PROBLEMS} or prescribed
        day = "" if lasting else day_of(date=fact.event_date)
        if cluster and (lasting or (category in DATED_CATEGORIES and day)):
            buckets[(category, cluster, day)].append((key, fact))
    return buckets.values()


def _by_name(facts: Sequence[Keyed], clusters: Sequence[str]) -> Iterable[list[Keyed]]:
    """Return what may contradict because it has one name; only names that a denial has."""
    denied = {name for _, fact in facts if fact.standing is Standing.NEGATED for name in fact.identifiers}
    buckets: dict[object, list[Keyed]] = defaultdict(list)
    for (key, fact), cluster in zip(facts, clusters, strict=True):
        if fact.identifiers.isdisjoint(denied):
            continue
        for thing in named_things(fact=fact, cluster=cluster):
            buckets[thing].append((key, fact))
    return buckets.values()


def _contradiction(bucket: Sequence[Keyed]) -> Conflict | None:
    said = [one for one in bucket if one[1].standing in {Standing.ACTIVE, Standing.UNKNOWN, Standing.PAST}]
    denied = [one for one in bucket if one[1].standing is Standing.NEGATED and not one[1].no_known_allergy]
    return contradicted(said=said, denied=denied)


def _each_once(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    return tuple(dict.fromkeys(conflicts))
