"""Items -> the longitudinal record: the same things grouped, conflicts kept, nothing lost, nothing overwritten. Pure.

Laws, each a property test: the order of items does not matter; merging twice changes nothing; each item is in exactly
one place; another source's items never take one away; an item that is not given leaves no trace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from aggregator.record.across import conflicts_across
from aggregator.record.conflicts import conflicts_within
from aggregator.record.fact import Fact
from aggregator.record.grouping import RULES_VERSION, Group, group
from aggregator.record.item import Item
from aggregator.record.lines import lines_of
from aggregator.record.normalise import normalise
from aggregator.record.reading import Resource, parse
from aggregator.record.references import Targets
from aggregator.record.retraction import retractions_of
from aggregator.record.timeline import SECTION_ORDER, Conflict, Entry, LongitudinalRecord, Section, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.references import without_version

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
    Standing.NO_INFORMATION: 4,
    Standing.RETRACTED: 5,
}
# Of a medication's items, the one that tells most: the summary, then the authorisation, then an issue.
TELLS_MOST = ("MedicationStatement", "MedicationRequest")


def merge(*, items: Iterable[Item]) -> LongitudinalRecord:
    """Return the longitudinal record of items, all of which may be shown."""
    given = tuple(items)
    translated = [item for item in given if item.translated]
    resolver = _Resolver(items=translated)
    clinical = [item for item in translated if item.category.is_clinical]
    facts = [normalise(item=item, resolver=resolver) for item in clinical]
    groups = group(facts=facts)
    retractions = retractions_of(groups=groups)
    keyed = [(_entry_key(found), found) for found in groups]
    across = conflicts_across(
        keyed=[(key, fact) for key, found in keyed for fact in found.facts], retractions=retractions
    )
    entries = [_entry(key=key, found=found, across=across, retracted=retractions.taken_back) for key, found in keyed]
    by_category: dict[RecordCategory, list[Entry]] = {}
    for entry in entries:
        by_category.setdefault(entry.category, []).append(entry)
    return LongitudinalRecord(
        sections=tuple(
            Section(category=category, entries=_ordered(entries=by_category[category], category=category))
            for category in SECTION_ORDER
            if category in by_category
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
    # The stronger warning leads, whichever copy is newer.
    ranked.sort(key=lambda fact: fact.seriousness, reverse=True)
    ranked.sort(key=lambda fact: (STANDING_ORDER[fact.standing], _tells_least(fact)))
    lead = ranked[0]
    return Entry(
        key=key,
        category=lead.item.category,
        heading=lead.heading,
        lines=lines_of(ranked=ranked),
        standing=lead.standing if live else Standing.RETRACTED,
        status_text=lead.status_text,
        date=lead.shown_date,
        items=_by_source(fact.item for fact in found.facts),
        rule=found.rule,
        rule_version=RULES_VERSION,
        absence=lead.absence if live else None,
        conflicts=conflicts_within(key=key, facts=found.facts) + tuple(across.get(key, ())),
    )


def _lead_order(fact: Fact) -> tuple[bytes, str]:
    return (fact.item.resource, fact.item.id)


def _tells_least(fact: Fact) -> tuple[int, bool]:
    kinds = TELLS_MOST.index(fact.resource_type) if fact.resource_type in TELLS_MOST else len(TELLS_MOST)
    return (kinds, bool(fact.continues) and fact.resource_type == "MedicationRequest")


def _ordered(*, entries: Sequence[Entry], category: RecordCategory) -> tuple[Entry, ...]:
    section = sorted(entries, key=_reading_order)
    section.sort(key=lambda entry: entry.date.sort_key if entry.date else "", reverse=True)
    if category in STANDING_FIRST:
        section.sort(key=lambda entry: STANDING_ORDER[entry.standing])
    else:
        section.sort(key=lambda entry: entry.standing is Standing.RETRACTED)
    return tuple(section)


def _reading_order(entry: Entry) -> tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], str]:
    """Return what orders entries of one date: what they say first, so that the same record always reads the same."""
    return (entry.heading.lower(), entry.details, entry.source_ids, entry.key)


def _each_once(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    """Return conflicts, each once. Told apart as objects: one that names many entries is one object in all of them."""
    return tuple({id(conflict): conflict for conflict in conflicts}.values())
