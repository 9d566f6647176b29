"""The law of scopes: to a client, a record with types beyond its scopes is the record that never held them.

Nothing that is shown, counted or warned of differs, whichever types they are and whatever points to what.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from aggregator.accounts.roles import Role
from aggregator.accounts.scopes import Scope, Scopes, of
from aggregator.consent.answers import PermittedAnswers, SourceAnswer, permit_answers
from aggregator.consent.decision import Decision
from connectors.contract.categories import category_of, category_of_type
from connectors.contract.notices import Ground, Notice, NoticeCode
from connectors.contract.values import QuarantinedEntry
from fhir_data.errors import EntryFault
from tests import proofs
from tests.factories import NOW, item, permitting

laws = proofs.laws(examples=60)

TYPES = ["AllergyIntolerance", "Condition", "Encounter", "List", "Observation", "Practitioner", "Procedure"]
# By which member a type points to others: one that may hold many, and one that holds one.
MANY = {"Observation": "derivedFrom", "Encounter": "reasonReference", "Procedure": "reasonReference"}
ONE = {"Observation": "encounter", "Condition": "encounter", "AllergyIntolerance": "recorder", "Procedure": "recorder"}


@dataclass(frozen=True)
class World:
    """Resources in the order in which they came; `points` says which others each points to. Some are set aside."""

    kinds: tuple[str, ...]
    points: tuple[frozenset[int], ...]
    set_aside: frozenset[int]
    noticed: frozenset[int]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    kinds = tuple(draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=8)))
    places = st.integers(0, len(kinds) - 1)
    return World(
        kinds=kinds,
        points=tuple(draw(st.frozensets(places, max_size=3)) for _ in kinds),
        set_aside=draw(st.frozensets(places, max_size=2)),
        noticed=draw(st.frozensets(places, max_size=2)),
    )


scopes = st.frozensets(st.sampled_from(TYPES)).map(
    lambda names: of([Scope(resource_type=name, may="rs") for name in {"Patient", *names}])
)


def answer(world: World, *, only: Scopes | None = None) -> SourceAnswer:
    """Return what a source says of a world; with `only`, of one that never held any type beyond these scopes."""
    there = [number for number, kind in enumerate(world.kinds) if only is None or only.may_read(kind)]
    resources = {number: _resource(world, number, there=frozenset(there)) for number in there}
    return SourceAnswer(
        source_id="hospital",
        received_at=NOW,
        items=tuple(
            structs.replace(item(resource=resource, source="hospital"), id=f"item {number}")
            for number, resource in resources.items()
            if resource is not None and number not in world.set_aside
        ),
        quarantined=tuple(
            QuarantinedEntry(
                reason=EntryFault.INVALID,
                detail="",
                original=json.dumps({"resourceType": world.kinds[number], "id": f"r{number}"}).encode(),
                category=category_of(resource={"resourceType": world.kinds[number]}),
            )
            for number in there
            if number in world.set_aside
        ),
        notices=tuple(notice for number in there if number in world.noticed for notice in _notices(world, number)),
    )


def _notices(world: World, number: int) -> Iterator[Notice]:
    """Yield a notice about the part of the record that a resource stands in, and one that rests on the resource."""
    kind = world.kinds[number]
    if category := category_of_type(kind):
        yield Notice(code=NoticeCode.INCOMPLETE, text=f"About {number}", category=category)
    ground = Ground(all_of=(f"{kind}/r{number}",))
    yield Notice(code=NoticeCode.INCOMPLETE, text=f"From {number}", grounds=(ground,))


def _resource(world: World, number: int, *, there: frozenset[int]) -> Mapping[str, Any] | None:
    """Return a resource that points to what is there; None for a List in which nothing is."""
    kind = world.kinds[number]
    targets = sorted(target for target in world.points[number] if target != number)
    references = [{"reference": f"{world.kinds[target]}/r{target}"} for target in targets if target in there]
    resource: dict[str, Any] = {"resourceType": kind, "id": f"r{number}", "code": {"text": f"{kind} {number}"}}
    if kind == "List":
        # One that held something and holds nothing any more is not shown: as if it had never come.
        return {**resource, "entry": [{"item": one} for one in references]} if references or not targets else None
    if references and kind in MANY:
        resource[MANY[kind]] = references
    elif references and kind in ONE and targets[0] in there:
        resource[ONE[kind]] = references[0]
    return resource


def decision(scopes: Scopes | None) -> Decision:
    """Return a decision that permits everything, to a client with these scopes."""
    permits = permitting()
    assert permits.case is not None
    requester = replace(permits.case.requester, role=Role.CLIENT, scopes=scopes)
    return replace(permits, case=replace(permits.case, requester=requester))


def felt(permitted: PermittedAnswers) -> Any:
    """Return all that is made of an answer later."""
    (left,) = permitted.answers
    return (
        [(item.id, json.loads(item.resource)) for item in left.items],
        left.quarantined,
        left.notices,
        permitted.is_withheld,
    )


@laws
@given(world=worlds(), scopes=scopes)
def test_what_is_beyond_the_scopes_is_not_felt(world: World, scopes: Scopes) -> None:
    with_it = permit_answers(answers=[answer(world)], decision=decision(scopes))
    without_it = permit_answers(answers=[answer(world, only=scopes)], decision=decision(scopes))
    assert felt(with_it) == felt(without_it)
    assert not with_it.is_withheld


@laws
@given(world=worlds(), scopes=scopes)
def test_nothing_is_shown_of_a_type_beyond_the_scopes_nor_more_than_to_a_person(world: World, scopes: Scopes) -> None:
    shown = permit_answers(answers=[answer(world)], decision=decision(scopes))
    to_person = permit_answers(answers=[answer(world)], decision=decision(None))
    for shown_item in shown.items:
        assert scopes.may_read(json.loads(shown_item.resource)["resourceType"])
    assert {one.id for one in shown.items} <= {one.id for one in to_person.items}
    every_type = of([Scope(resource_type="*", may="rs")])
    everything = permit_answers(answers=[answer(world)], decision=decision(every_type))
    assert felt(everything) == felt(to_person)
