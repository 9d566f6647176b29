"""The laws of emergency access: never past what the patient denies it, and never less than without it (T37)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission
from aggregator.break_glass.terms import LASTS, EmergencyAccess, EmergencyReason
from aggregator.consent.decision import Decision, decide
from aggregator.consent.terms import Effect, PolicyTerms
from aggregator.relationships.terms import RelationshipKind, RelationshipTerms
from fhir_data.confidentiality import is_understood, restricts
from tests import proofs
from tests.consent_reference import Told, exceptions_of, may_see, policies, requests, root_of, what_is_said
from tests.factories import NOW

laws = proofs.laws(examples=60)
some_policies = st.lists(policies(), max_size=3).map(tuple)
Requests = list[tuple[Requester, Told]]
BROKEN = EmergencyAccess(
    id=UUID(int=1),
    membership_id=UUID(int=2),
    person_id=UUID(int=3),
    reason=EmergencyReason.UNCONSCIOUS,
    opened_at=NOW,
    ends_at=NOW + LASTS,
)


def decided(held: tuple[PolicyTerms, ...], asking: Requester, *, is_broken: bool, is_related: bool) -> Decision:
    """Return the decision for somebody who treats patients in the membership that broke the glass."""
    assert asking.organisation_id
    related = RelationshipTerms(
        organisation_id=asking.organisation_id,
        kind=RelationshipKind.REGISTERED,
        from_date=NOW.date() - timedelta(days=1),
        until_date=None,
    )
    return decide(
        requester=replace(asking, purpose=PurposeOfUse.TREATMENT, membership_id=BROKEN.membership_id),
        permission=Permission.VIEW_RECORD,
        policies=held,
        relationships=[related] if is_related else [],
        now=NOW,
        still_acts=True,
        emergency=BROKEN if is_broken else None,
    )


def excepts_break_glass(policy: PolicyTerms) -> bool:
    """Return whether a policy has an exception for whoever breaks the glass."""
    own = root_of(policy).purposes
    return any(PurposeOfUse.BREAK_GLASS in (each.purposes or own) for each in exceptions_of(policy))


def forbids(policy: PolicyTerms, asking: Requester, told: Told) -> bool:
    """Return whether a policy denies something to whoever breaks the glass, and makes no exception of that."""
    breaking = replace(asking, purpose=PurposeOfUse.BREAK_GLASS)
    is_denied = what_is_said(policy=policy, asking=breaking, told=told) is Effect.DENY
    return is_denied and not excepts_break_glass(policy)


@laws
@given(held=some_policies, asked=requests(count=20), is_related=st.booleans())
def test_to_break_the_glass_never_shows_less(held: tuple[PolicyTerms, ...], asked: Requests, is_related: bool) -> None:
    for asking, told in asked:
        before = decided(held, asking, is_broken=False, is_related=is_related)
        after = decided(held, asking, is_broken=True, is_related=is_related)
        assert after.permitted >= before.permitted
        assert after.may_ask(source_id=told.source_id) >= before.may_ask(source_id=told.source_id)
        assert after.may_show(item=told.item) >= before.may_show(item=told.item)
        assert after.may_show_parts(item=told.item) >= before.may_show_parts(item=told.item)
        assert not (after.permitted and after.refusals)


@laws
@given(held=some_policies, asked=requests(count=20))
def test_to_break_the_glass_never_goes_past_a_denial(held: tuple[PolicyTerms, ...], asked: Requests) -> None:
    for asking, told in asked:
        after = decided(held, asking, is_broken=True, is_related=False)
        if any(forbids(policy, asking, told) for policy in held):
            assert not after.may_show(item=told.item)
        # Nobody can tell whether what no one understands is the source's own refusal.
        if any(restricts(label) and not is_understood(label) for label in told.labels):
            assert not after.may_show(item=told.item)


@laws
@given(held=some_policies, asked=requests(count=20))
def test_what_is_shown_under_broken_glass_is_what_the_prose_says(
    held: tuple[PolicyTerms, ...], asked: Requests
) -> None:
    for asking, told in asked:
        after = decided(held, asking, is_broken=True, is_related=False)
        breaking = replace(asking, purpose=PurposeOfUse.BREAK_GLASS, membership_id=BROKEN.membership_id)
        expected = may_see(policies=held, asking=breaking, told=told, has_broken_glass=True)
        assert after.may_show(item=told.item) == expected


@pytest.mark.generators
def test_what_only_broken_glass_shows_and_what_it_does_not_are_reached() -> None:
    reached: Counter[str] = Counter()

    @settings(laws, max_examples=60, derandomize=True, database=None, phases=[Phase.generate])
    @given(held=some_policies, asked=requests(count=20))
    def measure(held: tuple[PolicyTerms, ...], asked: Requests) -> None:
        for asking, told in asked:
            before = decided(held, asking, is_broken=False, is_related=True).may_show(item=told.item)
            after = decided(held, asking, is_broken=True, is_related=True).may_show(item=told.item)
            reached["shown before"] += before
            reached["shown only then"] += after and not before
            reached["forbidden"] += any(forbids(policy, asking, told) for policy in held)
            reached["excepted"] += after and any(excepts_break_glass(policy) for policy in held)

    measure()
    assert min(reached[case] for case in ("shown before", "shown only then", "forbidden", "excepted")) > 20, reached
