"""The laws of flaws: whatever member of a valid resource is mangled, it joins nothing, and nothing is lost by it.

The last test counts how often the case of each law is reached.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from msgspec import structs

from aggregator.record.completeness.claims import sources_that_know_of_no_allergies
from aggregator.record.doubt import is_compared_in_doubt
from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.timeline import Entry, LongitudinalRecord, Standing
from fhir_data.releases import Release
from fhir_data.verdict import RefusedEntry, ToleratedEntry, verdict
from tests import proofs
from tests.strategies import records, records_of_one_thing, resources

laws = proofs.laws(examples=100)

CLINICAL = records(drawn=resources(), min_size=1) | records_of_one_thing()
STATUSES = ("status", "clinicalStatus", "verificationStatus")


@dataclass(frozen=True, kw_only=True)
class Mangled:
    """A record, and the same with one member of one item mangled."""

    whole: list[Item]
    items: list[Item]
    mangled: Item
    member: str


@st.composite
def mangled(draw: DrawFn) -> Mangled | None:
    """Draw a record and mangle it; None where what comes of it is valid, or is refused."""
    whole = [item for item in draw(CLINICAL) if item.category.is_clinical]
    if not whole:
        return None
    sound = draw(st.sampled_from(sorted(whole, key=lambda item: item.id)))
    resource: dict[str, Any] = json.loads(sound.resource)
    member = draw(st.sampled_from(sorted(set(resource) - {"resourceType"})))
    made = draw(_mangling(resource=resource, member=member))
    judged = verdict(entry=json.dumps(made).encode(), release=Release.R4)
    assert not isinstance(judged, RefusedEntry)
    if not isinstance(judged, ToleratedEntry):
        return None
    item = structs.replace(sound, resource=json.dumps(made).encode(), flaws=judged.flaws, at_fault=judged.members)
    items = [item if other is sound else other for other in whole]
    return Mangled(whole=whole, items=items, mangled=item, member=member)


def _mangling(*, resource: dict[str, Any], member: str) -> SearchStrategy[dict[str, Any]]:
    """Draw another value for a member, or another name for it."""
    value = resource[member]
    shapes = [[value], {"value": value}, 7, True, "", "no such thing", str(value).title(), [], {}, [[value]]]
    others = [{**resource, member: shape} for shape in shapes]
    rest = {name: other for name, other in resource.items() if name != member}
    return st.sampled_from([*others, {**rest, f"{member}s": value}, {**rest, member.upper(): value}])


def entries_of(record: LongitudinalRecord) -> list[Entry]:
    return [entry for section in record.sections for entry in section.entries]


def entry_of(record: LongitudinalRecord, item: Item) -> Entry:
    return next(entry for entry in entries_of(record) if item in entry.items)


@laws
@given(drawn=mangled())
def test_nothing_is_lost_by_a_flaw(drawn: Mangled | None) -> None:
    if drawn is not None:
        held = Counter(item.id for entry in entries_of(merge(items=drawn.items)) for item in entry.items)
        assert held == Counter(item.id for item in drawn.whole)


@laws
@given(drawn=mangled())
def test_what_has_a_flaw_in_what_is_compared_joins_nothing_and_changes_no_other(drawn: Mangled | None) -> None:
    if drawn is None or not is_compared_in_doubt(item=drawn.mangled):
        return
    record = merge(items=drawn.items)
    own = entry_of(record, drawn.mangled)
    assert own.items == (drawn.mangled,)
    assert own.conflicts == ()
    without = merge(items=[item for item in drawn.items if item is not drawn.mangled])
    assert {entry.key: entry for entry in entries_of(record) if entry is not own} == {
        entry.key: entry for entry in entries_of(without)
    }


@laws
@given(drawn=mangled())
def test_a_flaw_in_what_is_never_compared_joins_what_was_joined(drawn: Mangled | None) -> None:
    if drawn is not None and not is_compared_in_doubt(item=drawn.mangled):
        parts, before = (
            {frozenset(item.id for item in entry.items) for entry in entries_of(merge(items=items))}
            for items in (drawn.items, drawn.whole)
        )
        assert parts == before


@laws
@given(drawn=mangled())
def test_a_flaw_makes_nothing_active_and_denies_nothing(drawn: Mangled | None) -> None:
    if drawn is None:
        return
    own = entry_of(merge(items=drawn.items), drawn.mangled)
    if drawn.member in STATUSES and is_compared_in_doubt(item=drawn.mangled):
        assert own.standing not in {Standing.ACTIVE, Standing.PAST}
        assert own.is_doubted
    if is_compared_in_doubt(item=drawn.mangled):
        assert not own.says_none_known
        denying = sources_that_know_of_no_allergies(record=merge(items=[drawn.mangled]))
        assert denying == ()


@settings(parent=proofs.laws(examples=300), phases=[Phase.generate])
@given(data=st.data())
def _count(data: st.DataObject) -> None:
    drawn = data.draw(mangled())
    if drawn is None:
        return
    _reached["tolerated"] += 1
    before = entry_of(merge(items=drawn.whole), next(item for item in drawn.whole if item.id == drawn.mangled.id))
    _reached["was joined"] += len(before.items) > 1
    _reached["in a status"] += drawn.member in STATUSES
    _reached["joins as before"] += not is_compared_in_doubt(item=drawn.mangled)


_reached: Counter[str] = Counter()


@pytest.mark.parametrize("case", ["tolerated", "was joined", "in a status", "joins as before"])
def test_the_laws_reach_their_cases(case: str) -> None:
    if not _reached:
        _count()
    assert _reached[case] >= 10
