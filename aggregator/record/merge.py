"""Items -> the longitudinal record: the same things grouped, conflicts kept, nothing lost, nothing overwritten. Pure.

Laws, each a property test: the order of items does not matter; merging twice changes nothing; each item is in exactly
one place; another source's items never take one away; an item that is not given leaves no trace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from aggregator.record.across import conflicts_across
from aggregator.record.categories import CATEGORIES, SECTIONS
from aggregator.record.conflicts import conflicts_within
from aggregator.record.doubt import is_compared_in_doubt
from aggregator.record.fact import Fact
from aggregator.record.grouping import RULES_VERSION, Group, group
from aggregator.record.item import Item
from aggregator.record.lines import lines_of
from aggregator.record.normalise import normalise
from aggregator.record.reading import Resource, parse
from aggregator.record.references import Targets
from aggregator.record.retraction import retractions_of
from aggregator.record.rules import CategoryRules
from aggregator.record.timeline import Conflict, Entry, LongitudinalRecord, Section, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.references import without_version

_STANDING_ORDER = {standing: place for place, standing in enumerate(Standing)}


def merge(*, items: Iterable[Item]) -> LongitudinalRecord:
    """Return the longitudinal record of items, all of which may be shown."""
    listed = tuple(items)
    translated = [item for item in listed if item.translated]
    resolver = _Resolver(items=translated)
    clinical = [item for item in translated if item.category.is_clinical]
    facts = [normalise(item=item, resolver=resolver) for item in clinical]
    groups = group(facts=facts)
    retractions = retractions_of(groups=groups)
    keyed = [(_entry_key(joined), joined) for joined in groups]
    across = conflicts_across(
        keyed=[(key, fact) for key, joined in keyed for fact in joined.facts], retractions=retractions
    )
    entries = [_entry(key=key, joined=joined, across=across, retracted=retractions.taken_back) for key, joined in keyed]
    by_category: dict[RecordCategory, list[Entry]] = {}
    for entry in entries:
        by_category.setdefault(entry.category, []).append(entry)
    return LongitudinalRecord(
        sections=tuple(
            Section(category=rules.category, entries=_ordered(by_category[rules.category], rules))
            for rules in SECTIONS
            if rules.category in by_category
        ),
        supporting=_by_source(item for item in translated if not item.category.is_clinical),
        untranslated=_by_source(item for item in listed if not item.translated),
        conflicts=_each_once(conflict for entry in entries for conflict in entry.conflicts),
    )


class _Resolver:
    """Finds what an item points to among the items of the same source, parsing each at most once."""

    def __init__(self, *, items: Iterable[Item]) -> None:
        self._targets = Targets(items=items)
        self._parsed: dict[str, Resource] = {}

    def resource(self, *, item: Item, reference: str) -> Resource:
        """Return what a reference in an item means; an empty mapping when it is not in the answer."""
        copies = self._targets.find(item=item, reference=reference)
        if not copies:
            return {}
        if copies[0].id not in self._parsed:
            self._parsed[copies[0].id] = parse(resource=copies[0].resource)
        return self._parsed[copies[0].id]

    def is_sound(self, *, item: Item, reference: str) -> bool:
        """Return whether what a reference in an item means has no flaw in anything that may be compared."""
        copies = self._targets.find(item=item, reference=reference)
        return not copies or not is_compared_in_doubt(item=copies[0])

    def name(self, *, item: Item, reference: str) -> str:
        """Return one name for what a reference in an item means, whichever way it is spelt."""
        copies = self._targets.find(item=item, reference=reference)
        return f"item {copies[0].id}" if copies else without_version(reference=reference)


def _entry_key(joined: Group) -> str:
    """Return a name for an entry: the same items have the same name, and it tells nothing of them."""
    ids = "|".join(sorted(fact.item.id for fact in joined.facts))
    return hashlib.sha256(ids.encode()).hexdigest()[:20]


def _by_source(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(sorted(items, key=lambda item: (item.source_id, item.id)))


def _entry(*, key: str, joined: Group, across: Mapping[str, Sequence[Conflict]], retracted: frozenset[str]) -> Entry:
    live = [fact for fact in joined.facts if fact.item.id not in retracted]
    ranked = sorted(live or joined.facts, key=_lead_order)
    ranked.sort(key=lambda fact: fact.shown_date.sort_key if fact.shown_date else "", reverse=True)
    # The stronger warning leads, whichever copy is newer.
    ranked.sort(key=lambda fact: fact.seriousness, reverse=True)
    ranked.sort(key=lambda fact: (_STANDING_ORDER[fact.standing], CATEGORIES[fact.item.category].tells_least(fact)))
    lead = ranked[0]
    return Entry(
        key=key,
        category=lead.item.category,
        heading=lead.heading,
        lines=lines_of(ranked=ranked),
        standing=lead.standing if live else Standing.RETRACTED,
        status_text=lead.status_text,
        date=lead.shown_date,
        items=_by_source(fact.item for fact in joined.facts),
        joined_by=joined.rules,
        rule_version=RULES_VERSION,
        absence=lead.absence if live else None,
        is_doubted=lead.is_doubted,
        may_be_in_error=lead.may_be_in_error,
        conflicts=conflicts_within(key=key, facts=joined.facts) + tuple(across.get(key, ())),
    )


def _lead_order(fact: Fact) -> tuple[bytes, str]:
    return (fact.item.resource, fact.item.id)


def _ordered(entries: Sequence[Entry], rules: CategoryRules) -> tuple[Entry, ...]:
    """Return the entries of a section: lasting things by how they stand, what happened by when it happened."""
    section = sorted(entries, key=_reading_order)
    section.sort(key=lambda entry: entry.date.sort_key if entry.date else "", reverse=True)
    if rules.is_lasting:
        section.sort(key=lambda entry: _STANDING_ORDER[entry.standing])
    else:
        section.sort(key=lambda entry: entry.standing is Standing.RETRACTED)
    return tuple(section)


def _reading_order(entry: Entry) -> tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], str]:
    """Return what orders entries of one date: what they say first, so that the same record always reads the same."""
    return (entry.heading.lower(), entry.details, entry.source_ids, entry.key)


def _each_once(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    """Return conflicts, each once. Told apart as objects: one that names many entries is one object in all of them."""
    return tuple({id(conflict): conflict for conflict in conflicts}.values())
