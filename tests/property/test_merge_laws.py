"""The laws of merging (`merge`): whatever sources send, in whatever order, and whatever is withheld."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.consent.filter import permit
from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.reading import parse
from aggregator.record.standing import standing_of
from aggregator.record.timeline import Entry, LongitudinalRecord, Standing
from tests.factories import permitting
from tests.strategies import records, resources

laws = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PERMITTED = permitting()


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
    found = {frozenset(item.id for item in entry.items if item.id in wanted) for entry in entries_of(record)}
    return found - {frozenset()}


def standing(item: Item) -> Standing:
    return standing_of(resource=parse(resource=item.resource))


def identifiers(item: Item) -> set[tuple[str, str]]:
    resource = parse(resource=item.resource)
    return {(resource["resourceType"], one["value"]) for one in resource.get("identifier", ())}


@laws
@given(items=records(), data=st.data())
def test_the_order_of_items_does_not_matter(items: list[Item], data: st.DataObject) -> None:
    assert merge(items=data.draw(st.permutations(items))) == merge(items=items)


@laws
@given(items=records())
def test_merging_what_was_merged_changes_nothing(items: list[Item]) -> None:
    record = merge(items=items)
    assert merge(items=as_merged(record=record)) == record


@laws
@given(items=records())
def test_every_item_is_in_exactly_one_place(items: list[Item]) -> None:
    untranslated = [replace(item, translated=False) for item in items[::4]]
    given_items = [*untranslated, *(item for position, item in enumerate(items) if position % 4)]
    assert Counter(as_merged(record=merge(items=given_items))) == Counter(given_items)


@laws
@given(items=records())
def test_each_section_holds_items_of_its_own_type(items: list[Item]) -> None:
    for section in merge(items=items).sections:
        for entry in section.entries:
            assert {item.category for item in entry.items} == {section.category}
            assert len({parse(resource=item.resource)["resourceType"] for item in entry.items}) == 1 or (
                section.category == "medications"
            )


@laws
@given(known=records(sources=("practice", "hospital"), max_size=6), added=records(sources=("community",), max_size=4))
def test_another_source_takes_nothing_away(known: list[Item], added: list[Item]) -> None:
    """It may add a doubt or take back a copy of its own; a claim that stands alone is never hidden or weakened."""
    taken_back = {name for item in added if standing(item) is Standing.RETRACTED for name in identifiers(item)}
    before, after = merge(items=known), merge(items=[*known, *added])
    assert set(known) <= set(as_merged(record=after))
    for item in (one for one in known if one.category.is_clinical):
        if standing(item) is Standing.ACTIVE and entry_with(before, item=item).standing is Standing.ACTIVE:
            then = entry_with(after, item=item)
            assert then.standing is Standing.ACTIVE or identifiers(item) & taken_back


@laws
@given(items=records(labelled=True))
def test_a_withheld_item_leaves_the_record_as_if_it_were_never_there(items: list[Item]) -> None:
    shown = permit(items=items, decision=PERMITTED)
    without = permit(items=[item for item in items if not item.labels], decision=PERMITTED)
    assert all(item.labels for item in shown.withheld)
    assert shown.items == without.items
    assert merge(items=shown.items) == merge(items=without.items)


@laws
@given(items=records(drawn=resources(kinds=("Condition", "Procedure", "Immunization", "Observation"))))
def test_an_undated_item_never_joins_two_dated_ones(items: list[Item]) -> None:
    dated = [item for item in items if b"DateTime" in item.resource]
    without = partition(merge(items=dated), of=dated)
    for joined in partition(merge(items=items), of=dated):
        assert any(joined <= group for group in without)


@laws
@given(items=records(drawn=resources(coded=False)))
def test_words_alone_join_nothing(items: list[Item]) -> None:
    for entry in entries_of(merge(items=items)):
        if entry.rule != "single":
            assert "concept" not in entry.rule


@laws
@given(items=records())
def test_a_name_joins_no_two_resources_of_one_source(items: list[Item]) -> None:
    for entry in entries_of(merge(items=items)):
        if entry.rule == "business-identifier":
            at_source = {(item.source_id, str(parse(resource=item.resource)["id"])) for item in entry.items}
            assert len(at_source) == len(entry.source_ids)


@laws
@given(items=records())
def test_a_denial_never_stands_with_a_claim(items: list[Item]) -> None:
    for entry in entries_of(merge(items=items)):
        if entry.standing is not Standing.RETRACTED:
            said = {standing(item) for item in entry.items} - {Standing.RETRACTED}
            assert said == {Standing.NEGATED} or Standing.NEGATED not in said


@laws
@given(items=records())
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
@given(items=records())
def test_a_conflict_names_entries_that_are_there_and_sources_that_said_so(items: list[Item]) -> None:
    record = merge(items=items)
    keys = {entry.key for entry in entries_of(record)}
    sources = {item.source_id for item in items}
    for conflict in record.conflicts:
        assert set(conflict.entry_keys) <= keys
        assert {source for source, _ in conflict.claims} <= sources
        assert len(conflict.claims) > 1 or len(conflict.entry_keys) > 1
