"""The laws of policies: the engine decides as the prose says, and no end and no denial shows more."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from aggregator.accounts.requester import Requester
from aggregator.consent.policies import Reach, Rules, rules_for
from aggregator.consent.terms import BasePolicy, DataPeriod, Effect, Period, PolicyTerms, Provision
from tests import proofs
from tests.consent_reference import (
    LABELS,
    Told,
    exceptions_of,
    may_see,
    policies,
    provision_holds,
    provisions,
    requests,
    root_of,
    what_is_said,
)
from tests.factories import NOW

# Each about forty requests: 5,000 in `make test`, 100,000 in `make prove`.
laws = proofs.laws(examples=125)
some_policies = st.lists(policies(), max_size=3).map(tuple)
without_labels = st.lists(policies(by_label=False), max_size=3).map(tuple)
Requests = list[tuple[Requester, Told]]


def rules(held: tuple[PolicyTerms, ...], asking: Requester) -> Rules:
    return rules_for(policies=held, requester=asking, now=NOW)


def shown(held: tuple[PolicyTerms, ...], asked: Requests) -> set[int]:
    """Return which of these requests are granted."""
    return {at for at, (asking, told) in enumerate(asked) if rules(held, asking).permits(item=told.item)}


@laws
@given(held=some_policies, asked=requests())
def test_the_engine_decides_as_the_prose_says(held: tuple[PolicyTerms, ...], asked: Requests) -> None:
    for asking, told in asked:
        decided = rules(held, asking)
        expected = may_see(policies=held, asking=asking, told=told)
        assert decided.permits(item=told.item) == expected
        # Whoever may see something may open the record, and its source may be asked.
        if expected:
            assert decided.may_open
            assert decided.may_ask(source_id=told.source_id)
        if not told.is_supporting and not any(LABELS[label][1] for label in told.labels):
            possible = {True} if decided.reach_of(category=told.category) is Reach.ALL else {True, False}
            if decided.reach_of(category=told.category) is Reach.NOTHING:
                possible = {False}
            assert expected in possible


@laws
@given(held=some_policies, asked=requests(), denial=provisions(effect=Effect.DENY), data=st.data())
def test_adding_a_denial_never_reveals(
    held: tuple[PolicyTerms, ...], asked: Requests, denial: Provision, data: st.DataObject
) -> None:
    before = shown(held, asked)
    assert shown((*held, PolicyTerms(base=BasePolicy.DENY, root=denial)), asked) <= before
    if held:
        at = data.draw(st.integers(0, len(held) - 1))
        narrowed = replace(held[at], exceptions=(*held[at].exceptions, denial))
        assert shown((*held[:at], narrowed, *held[at + 1 :]), asked) <= before


@laws
@given(held=without_labels, asked=requests(), data=st.data())
def test_removing_a_label_never_hides_where_no_provision_permits_by_label(
    held: tuple[PolicyTerms, ...], asked: Requests, data: st.DataObject
) -> None:
    before = shown(held, asked)
    without = []
    for asking, told in asked:
        left = told.item.labels
        if left:
            gone = data.draw(st.sampled_from(left))
            left = tuple(label for label in left if label != gone)
        without.append((asking, replace(told, item=structs.replace(told.item, labels=left))))
    assert before <= shown(held, without)


@laws
@given(held=some_policies, asked=requests(), permit=provisions(effect=Effect.PERMIT), data=st.data())
def test_ending_a_permit_never_widens(
    held: tuple[PolicyTerms, ...], asked: Requests, permit: Provision, data: st.DataObject
) -> None:
    base = data.draw(st.sampled_from([BasePolicy.PERMIT, BasePolicy.PERMIT_ALL]))
    more = data.draw(st.lists(provisions(effect=Effect.PERMIT), max_size=1).map(tuple))
    policy = PolicyTerms(base=base, root=replace(permit, period=Period()), exceptions=more)
    before = shown((*held, policy), asked)
    assert shown((*held, replace(policy, ended_at=NOW)), asked) <= before
    expired = replace(permit, period=Period(start=NOW - timedelta(days=9), end=NOW))
    assert shown((*held, replace(policy, root=expired)), asked) <= before
    for at in range(len(held)):
        if held[at].exceptions and held[at].exceptions[-1].effect is Effect.PERMIT:
            fewer = replace(held[at], exceptions=held[at].exceptions[:-1])
            assert shown((*held[:at], fewer, *held[at + 1 :]), asked) <= shown(held, asked)


@laws
@given(held=some_policies, asked=requests(), data=st.data())
def test_the_order_of_policies_and_provisions_decides_nothing(
    held: tuple[PolicyTerms, ...], asked: Requests, data: st.DataObject
) -> None:
    mixed = tuple(data.draw(st.permutations(held)))
    mixed = tuple(replace(each, exceptions=tuple(reversed(each.exceptions))) for each in mixed)
    assert shown(mixed, asked) == shown(held, asked)


# How often the cases are reached

DIMENSIONS = ("purposes", "actors", "categories", "sources", "items", "labels")


def named_by(provision: Provision) -> set[str]:
    """Return the kinds of condition that a provision names."""
    named = {dimension for dimension in DIMENSIONS if getattr(provision, dimension)}
    if provision.period != Period():
        named.add("period")
    if provision.data_period != DataPeriod():
        named.add("data period")
    return named


@pytest.mark.generators
def test_denials_by_each_kind_of_condition_and_exceptions_are_reached() -> None:
    reached: Counter[str] = Counter()

    @settings(laws, max_examples=100, derandomize=True, database=None, phases=[Phase.generate])
    @given(held=some_policies, asked=requests())
    def measure(held: tuple[PolicyTerms, ...], asked: Requests) -> None:
        for asking, told in asked:
            reached["asked"] += 1
            reached["shown"] += may_see(policies=held, asking=asking, told=told)
            for policy in held:
                said = what_is_said(policy=policy, asking=asking, told=told)
                root = root_of(policy)
                holding = [
                    each
                    for each in exceptions_of(policy)
                    if said and provision_holds(provision=each, root=root, asking=asking, told=told)
                ]
                if said is Effect.DENY:
                    denials = [each for each in holding if each.effect is Effect.DENY]
                    reached.update({f"denied by {name}" for each in denials or [root] for name in named_by(each)})
                    reached["denied by an exception"] += bool(denials)
                    reached["a denial beats a permit"] += any(each.effect is Effect.PERMIT for each in holding)
                elif said is Effect.PERMIT and holding and root.effect is Effect.DENY:
                    reached["permitted by an exception"] += 1
                if said is Effect.PERMIT and any(LABELS[label][1] for label in told.labels):
                    reached["permitted by a label"] += 1

    measure()
    least = 0.002 * reached["asked"]
    assert 0.1 * reached["asked"] <= reached["shown"] <= 0.9 * reached["asked"], reached
    for dimension in (*DIMENSIONS, "period", "data period"):
        assert reached[f"denied by {dimension}"] >= least, (dimension, reached)
    for case in (
        "denied by an exception",
        "a denial beats a permit",
        "permitted by an exception",
        "permitted by a label",
    ):
        assert reached[case] >= least, (case, reached)
