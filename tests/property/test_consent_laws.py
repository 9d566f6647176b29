"""The laws of consent: deny wins, nothing is permitted by default, every item is in one place."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.consent.decision import Decision, decide
from aggregator.consent.filter import permit
from aggregator.consent.terms import BasePolicy, PolicyTerms
from aggregator.record.item import Item
from aggregator.relationships.terms import RelationshipTerms
from tests import proofs, strategies
from tests.factories import NOW

laws = proofs.laws(examples=60)
DENY = PolicyTerms(base=BasePolicy.DENY)
# Half of all questions are whether the record may be seen.
permissions = st.just(Permission.VIEW_RECORD) | st.sampled_from(Permission)
policies_of_few = st.just(()) | strategies.policies()


@laws
@given(
    applicant=strategies.applicants(),
    permission=permissions,
    policies=policies_of_few,
    data=st.data(),
)
def test_deny_wins_wherever_it_stands(
    applicant: tuple[Requester, tuple[RelationshipTerms, ...]],
    permission: Permission,
    policies: tuple[PolicyTerms, ...],
    data: st.DataObject,
) -> None:
    requester, relationships = applicant
    denied = data.draw(st.permutations([*policies, DENY]))
    found = decide(
        requester=requester,
        permission=permission,
        policies=denied,
        relationships=relationships,
        now=NOW,
        still_acts=True,
    )
    assert not found.permitted


@laws
@given(
    applicant=strategies.applicants(),
    permission=permissions,
    policies=policies_of_few,
)
def test_a_decision_needs_role_relationship_and_no_objection(
    applicant: tuple[Requester, tuple[RelationshipTerms, ...]],
    permission: Permission,
    policies: tuple[PolicyTerms, ...],
) -> None:
    requester, relationships = applicant
    found = decide(
        requester=requester,
        permission=permission,
        policies=policies,
        relationships=relationships,
        now=NOW,
        still_acts=True,
    )
    if found.permitted:
        assert requester.may(permission)
        assert any(one.organisation_id == requester.organisation_id for one in relationships)
        assert DENY not in policies
    else:
        assert found.refusals


@laws
@given(
    applicant=strategies.applicants(),
    policies=policies_of_few,
    items=strategies.records(labelled=True, max_size=6),
)
def test_every_item_is_in_exactly_one_place_and_in_its_order(
    applicant: tuple[Requester, tuple[RelationshipTerms, ...]],
    policies: tuple[PolicyTerms, ...],
    items: list[Item],
) -> None:
    requester, relationships = applicant
    decision: Decision = decide(
        requester=requester,
        permission=Permission.VIEW_RECORD,
        policies=policies,
        relationships=relationships,
        now=NOW,
        still_acts=True,
    )
    found = permit(items=items, decision=decision)
    assert Counter([*found.items, *found.withheld, *found.unreferenced]) == Counter(items)
    assert list(found.items) == [item for item in items if item in found.items]
    assert not any(item.labels for item in found.items)
    assert decision.permitted or not found.items


@pytest.mark.generators
def test_the_laws_are_tried_on_decisions_of_both_kinds() -> None:
    permitted: list[bool] = []

    @settings(laws, max_examples=200, derandomize=True, database=None, phases=[Phase.generate])
    @given(applicant=strategies.applicants(), permission=permissions, policies=policies_of_few)
    def measure(
        applicant: tuple[Requester, tuple[RelationshipTerms, ...]],
        permission: Permission,
        policies: tuple[PolicyTerms, ...],
    ) -> None:
        requester, relationships = applicant
        found = decide(
            requester=requester,
            permission=permission,
            policies=policies,
            relationships=relationships,
            now=NOW,
            still_acts=True,
        )
        permitted.append(found.permitted)

    measure()
    assert 0.1 * len(permitted) <= sum(permitted) <= 0.9 * len(permitted)
