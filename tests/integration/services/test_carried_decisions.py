"""What a patient has decided about sharing goes with their record, whoever it is given to and given back to."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.consent.models import Policy
from aggregator.consent.policies import shares_with_most
from aggregator.consent.queries import policies_of
from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import Superseded
from aggregator.mpi.models import LinkReview, Person, SourceRecord
from aggregator.services.end_policy import end_policy
from aggregator.services.load_identities import load_identities
from aggregator.services.record_opt_out import record_opt_out
from aggregator.services.record_policy import record_policy
from aggregator.services.take_back_review import take_back_review
from connectors.contract.categories import RecordCategory
from tests.factories import person_of
from tests.world import IDENTITIES, SOURCE_SLUG, World, make_world, settled

pytestmark = pytest.mark.django_db

RESULTS_DENIED = PolicyTerms(
    base=BasePolicy.PERMIT,
    exceptions=(Provision(effect=Effect.DENY, categories=frozenset({RecordCategory.RESULTS})),),
)


@pytest.fixture
def world() -> World:
    return make_world()


def separated(world: World, *, before: Callable[[], object] = lambda: None) -> Person:
    """Take Joan's only record from her, after something else; return the person whom it makes."""
    before()
    changed = IDENTITIES.replace("Ferris,Joan,1951-05-04", "Okoro,Ada,1980-01-01")
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=changed.splitlines(), now=timezone.now())
    settled(world, "end-link")
    return person_of(record=SourceRecord.objects.get(identifier_value="1"))


def given_back(world: World) -> None:
    take_back_review(requester=world.administrator, review_id=LinkReview.objects.get().id, now=timezone.now())
    assert person_of(record=SourceRecord.objects.get(identifier_value="1")).id == world.joan


def recorded(world: World, *, person_id: UUID, terms: PolicyTerms) -> UUID:
    return record_policy(
        requester=world.administrator, person_id=person_id, terms=terms, note="By letter.", now=timezone.now()
    )


def object_to_sharing(world: World, *, person_id: UUID, opted_out: bool = True) -> None:
    record_opt_out(
        requester=world.administrator, person_id=person_id, opted_out=opted_out, note="At the desk.", now=timezone.now()
    )


def withdraw(world: World, policy_id: UUID) -> None:
    end_policy(requester=world.administrator, policy_id=policy_id, note="By letter.", now=timezone.now())


def in_force(person_id: UUID) -> list[PolicyTerms]:
    now = timezone.now()
    return [policy.terms for policy in policies_of(person_id=person_id, now=now) if not policy.is_over(now)]


def is_shared(person_id: UUID) -> bool:
    now = timezone.now()
    return shares_with_most(policies=[each.terms for each in policies_of(person_id=person_id, now=now)], now=now)


@pytest.mark.parametrize("terms", [PolicyTerms(base=BasePolicy.DENY), RESULTS_DENIED])
def test_what_was_decided_meanwhile_goes_back_with_the_record(world: World, terms: PolicyTerms) -> None:
    made = separated(world)
    recorded(world, person_id=made.id, terms=terms)
    given_back(world)
    assert in_force(world.joan) == [terms]


def test_what_had_only_been_carried_over_does_not_come_back_once_it_was_withdrawn(world: World) -> None:
    made = separated(world, before=lambda: object_to_sharing(world, person_id=world.joan))
    assert in_force(made.id) == [PolicyTerms(base=BasePolicy.DENY)]
    withdraw(world, Policy.objects.get(person_id=world.joan).id)
    given_back(world)
    assert in_force(world.joan) == []


def test_what_is_in_force_already_is_not_recorded_twice(world: World) -> None:
    made = separated(world, before=lambda: object_to_sharing(world, person_id=world.joan))
    recorded(world, person_id=made.id, terms=PolicyTerms(base=BasePolicy.DENY))
    given_back(world)
    assert in_force(world.joan) == [PolicyTerms(base=BasePolicy.DENY)]


def test_who_has_withdrawn_their_permit_shares_nothing_under_another_name_either(world: World) -> None:
    def permit_and_withdraw() -> None:
        withdraw(world, recorded(world, person_id=world.joan, terms=PolicyTerms(base=BasePolicy.PERMIT)))

    made = separated(world, before=permit_and_withdraw)
    assert not is_shared(world.joan)
    assert not is_shared(made.id)


def test_a_permit_that_was_withdrawn_meanwhile_counts_for_who_gets_the_record_back(world: World) -> None:
    made = separated(world)
    withdraw(world, recorded(world, person_id=made.id, terms=PolicyTerms(base=BasePolicy.PERMIT)))
    assert not is_shared(made.id)
    given_back(world)
    assert not is_shared(world.joan)


def test_who_has_permitted_anew_shares_under_another_name_as_before(world: World) -> None:
    def permit_twice() -> None:
        withdraw(world, recorded(world, person_id=world.joan, terms=PolicyTerms(base=BasePolicy.PERMIT)))
        object_to_sharing(world, person_id=world.joan, opted_out=False)

    made = separated(world, before=permit_twice)
    assert is_shared(world.joan)
    assert is_shared(made.id)


def test_who_has_decided_nothing_has_nothing_carried_over(world: World) -> None:
    made = separated(world, before=lambda: object_to_sharing(world, person_id=world.joan, opted_out=False))
    assert not Policy.objects.filter(person=made).exists()
    given_back(world)
    assert is_shared(world.joan)


def test_nothing_is_recorded_for_somebody_whom_no_source_holds_any_more(world: World) -> None:
    separated(world)
    with pytest.raises(Superseded):
        object_to_sharing(world, person_id=world.joan)
    with pytest.raises(Superseded):
        recorded(world, person_id=world.joan, terms=RESULTS_DENIED)
    assert not Policy.objects.filter(person_id=world.joan).exists()
