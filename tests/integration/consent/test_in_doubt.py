"""A record that may be somebody else's shares no more than they would, until a human has said whose it is."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.consent.policies import shares_with_most
from aggregator.consent.queries import terms_that_hold
from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.mpi.models import LinkReview, SourceRecord
from aggregator.services.end_policy import end_policy
from aggregator.services.load_identities import load_identities
from aggregator.services.read_consent import read_consent
from aggregator.services.record_policy import record_policy
from aggregator.services.settle_review import settle_review
from aggregator.services.take_back_review import take_back_review
from connectors.contract.categories import RecordCategory
from fhir_data.labels import Label
from tests.factories import person_of
from tests.world import SOURCE_SLUG, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

LINES = ["local_id,family,given,birth_date", "d,Ferris,Joan,1951-05-04"]
PSYCHIATRY = Label(system="http://terminology.hl7.org/CodeSystem/v3-ActCode", code="PSY")
RESULTS_DENIED = PolicyTerms(
    base=BasePolicy.PERMIT,
    exceptions=(Provision(effect=Effect.DENY, categories=frozenset({RecordCategory.RESULTS})),),
)
LABELLED_PERMITTED = PolicyTerms(
    base=BasePolicy.PERMIT, exceptions=(Provision(effect=Effect.PERMIT, labels=frozenset({PSYCHIATRY})),)
)


@pytest.fixture
def world() -> World:
    return make_world()


def doubtful() -> UUID:
    """Load a record that may be Joan's; return the person that is made of it."""
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=LINES, now=timezone.now())
    assert LinkReview.objects.count() == 1
    return person_of(record=SourceRecord.objects.get(identifier_value="d")).id


def decide(world: World, person_id: UUID, terms: PolicyTerms) -> UUID:
    return record_policy(
        requester=world.administrator, person_id=person_id, terms=terms, note="By letter.", now=timezone.now()
    )


def withdraw(world: World, policy_id: UUID) -> None:
    end_policy(requester=world.administrator, policy_id=policy_id, note="By letter.", now=timezone.now())


def is_shared(person_id: UUID) -> bool:
    now = timezone.now()
    policies, *joined = terms_that_hold(person_id=person_id, now=now)
    return shares_with_most(policies=policies, joined=joined, now=now)


def settle(world: World, decision: str) -> None:
    settle_review(
        requester=world.administrator,
        review_id=LinkReview.objects.get().id,
        decision=decision,
        note="Rang.",
        now=timezone.now(),
    )


@pytest.mark.parametrize("decision", ["noted", "end-link"])
@pytest.mark.parametrize("base", [BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY])
def test_an_objection_holds_while_the_doubt_is_open_and_again_when_it_is_taken_back(
    world: World, base: BasePolicy, decision: str
) -> None:
    decide(world, world.joan, PolicyTerms(base=base))
    made = doubtful()
    assert not is_shared(made)
    settle(world, decision)
    assert is_shared(made)
    assert not is_shared(world.joan)
    take_back_review(requester=world.administrator, review_id=LinkReview.objects.get().id, now=timezone.now())
    assert not is_shared(made)


def test_an_objection_that_is_made_or_withdrawn_later_counts_at_once(world: World) -> None:
    made = doubtful()
    assert is_shared(made)
    objection = decide(world, world.joan, PolicyTerms(base=BasePolicy.DENY))
    assert not is_shared(made)
    withdraw(world, objection)
    assert is_shared(made)


def test_a_permit_that_was_withdrawn_shares_nothing_of_what_may_be_the_same_person(world: World) -> None:
    withdraw(world, decide(world, world.joan, PolicyTerms(base=BasePolicy.PERMIT)))
    assert not is_shared(doubtful())


def test_only_what_is_denied_is_taken_over(world: World) -> None:
    decide(world, world.joan, RESULTS_DENIED)
    decide(world, world.joan, LABELLED_PERMITTED)
    ((denial,),) = terms_that_hold(person_id=doubtful(), now=timezone.now())
    assert denial.root is not None
    assert (denial.base, denial.root.effect) == (BasePolicy.DENY, Effect.DENY)
    assert denial.root.categories == frozenset({RecordCategory.RESULTS})


def test_breaking_the_glass_opens_nothing_that_their_own_withdrawn_permit_keeps_closed(world: World) -> None:
    decide(world, world.joan, PolicyTerms(base=BasePolicy.BREAK_GLASS_ONLY))
    made = doubtful()
    (held,) = terms_that_hold(person_id=made, now=timezone.now())
    assert BasePolicy.BREAK_GLASS_ONLY in {terms.base for terms in held}
    withdraw(world, decide(world, made, PolicyTerms(base=BasePolicy.PERMIT)))
    (held,) = terms_that_hold(person_id=made, now=timezone.now())
    assert BasePolicy.BREAK_GLASS_ONLY not in {terms.base for terms in held}


def test_the_existing_person_keeps_their_own_decisions_only(world: World) -> None:
    made = doubtful()
    decide(world, made, PolicyTerms(base=BasePolicy.DENY))
    assert is_shared(world.joan)


def test_the_page_of_consent_says_that_it_holds(world: World) -> None:
    decide(world, world.joan, PolicyTerms(base=BasePolicy.DENY))
    made = doubtful()
    view = read_consent(requester=world.administrator, person_id=made, now=timezone.now())
    assert (view.is_shared, view.is_limited_in_doubt, view.in_force) == (False, True, ())
    page = signed_in_client("ms.lane").get(f"/people/{made}/consent").content.decode()
    assert "may be the record of another patient" in page
