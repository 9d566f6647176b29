"""The laws of merging (`merge`): whatever sources send, in whatever order, and whatever is withheld.

A law that is never tried where it could break holds for nothing. So each is drawn from records of anything and from
records in which many items tell of one thing, and the last test counts how often its case is reached.
"""

from __future__ import annotations

import copy
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import structs

from aggregator.consent.filter import permit
from aggregator.record.arrange import Branch, branches_of
from aggregator.record.fact import Fact
from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.parts import every_part
from aggregator.record.reading import parse
from aggregator.record.references import target_of
from aggregator.record.standing import standing_of
from aggregator.record.timeline import Entry, LongitudinalRecord, Standing
from fhir_data import exact_json
from tests import proofs
from tests.factories import fact, permitting
from tests.strategies import a_record_and_more, records, records_of_one_thing, records_of_wholes, resources

laws = proofs.laws(examples=50)

PERMITTED = permitting()
WHOLES = records_of_wholes()
LABELLED_WHOLES = records_of_wholes(labelled=True)
DATED_TYPES = ("Condition", "Procedure", "Immunization", "Observation")

ANY = records() | records_of_one_thing()
LABELLED = records(labelled=True) | records_of_one_thing(labelled=True)
DATED = records(drawn=resources(kinds=DATED_TYPES)) | records_of_one_thing(kinds=DATED_TYPES)
UNCODED = records(drawn=resources(coded=False)) | records_of_one_thing(coded=False)
KNOWN_AND_ADDED = (
    st.tuples(records(sources=("practice", "hospital"), max_size=6), records(sources=("community",), max_size=4))
    | a_record_and_more()
)


def entries_of(record: LongitudinalRecord) -> list[Entry]:
    return [entry for section in record.sections for entry in section.entries]


def as_merged(*, record: LongitudinalRecord) -> tuple[Item, ...]:
    """Return every item of a record, each once: what `merge` was given, in another order."""
    grouped = (item for entry in entries_of(record) for item in entry.items)
    return (*grouped, *record.supporting, *record.untranslated)


def entry_with(record: LongitudinalRecord, *, item: Item) -> Entry:
    return next(entry for entry in entries_of(record) if item in entry.items)


def partition(record: LongitudinalRecord, *, of: Iterable[Item]) -> set[frozenset[str]]:
    wanted = {item.id for item in of}
    parts = {frozenset(item.id for item in entry.items if item.id in wanted) for entry in entries_of(record)}
    return parts - {frozenset()}


def standing(item: Item) -> Standing:
    return standing_of(resource=parse(resource=item.resource))


def identifiers(item: Item) -> set[tuple[str, str]]:
    resource = parse(resource=item.resource)
    return {(resource["resourceType"], identifier["value"]) for identifier in resource.get("identifier", ())}


@laws
@given(items=ANY, data=st.data())
def test_the_order_of_items_does_not_matter(items: list[Item], data: st.DataObject) -> None:
    assert merge(items=data.draw(st.permutations(items))) == merge(items=items)


@laws
@given(items=ANY)
def test_merging_what_was_merged_changes_nothing(items: list[Item]) -> None:
    record = merge(items=items)
    assert merge(items=as_merged(record=record)) == record


@laws
@given(items=ANY)
def test_every_item_is_in_exactly_one_place(items: list[Item]) -> None:
    untranslated = [structs.replace(item, translated=False) for item in items[::4]]
    given_items = [*untranslated, *(item for position, item in enumerate(items) if position % 4)]
    assert Counter(as_merged(record=merge(items=given_items))) == Counter(given_items)


@laws
@given(items=ANY)
def test_each_section_holds_items_of_its_own_type(items: list[Item]) -> None:
    for section in merge(items=items).sections:
        for entry in section.entries:
            assert {item.category for item in entry.items} == {section.category}
            assert len({parse(resource=item.resource)["resourceType"] for item in entry.items}) == 1 or (
                section.category == "medications"
            )


@laws
@given(known_and_added=KNOWN_AND_ADDED)
def test_another_source_takes_nothing_away(known_and_added: tuple[list[Item], list[Item]]) -> None:
    """It may add a doubt or take back what it names; a claim that stands alone is never hidden or weakened.

    What is already taken back does not stand, even where others keep its entry active.
    """
    known, added = known_and_added
    taken_back = {
        name for item in (*known, *added) if standing(item) is Standing.RETRACTED for name in identifiers(item)
    }
    before, after = merge(items=known), merge(items=[*known, *added])
    assert set(known) <= set(as_merged(record=after))
    for item in (item for item in known if item.category.is_clinical):
        if standing(item) is Standing.ACTIVE and entry_with(before, item=item).standing is Standing.ACTIVE:
            then = entry_with(after, item=item)
            assert then.standing is Standing.ACTIVE or identifiers(item) & taken_back


@laws
@given(items=LABELLED)
def test_a_withheld_item_leaves_the_record_as_if_it_were_never_there(items: list[Item]) -> None:
    shown = permit(items=items, decision=PERMITTED)
    assert {item for item in items if item.labels} <= set(shown.withheld)
    without = permit(items=as_if_never_there(items, withheld=shown.withheld), decision=PERMITTED)
    assert shown.items == without.items
    assert merge(items=shown.items) == merge(items=without.items)


def as_if_never_there(items: Sequence[Item], *, withheld: Sequence[Item]) -> list[Item]:
    """Return what a source would have sent that did not hold what is withheld: nothing then names that either."""
    left = [item for item in items if item not in withheld]
    gone = {(item.source_id, target_of(item=item)) for item in withheld}
    gone -= {(item.source_id, target_of(item=item)) for item in left}
    while True:
        stripped = [structs.replace(item, resource=stripped_of(item, gone=gone)) for item in left]
        # A heading under which nothing is left would not have been written.
        emptied = [
            whole
            for item, whole in zip(left, stripped, strict=True)
            if item.resource != whole.resource and parse(resource=whole.resource).get("entry") == []
        ]
        if not emptied:
            return stripped
        left = [item for item in left if item.id not in {whole.id for whole in emptied}]
        names_left = {(item.source_id, target_of(item=item)) for item in left}
        gone |= {name for item in emptied if (name := (item.source_id, target_of(item=item))) not in names_left}


def stripped_of(item: Item, *, gone: set[tuple[str, str]]) -> bytes:
    resource = json.loads(item.resource, parse_float=Decimal)
    before = copy.deepcopy(resource)
    for name in ("result", "hasMember", "basedOn"):
        if pointers := resource.get(name):
            resource[name] = [each for each in pointers if (item.source_id, each["reference"]) not in gone]
            if not resource[name]:
                del resource[name]
    if "entry" in resource:
        resource["entry"] = [
            each for each in resource["entry"] if (item.source_id, each["item"]["reference"]) not in gone
        ]
    for name in ("encounter", "medicationReference"):
        if name in resource and (item.source_id, resource[name]["reference"]) in gone:
            del resource[name]
    return item.resource if resource == before else exact_json.encode(resource)


@laws
@given(items=DATED)
def test_an_undated_item_never_joins_two_dated_ones(items: list[Item]) -> None:
    """Nor does it change what they join, unless it is what a retraction beside them turns out to be about."""
    dated = [item for item in items if b"DateTime" in item.resource]
    without = partition(merge(items=dated), of=dated)
    retracted = any(standing(item) is Standing.RETRACTED for item in items)
    for entry in entries_of(merge(items=items)):
        joined = {item.id for item in entry.items if item in dated}
        if not retracted or len(joined) < len(entry.items):
            assert not joined or any(joined <= part for part in without)


@laws
@given(items=UNCODED)
def test_words_alone_join_nothing(items: list[Item]) -> None:
    for entry in entries_of(merge(items=items)):
        if entry.rule != "single":
            assert "concept" not in entry.rule


@laws
@given(items=ANY)
def test_a_name_joins_no_two_resources_of_one_source(items: list[Item]) -> None:
    for entry in entries_of(merge(items=items)):
        if entry.rule == "business-identifier":
            at_source = {(item.source_id, str(parse(resource=item.resource)["id"])) for item in entry.items}
            assert len(at_source) == len(entry.source_ids)


@laws
@given(items=ANY)
def test_a_denial_never_stands_with_a_claim(items: list[Item]) -> None:
    for entry in entries_of(merge(items=items)):
        if entry.standing is not Standing.RETRACTED:
            said = {standing(item) for item in entry.items} - {Standing.RETRACTED}
            assert said == {Standing.NEGATED} or Standing.NEGATED not in said


@laws
@given(items=ANY)
def test_a_retraction_wins_over_the_copies_that_share_its_identifier(items: list[Item]) -> None:
    taken_back = {name for item in items if standing(item) is Standing.RETRACTED for name in identifiers(item)}
    for entry in entries_of(merge(items=items)):
        errors = [item for item in entry.items if standing(item) is Standing.RETRACTED]
        named = {name for item in errors for name in identifiers(item)}
        independent = [item for item in entry.items if item not in errors and not identifiers(item) & taken_back]
        if errors and all(item in errors or identifiers(item) & named for item in entry.items):
            assert entry.standing is Standing.RETRACTED
        if independent:
            assert entry.standing is not Standing.RETRACTED


@laws
@given(items=ANY)
def test_a_conflict_names_entries_that_are_there_and_sources_that_said_so(items: list[Item]) -> None:
    record = merge(items=items)
    keys = {entry.key for entry in entries_of(record)}
    sources = {item.source_id for item in items}
    for conflict in record.conflicts:
        assert set(conflict.entry_keys) <= keys
        assert {source for source, _ in conflict.claims} <= sources
        assert len(conflict.claims) > 1 or len(conflict.entry_keys) > 1


# What is a part of what


@laws
@given(items=WHOLES, data=st.data())
def test_the_order_of_items_does_not_matter_to_what_is_part_of_what(items: list[Item], data: st.DataObject) -> None:
    assert merge(items=data.draw(st.permutations(items))) == merge(items=items)


@laws
@given(items=WHOLES)
def test_everything_is_drawn_by_itself_or_within_what_it_is_a_part_of(items: list[Item]) -> None:
    record = merge(items=items)
    assert Counter(as_merged(record=record)) == Counter(items)
    drawn: set[str] = set()
    for key, entry in record.entries.items():
        if key not in record.drawn_within:
            within = keys_in(branches_of(entry=entry, entries=record.entries)[0])
            assert len(within) == len(set(within))
            assert key not in within
            drawn.update([key, *within])
    assert drawn == set(record.entries)


@laws
@given(items=WHOLES)
def test_a_part_is_an_entry_that_is_there_or_a_heading_with_something_under_it(items: list[Item]) -> None:
    record = merge(items=items)
    for key, entry in record.entries.items():
        told = [part.entry_key for part in every_part(entry.parts) if part.entry_key]
        assert set(told) <= set(record.entries) - {key}
        assert len(told) == len(set(told))
        for part in every_part(entry.parts):
            assert part.entry_key or part.missing or part.parts or part.lines


@laws
@given(items=LABELLED_WHOLES)
def test_what_is_withheld_is_no_part_of_anything(items: list[Item]) -> None:
    shown = permit(items=items, decision=PERMITTED)
    without = permit(items=as_if_never_there(items, withheld=shown.withheld), decision=PERMITTED)
    record = merge(items=shown.items)
    assert record == merge(items=without.items)
    withheld = {item.id for item in shown.withheld}
    assert not any(item.id in withheld for entry in record.entries.values() for item in entry.items)


@laws
@given(items=WHOLES)
def test_another_source_moves_nothing_out_of_sight(items: list[Item]) -> None:
    """What a source draws is drawn whatever another one adds: in the same whole, or by itself."""
    known = [item for item in items if item.source_id == "practice"]
    before, after = merge(items=known), merge(items=items)
    for item in (item for item in known if item.category.is_clinical):
        by_itself = entry_with(before, item=item).key not in before.drawn_within
        within_more = entry_with(after, item=item).key in after.drawn_within
        joined = len(entry_with(after, item=item).source_ids) > 1
        assert not (by_itself and within_more) or joined or shares_a_ring(before, item)


def keys_in(branches: Iterable[Branch]) -> list[str]:
    keys: list[str] = []
    for branch in branches:
        keys.extend([branch.entry.key] if branch.entry else [])
        keys.extend(keys_in(branch.branches))
    return keys


def shares_a_ring(record: LongitudinalRecord, item: Item) -> bool:
    """Whether an entry is a part of one of its own parts: then any of the ring may be the one that stands alone."""
    start = entry_with(record, item=item).key
    reached: set[str] = set()
    frontier = [start]
    while frontier:
        for part in every_part(record.entries[frontier.pop()].parts):
            if part.is_own and part.entry_key and part.entry_key not in reached:
                reached.add(part.entry_key)
                frontier.append(part.entry_key)
    return start in reached


# How often the cases are reached


def joins_across_sources(items: Sequence[Item]) -> bool:
    return any(len(entry.source_ids) > 1 for entry in entries_of(merge(items=items)))


def joins_by_name(items: Sequence[Item]) -> bool:
    return any(entry.rule == "business-identifier" for entry in entries_of(merge(items=items)))


def has_conflict(items: Sequence[Item]) -> bool:
    return bool(merge(items=items).conflicts)


def alike(left: Fact, right: Fact) -> bool:
    shared = left.concepts & right.concepts or left.identifiers & right.identifiers
    return left.resource_type == right.resource_type and bool(shared)


def facts_of(items: Iterable[Item]) -> list[Fact]:
    return [fact(resource=parse(resource=item.resource)) for item in items if item.category.is_clinical]


def denies_what_is_claimed(items: Sequence[Item]) -> bool:
    facts = facts_of(items)
    claims = [each for each in facts if each.standing in {Standing.ACTIVE, Standing.PAST, Standing.UNKNOWN}]
    return any(alike(denial, claim) for denial in facts if denial.standing is Standing.NEGATED for claim in claims)


def takes_back_what_is_named(items: Sequence[Item]) -> bool:
    taken_back = {name for item in items if standing(item) is Standing.RETRACTED for name in identifiers(item)}
    return any(identifiers(item) & taken_back for item in items if standing(item) is not Standing.RETRACTED)


def changes_what_is_known(known_and_added: tuple[list[Item], list[Item]]) -> bool:
    """Whether the new source joins, contradicts or takes back something that is active."""
    known, added = known_and_added
    before, after = merge(items=known), merge(items=[*known, *added])
    return any(
        entry_with(before, item=item).key != entry_with(after, item=item).key
        or entry_with(before, item=item).conflicts != entry_with(after, item=item).conflicts
        for item in known
        if item.category.is_clinical and standing(item) is Standing.ACTIVE
    )


def takes_back_what_is_active(known_and_added: tuple[list[Item], list[Item]]) -> bool:
    known, added = known_and_added
    taken_back = {name for item in added if standing(item) is Standing.RETRACTED for name in identifiers(item)}
    return any(standing(item) is Standing.ACTIVE and identifiers(item) & taken_back for item in known)


def would_be_felt(items: Sequence[Item]) -> bool:
    """Whether what is withheld joins or contradicts what is shown, so that it would be felt if it were merged."""
    shown = [item for item in items if not item.labels]
    merged, all_merged = merge(items=shown), merge(items=items)
    return any(
        entry_with(merged, item=item).key != entry_with(all_merged, item=item).key
        or entry_with(merged, item=item).conflicts != entry_with(all_merged, item=item).conflicts
        for item in shown
        if item.category.is_clinical
    )


def stands_between_two_dates(items: Sequence[Item]) -> bool:
    facts = facts_of(items)
    dated = [each for each in facts if each.event_date]
    return any(
        len({each.event_date.text for each in dated if each.event_date and alike(undated, each)}) > 1
        for undated in facts
        if not undated.event_date
    )


def reads_alike(items: Sequence[Item]) -> bool:
    """Whether two sources use the same words for what stands alike on the same date."""
    sources: dict[object, set[str]] = defaultdict(set)
    for item in items:
        if item.category.is_clinical:
            read = fact(resource=parse(resource=item.resource))
            sources[read.resource_type, read.heading, read.standing, read.event_date].add(item.source_id)
    return any(len(alike) > 1 for alike in sources.values())


def draws_parts(items: Sequence[Item]) -> bool:
    return bool(merge(items=items).drawn_within)


def has_a_ring(items: Sequence[Item]) -> bool:
    record = merge(items=items)
    return any(shares_a_ring(record, item) for item in items if item.category.is_clinical)


def has_headings(items: Sequence[Item]) -> bool:
    return any(
        part.parts or part.missing for entry in entries_of(merge(items=items)) for part in every_part(entry.parts)
    )


def withholds_a_part(items: Sequence[Item]) -> bool:
    keys = {part.entry_key for entry in entries_of(merge(items=items)) for part in every_part(entry.parts)}
    held = merge(items=items).entries
    return any(item.labels for key in keys & set(held) for item in held[key].items)


def has_parts_of_two_sources(items: Sequence[Item]) -> bool:
    return draws_parts(items) and len({item.source_id for item in items}) > 1


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a law is about, and the least share of its examples that must reach it."""

    law: Callable[..., None]
    drawn: SearchStrategy[Any]
    reached: Callable[[Any], bool]
    least: float


CASES = [
    Case(law=test_the_order_of_items_does_not_matter, drawn=ANY, reached=joins_across_sources, least=0.2),
    Case(law=test_merging_what_was_merged_changes_nothing, drawn=ANY, reached=joins_across_sources, least=0.2),
    Case(law=test_every_item_is_in_exactly_one_place, drawn=ANY, reached=joins_across_sources, least=0.2),
    Case(law=test_each_section_holds_items_of_its_own_type, drawn=ANY, reached=joins_across_sources, least=0.2),
    Case(law=test_another_source_takes_nothing_away, drawn=KNOWN_AND_ADDED, reached=changes_what_is_known, least=0.1),
    Case(
        law=test_another_source_takes_nothing_away, drawn=KNOWN_AND_ADDED, reached=takes_back_what_is_active, least=0.05
    ),
    Case(
        law=test_a_withheld_item_leaves_the_record_as_if_it_were_never_there,
        drawn=LABELLED,
        reached=would_be_felt,
        least=0.2,
    ),
    Case(law=test_an_undated_item_never_joins_two_dated_ones, drawn=DATED, reached=stands_between_two_dates, least=0.1),
    Case(law=test_words_alone_join_nothing, drawn=UNCODED, reached=reads_alike, least=0.2),
    Case(law=test_a_name_joins_no_two_resources_of_one_source, drawn=ANY, reached=joins_by_name, least=0.07),
    Case(law=test_a_denial_never_stands_with_a_claim, drawn=ANY, reached=denies_what_is_claimed, least=0.1),
    Case(
        law=test_a_retraction_wins_over_the_copies_that_share_its_identifier,
        drawn=ANY,
        reached=takes_back_what_is_named,
        least=0.07,
    ),
    Case(
        law=test_a_conflict_names_entries_that_are_there_and_sources_that_said_so,
        drawn=ANY,
        reached=has_conflict,
        least=0.2,
    ),
    Case(
        law=test_the_order_of_items_does_not_matter_to_what_is_part_of_what,
        drawn=WHOLES,
        reached=draws_parts,
        least=0.3,
    ),
    Case(
        law=test_everything_is_drawn_by_itself_or_within_what_it_is_a_part_of,
        drawn=WHOLES,
        reached=has_a_ring,
        least=0.05,
    ),
    Case(
        law=test_a_part_is_an_entry_that_is_there_or_a_heading_with_something_under_it,
        drawn=WHOLES,
        reached=has_headings,
        least=0.3,
    ),
    Case(
        law=test_what_is_withheld_is_no_part_of_anything,
        drawn=LABELLED_WHOLES,
        reached=withholds_a_part,
        least=0.2,
    ),
    Case(
        law=test_another_source_moves_nothing_out_of_sight,
        drawn=WHOLES,
        reached=has_parts_of_two_sources,
        least=0.2,
    ),
]


@pytest.mark.generators
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.law.__name__}-{case.reached.__name__}")
def test_the_case_of_each_law_is_reached_often_enough(case: Case) -> None:
    reached: list[bool] = []

    # The same examples every time: what is measured is the strategy.
    @settings(laws, max_examples=80, derandomize=True, database=None, phases=[Phase.generate])
    @given(drawn=case.drawn)
    def measure(drawn: Any) -> None:
        reached.append(case.reached(drawn))

    measure()
    assert sum(reached) >= case.least * len(reached)


def test_every_law_has_its_case() -> None:
    assert {case.law for case in CASES} == {
        law for name, law in globals().items() if name.startswith("test_") and hasattr(law, "hypothesis")
    }
