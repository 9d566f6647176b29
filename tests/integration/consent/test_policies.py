"""Policies as they are kept."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from aggregator.accounts.models import Organisation
from aggregator.accounts.roles import Permission
from aggregator.consent import queries
from aggregator.consent.models import Policy
from aggregator.consent.operations import set_policy
from aggregator.consent.terms import BasePolicy
from aggregator.mpi.models import Person
from aggregator.relationships.operations import load_relationships
from aggregator.relationships.relationship_file import RelationshipLine
from aggregator.relationships.terms import RelationshipKind
from tests.factories import NOW, nhs_number, person, requester, source

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)
OFFICER = uuid4()


def record(*, of: Person, base: BasePolicy, at: object = NOW, note: str = "") -> bool:
    return set_policy(person_id=of.id, base=base, note=note, user_id=OFFICER, now=at)  # type: ignore[arg-type]


def registered(*, identifier: str) -> RelationshipLine:
    return RelationshipLine(
        identifier_value=identifier, kind=RelationshipKind.REGISTERED, from_date=date(2020, 1, 1), until_date=None
    )


def may_see(*, who: Organisation, of: Person) -> bool:
    return queries.decide(
        requester=requester(organisation_id=who.id), permission=Permission.VIEW_RECORD, person_id=of.id, now=NOW
    ).permitted


# Policies


def test_a_person_who_said_nothing_has_no_policy_and_no_objection() -> None:
    joan = person(at=source())
    assert queries.live_policies(person_id=joan.id) == []
    assert not record(of=joan, base=BasePolicy.PERMIT)
    assert queries.policy_history(person_id=joan.id) == []


def test_every_decision_stays_on_record_newest_first() -> None:
    joan = person(at=source())
    assert record(of=joan, base=BasePolicy.DENY, note="By letter.")
    assert not record(of=joan, base=BasePolicy.DENY, at=LATER)
    assert record(of=joan, base=BasePolicy.PERMIT, at=LATER, note="By telephone.")
    history = queries.policy_history(person_id=joan.id)
    assert [(event.base, event.note, event.recorded_at, event.ended_at) for event in history] == [
        (BasePolicy.PERMIT, "By telephone.", LATER, None),
        (BasePolicy.DENY, "By letter.", NOW, LATER),
    ]
    assert set(Policy.objects.values_list("recorded_by", flat=True)) == {OFFICER}
    assert Policy.objects.get(base=BasePolicy.DENY).ended_by == OFFICER


def test_an_objection_counts_at_once_and_for_this_person_only() -> None:
    practice = source()
    joan, peter = (
        person(at=practice, identifier="1"),
        person(at=practice, identifier="2", given="Peter", nhs_number=nhs_number(index=2)),
    )
    load_relationships(source=practice, lines=[registered(identifier="1"), registered(identifier="2")], now=NOW)
    assert may_see(who=practice.organisation, of=joan)
    record(of=joan, base=BasePolicy.DENY)
    assert not may_see(who=practice.organisation, of=joan)
    assert may_see(who=practice.organisation, of=peter)
    record(of=joan, base=BasePolicy.PERMIT, at=LATER)
    assert may_see(who=practice.organisation, of=joan)


def test_a_person_has_one_policy_in_force() -> None:
    joan = person(at=source())
    record(of=joan, base=BasePolicy.DENY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.create(person=joan, base=BasePolicy.PERMIT, recorded_at=NOW)


def test_nothing_is_recorded_of_nobody() -> None:
    with pytest.raises(Person.DoesNotExist):
        set_policy(person_id=uuid4(), base=BasePolicy.DENY, note="", user_id=None, now=NOW)
