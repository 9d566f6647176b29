"""Items -> the longitudinal record: the same things grouped, conflicts kept, nothing lost, nothing overwritten. Pure.

Laws, each a property test: the order of items does not matter; merging twice changes nothing; each item is in exactly
one place; another source's items never take one away; an item that is not given leaves no trace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from aggregator.record.across import conflicts_across
from aggregator.record.answers import Answers
from aggregator.record.arrange import NO_PLACE, Arranger, Inner, Wholes, wholes_of
from aggregator.record.categories import CATEGORIES, SECTIONS, type_rules
from aggregator.record.conflicts import conflicts_within
from aggregator.record.fact import Fact
from aggregator.record.grouping import RULES_VERSION, Group, group
from aggregator.record.item import Item
from aggregator.record.lines import lines_of
from aggregator.record.normalise import normalise
from aggregator.record.reading import parse
from aggregator.record.retraction import retractions_of
from aggregator.record.rules import CategoryRules
from aggregator.record.sent import CONTAINED, Sent
from aggregator.record.timeline import Conflict, Entry, LongitudinalRecord, Section, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.heads import type_of

_STANDING_ORDER = {standing: place for place, standing in enumerate(Standing)}


def merge(*, items: Iterable[Item]) -> LongitudinalRecord:
    """Return the longitudinal record of items, all of which may be shown."""
    listed = tuple(items)
    translated = [item for item in listed if item.translated]
    resolver = Answers(items=translated)
    clinical = [item for item in translated if item.category.is_clinical]
    facts = [normalise(item=item, resolver=resolver) for item in clinical]
    groups = group(facts=facts)
    retractions = retractions_of(groups=groups)
    keyed = [(_entry_key(joined), joined) for joined in groups]
    across = conflicts_across(
        keyed=[(key, fact) for key, joined in keyed for fact in joined.facts], retractions=retractions
    )
    apart = {
        key: _entry(key=key, joined=joined, across=across, retracted=retractions.taken_back) for key, joined in keyed
    }
    arranging = [
        normalise(item=item, resolver=resolver)
        for item in translated
        if not item.category.is_clinical and type_rules(resource_type=type_of(entry=item.resource)).only_arranges
    ]
    entries, wholes = _with_parts(entries=apart, keyed=keyed, arranging=arranging, resolver=resolver)
    by_category: dict[RecordCategory, list[Entry]] = {}
    for entry in entries:
        by_category.setdefault(entry.category, []).append(entry)
    return LongitudinalRecord(
        sections=tuple(
            Section(category=rules.category, entries=_ordered(by_category[rules.category], rules))
            for rules in SECTIONS
            if rules.category in by_category
        ),
        supporting=_by_source(item for item in translated if item.category.is_supporting),
        billing=_by_source(item for item in translated if item.category.is_billing),
        untranslated=_by_source(item for item in listed if not item.translated),
        conflicts=_each_once(conflict for entry in entries for conflict in entry.conflicts),
        drawn_within=frozenset(wholes),
    )


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
        is_date_of_recording=lead.is_date_of_recording and lead.shown_date is not None,
        items=_by_source(fact.item for fact in joined.facts),
        joined_by=joined.rules,
        rule_version=RULES_VERSION,
        absence=lead.absence if live else None,
        is_doubted=lead.is_doubted,
        may_be_in_error=lead.may_be_in_error,
        conflicts=conflicts_within(key=key, facts=joined.facts) + tuple(across.get(key, ())),
        due=lead.due if live else None,
        is_measurement=lead.is_measurement,
        attachments=tuple(attachment for fact in ranked for attachment in fact.attachments),
    )


def _with_parts(
    *,
    entries: Mapping[str, Entry],
    keyed: Sequence[tuple[str, Group]],
    arranging: Iterable[Fact],
    resolver: Answers,
) -> tuple[list[Entry], Wholes]:
    """Return the entries with their parts, and within which each is drawn that is not drawn by itself.

    Within what is taken back or denied nothing is drawn that would not be drawn elsewhere too.
    """
    clinical = [fact for _, joined in keyed for fact in joined.facts]
    arranger = Arranger(
        facts={fact.item.id: fact for fact in (*clinical, *arranging)},
        key_of={fact.item.id: key for key, joined in keyed for fact in joined.facts},
        find=lambda fact, reference: [copy.id for copy in resolver.items(item=fact.item, reference=reference)],
        contained=lambda fact, reference: _contained(fact=fact, reference=reference, resolver=resolver),
    )
    wholes = wholes_of(
        own={
            key: () if entries[key].standing in NO_PLACE else arranger.own_parts(facts=joined.facts)
            for key, joined in keyed
        }
    )
    with_parts = [
        structs.replace(entries[key], parts=parts) if parts else entries[key]
        for key, joined in keyed
        for parts in (arranger.parts(facts=_newest_first(joined.facts), wholes=wholes),)
    ]
    return with_parts, wholes


def _contained(*, fact: Fact, reference: str, resolver: Answers) -> Inner | None:
    """Return the heading and the lines of a resource that another contains; None for any other reference."""
    if not reference.startswith(CONTAINED):
        return None
    whole = parse(resource=fact.item.resource)
    inner = Sent(resource=whole, item=fact.item, resolver=resolver).find(reference=reference)
    if not inner:
        return None
    # What it refers to, by "#" too, is found as from the resource that contains it.
    resource = {**inner, "contained": whole.get("contained")}
    read = normalise(item=structs.replace(fact.item, resource=json.dumps(resource).encode()), resolver=resolver)
    return read.heading, (*read.told, *read.details)


def _newest_first(facts: Iterable[Fact]) -> list[Fact]:
    ordered = sorted(facts, key=lambda fact: fact.item.id)
    ordered.sort(key=lambda fact: fact.shown_date.sort_key if fact.shown_date else "", reverse=True)
    return ordered


def _lead_order(fact: Fact) -> tuple[bytes, str]:
    return (fact.item.resource, fact.item.id)


def _ordered(entries: Sequence[Entry], rules: CategoryRules) -> tuple[Entry, ...]:
    """Return the entries of a section: lasting things by how they stand, what happened by when it happened.

    What is yet to be done comes before both, what is due first before the rest.
    """
    section = sorted(entries, key=_reading_order)
    section.sort(key=lambda entry: entry.date.sort_key if entry.date else "", reverse=True)
    if rules.is_lasting:
        section.sort(key=lambda entry: _STANDING_ORDER[entry.standing])
    else:
        section.sort(key=lambda entry: entry.standing is Standing.RETRACTED)
    section.sort(key=lambda entry: (0, entry.due.sort_key or "~") if entry.due and entry.is_open else (1, ""))
    return tuple(section)


def _reading_order(entry: Entry) -> tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], str]:
    """Return what orders entries of one date: what they say first, so that the same record always reads the same."""
    return (entry.heading.lower(), entry.details, entry.source_ids, entry.key)


def _each_once(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    """Return conflicts, each once. Told apart as objects: one that names many entries is one object in all of them."""
    return tuple({id(conflict): conflict for conflict in conflicts}.values())
