"""The laws of consent: deny wins, nothing is permitted by default, every item is in one place."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.consent.decision import Decision, decide
from aggregator.consent.filter import permit
from aggregator.consent.terms import BasePolicy, PolicyTerms, RelationshipTerms
from aggregator.record.item import Item
from tests import strategies
from tests.factories import NOW

laws = settings(max_examples=60, deadline=None)
DENY = PolicyTerms(base=BasePolicy.DENY)
permissions = st.sampled_from(Permission)


@laws
@given(
    requester=strategies.requesters(),
    permission=permissions,
    policies=strategies.policies(),
    relationships=strategies.relationships(),
    data=st.data(),
)
def test_deny_wins_wherever_it_stands(
    requester: Requester,
    permission: Permission,
    policies: tuple[PolicyTerms, ...],
    relationships: tuple[RelationshipTerms, ...],
    data: st.DataObject,
) -> None:
    denied = data.draw(st.permutations([*policies, DENY]))
    found = decide(requester=requester, permission=permission, policies=denied, relationships=relationships, now=NOW)
    assert not found.permitted


@laws
@given(
    requester=strategies.requesters(),
    permission=permissions,
    policies=strategies.policies(),
    relationships=strategies.relationships(),
)
def test_a_decision_needs_role_relationship_and_no_objection(
    requester: Requester,
    permission: Permission,
    policies: tuple[PolicyTerms, ...],
    relationships: tuple[RelationshipTerms, ...],
) -> None:
    found = decide(requester=requester, permission=permission, policies=policies, relationships=relationships, now=NOW)
    if found.permitted:
        assert requester.may(permission)
        assert any(one.organisation_id == requester.organisation_id for one in relationships)
        assert DENY not in policies
    else:
        assert found.refusals


@laws
@given(
    requester=strategies.requesters(),
    policies=strategies.policies(),
    relationships=strategies.relationships(),
    items=strategies.records(labelled=True, max_size=6),
)
def test_every_item_is_in_exactly_one_place_and_in_its_order(
    requester: Requester,
    policies: tuple[PolicyTerms, ...],
    relationships: tuple[RelationshipTerms, ...],
    items: list[Item],
) -> None:
    decision: Decision = decide(
        requester=requester,
        permission=Permission.VIEW_RECORD,
        policies=policies,
        relationships=relationships,
        now=NOW,
    )
    found = permit(items=items, decision=decision)
    assert Counter([*found.items, *found.withheld, *found.unreferenced]) == Counter(items)
    assert list(found.items) == [item for item in items if item in found.items]
    assert not any(item.labels for item in found.items)
    assert decision.permitted or not found.items
