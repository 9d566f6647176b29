"""A record that may be somebody else's shares no more than they would, until a human has said whose it is."""

from __future__ import annotations

import pytest
from django.utils import timezone

from aggregator.consent.queries import terms_that_hold
from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.mpi.models import LinkReview
from aggregator.services.read_consent import read_consent
from aggregator.services.settle_review import settle_review
from aggregator.services.take_back_review import take_back_review
from connectors.contract.categories import RecordCategory
from fhir_data.labels import Label
from tests.world import World, decided, is_shared, load_joan_again, make_world, signed_in_client, withdraw

pytestmark = pytest.mark.django_db

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
    decided(world, world.joan, PolicyTerms(base=base))
    made = load_joan_again()
    assert not is_shared(made)
    settle(world, decision)
    assert is_shared(made)
    assert not is_shared(world.joan)
    take_back_review(requester=world.administrator, review_id=LinkReview.objects.get().id, now=timezone.now())
    assert not is_shared(made)


def test_an_objection_that_is_made_or_withdrawn_later_counts_at_once(world: World) -> None:
    made = load_joan_again()
    assert is_shared(made)
    objection = decided(world, world.joan, PolicyTerms(base=BasePolicy.DENY))
    assert not is_shared(made)
    withdraw(world, objection)
    assert is_shared(made)


def test_a_permit_that_was_withdrawn_shares_nothing_of_what_may_be_the_same_person(world: World) -> None:
    withdraw(world, decided(world, world.joan, PolicyTerms(base=BasePolicy.PERMIT)))
    assert not is_shared(load_joan_again())


def test_only_what_is_denied_is_taken_over(world: World) -> None:
    decided(world, world.joan, RESULTS_DENIED)
    decided(world, world.joan, LABELLED_PERMITTED)
    ((denial,),) = terms_that_hold(person_id=load_joan_again(), now=timezone.now())
    assert denial.root is not None
    assert (denial.base, denial.root.effect) == (BasePolicy.DENY, Effect.DENY)
    assert denial.root.categories == frozenset({RecordCategory.RESULTS})


def test_breaking_the_glass_opens_nothing_that_their_own_withdrawn_permit_keeps_closed(world: World) -> None:
    decided(world, world.joan, PolicyTerms(base=BasePolicy.BREAK_GLASS_ONLY))
    made = load_joan_again()
    (held,) = terms_that_hold(person_id=made, now=timezone.now())
    assert BasePolicy.BREAK_GLASS_ONLY in {terms.base for terms in held}
    withdraw(world, decided(world, made, PolicyTerms(base=BasePolicy.PERMIT)))
    (held,) = terms_that_hold(person_id=made, now=timezone.now())
    assert BasePolicy.BREAK_GLASS_ONLY not in {terms.base for terms in held}


def test_the_existing_person_keeps_their_own_decisions_only(world: World) -> None:
    made = load_joan_again()
    decided(world, made, PolicyTerms(base=BasePolicy.DENY))
    assert is_shared(world.joan)


def test_the_page_of_consent_says_that_it_holds(world: World) -> None:
    decided(world, world.joan, PolicyTerms(base=BasePolicy.DENY))
    made = load_joan_again()
    view = read_consent(requester=world.administrator, person_id=made, now=timezone.now())
    assert (view.is_shared, view.is_limited_in_doubt, view.in_force) == (False, True, ())
    page = signed_in_client("ms.lane").get(f"/people/{made}/consent").content.decode()
    assert "may be the record of another patient" in page
