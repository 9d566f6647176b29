"""Policies and relationships as they are kept."""

from __future__ import annotations

from datetime import UTC, date, datetime
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from aggregator.accounts.models import AccessEnd, Organisation
from aggregator.accounts.requester import PurposeOfUse
from aggregator.accounts.roles import Permission, Role
from aggregator.audit.models import AuditEvent
from aggregator.consent import operations, queries
from aggregator.consent.models import Policy
from aggregator.consent.terms import (
    Actor,
    ActorKind,
    BasePolicy,
    DataPeriod,
    Effect,
    ItemKey,
    Period,
    PolicyTerms,
    Provision,
    RecordedPolicy,
    british_days,
)
from aggregator.errors import Invalid, Superseded
from aggregator.mpi.models import Person
from aggregator.relationships.operations import load_relationships
from aggregator.relationships.relationship_file import RelationshipLine
from aggregator.relationships.terms import RelationshipKind
from aggregator.services.end_policy import end_policy
from aggregator.services.record_policy import record_policy
from aggregator.sources.models import Source
from connectors.contract.categories import RecordCategory
from fhir_data.labels import Label
from tests.factories import CONFIDENTIALITY, NOW, nhs_number, person, requester, source, user

pytestmark = pytest.mark.django_db

LATEST = datetime(2099, 1, 1, tzinfo=UTC)
OFFICER = uuid4()


def denial(**named: Any) -> PolicyTerms:
    return PolicyTerms(base=BasePolicy.DENY, root=Provision(effect=Effect.DENY, **named))


def line(*, identifier: str = "1", since: date = date(2020, 1, 1), until: date | None = None) -> RelationshipLine:
    return RelationshipLine(
        identifier_value=identifier, kind=RelationshipKind.REGISTERED, from_date=since, until_date=until
    )


def may_see(*, who: Organisation, of: Person) -> bool:
    """Return whether the gates but that of memberships let the organisation's users through."""
    decision = queries.decide(
        requester=requester(organisation_id=who.id), permission=Permission.VIEW_RECORD, person_id=of.id, now=NOW
    )
    return all(result.answer.passed for result in decision.results if result.gate.name != "membership")


def held(*, by: Source, identifier: str = "1") -> Person:
    return person(at=by, identifier=identifier)


# Policies

ADMINISTRATOR = requester(role=Role.ADMINISTRATOR, user_id=OFFICER)


def record(*, of: Person, terms: PolicyTerms, replaces: UUID | None = None, note: str = "By letter.") -> UUID:
    return record_policy(
        requester=ADMINISTRATOR,
        person_id=of.id,
        terms=terms,
        note=note,
        replaces_id=replaces,
        now=timezone.now(),
    )


def policies(*, of: Person) -> list[RecordedPolicy]:
    return queries.policies_of(person_id=of.id, now=timezone.now())


def joan_and_surgery() -> tuple[Person, Source]:
    """Add Joan, whom her surgery cares for."""
    practice = source()
    joan = held(by=practice)
    load_relationships(source=practice, lines=[line()], now=NOW)
    return joan, practice


def test_a_person_who_said_nothing_has_no_policy_and_no_objection() -> None:
    joan, practice = joan_and_surgery()
    assert policies(of=joan) == []
    assert may_see(who=practice.organisation, of=joan)


def test_what_a_policy_says_is_kept_as_it_was_written() -> None:
    joan, practice = joan_and_surgery()
    terms = PolicyTerms(
        base=BasePolicy.PERMIT,
        root=Provision(effect=Effect.PERMIT, period=british_days(first=date(2026, 1, 1), last=date(2099, 1, 1))),
        exceptions=(
            Provision(
                effect=Effect.DENY,
                actors=frozenset({Actor.organisation(practice.organisation.ods_code), Actor.role(Role.NURSE)}),
                purposes=frozenset({PurposeOfUse.RESEARCH}),
                categories=frozenset({RecordCategory.DOCUMENTS}),
                sources=frozenset({practice.id}),
                items=frozenset({ItemKey(source_id=practice.id, resource_type="Condition", resource_id="1")}),
                labels=frozenset({Label(system=CONFIDENTIALITY, code="R")}),
                data_period=DataPeriod(start=date(2020, 1, 1)),
            ),
        ),
    )
    record(of=joan, terms=terms, note="By telephone.")
    (kept,) = policies(of=joan)
    assert (kept.terms, kept.note, kept.recorded_by) == (terms, "By telephone.", OFFICER)


def test_a_row_that_cannot_be_read_denies() -> None:
    joan, practice = joan_and_surgery()
    for written in ({"root": {"effect": "perhaps"}}, {"exception": []}, {"root": []}, [], {"exceptions": [{}]}):
        unreadable = Policy.objects.create(
            person=joan, base="basic-normal", written=written, recorded_at=timezone.now()
        )
        assert not policies(of=joan)[0].terms.is_understood
        assert not may_see(who=practice.organisation, of=joan)
        end_policy(requester=ADMINISTRATOR, policy_id=unreadable.id, note="A slip.", now=timezone.now())


def test_several_policies_are_in_force_and_a_denial_wins() -> None:
    joan, practice = joan_and_surgery()
    record(of=joan, terms=PolicyTerms(base=BasePolicy.PERMIT))
    objection = record(of=joan, terms=PolicyTerms(base=BasePolicy.DENY))
    assert len(policies(of=joan)) == 2
    assert not may_see(who=practice.organisation, of=joan)
    end_policy(requester=ADMINISTRATOR, policy_id=objection, note="In person.", now=timezone.now())
    assert may_see(who=practice.organisation, of=joan)
    event = AuditEvent.objects.get(action="end-policy")
    assert (event.person_id, event.detail["policy"]) == (joan.pk, str(objection))


def test_an_objection_counts_at_once_and_for_this_person_only() -> None:
    joan, practice = joan_and_surgery()
    peter = person(at=practice, identifier="2", given="Peter", nhs_number=nhs_number(index=2))
    load_relationships(source=practice, lines=[line(identifier="2")], now=NOW)
    objection = record(of=joan, terms=PolicyTerms(base=BasePolicy.DENY))
    assert not may_see(who=practice.organisation, of=joan)
    assert may_see(who=practice.organisation, of=peter)
    record(of=joan, terms=PolicyTerms(base=BasePolicy.PERMIT), replaces=objection)
    assert may_see(who=practice.organisation, of=joan)


def test_a_change_ends_what_it_replaces_and_nothing_is_lost() -> None:
    joan, practice = joan_and_surgery()
    first = record(of=joan, terms=PolicyTerms(base=BasePolicy.DENY), note="By letter.")
    second = record(of=joan, terms=PolicyTerms(base=BasePolicy.PERMIT), note="By telephone.", replaces=first)
    newest, oldest = policies(of=joan)
    assert (newest.policy_id, newest.replaces_id, newest.ended_at) == (second, first, None)
    assert (oldest.policy_id, oldest.note, oldest.ended_by) == (first, "By letter.", OFFICER)
    assert oldest.is_over(timezone.now())
    assert oldest.end_reason
    assert may_see(who=practice.organisation, of=joan)
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.person_id, event.detail["id"]) == ("record-policy", joan.id, str(first))
    assert event.detail["policy"] == str(second)


@pytest.mark.django_db(transaction=True)
def test_who_changes_or_withdraws_what_another_has_changed_is_told_so_and_writes_nothing() -> None:
    joan, _ = joan_and_surgery()
    first = record(of=joan, terms=PolicyTerms(base=BasePolicy.DENY))
    record(of=joan, terms=PolicyTerms(base=BasePolicy.PERMIT), replaces=first)
    with pytest.raises(Superseded):
        record(of=joan, terms=PolicyTerms(base=BasePolicy.DENY), replaces=first)
    with pytest.raises(Superseded):
        end_policy(requester=ADMINISTRATOR, policy_id=first, note="Once more.", now=timezone.now())
    assert len(policies(of=joan)) == 2
    assert AccessEnd.objects.filter(of_id=first).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_at_once_both_are_kept_and_a_denial_wins() -> None:
    joan, practice = joan_and_surgery()
    both = Barrier(2)

    def decide(base: BasePolicy) -> None:
        try:
            both.wait()
            record(of=joan, terms=PolicyTerms(base=base))
        finally:
            connection.close()

    threads = [Thread(target=decide, args=(base,)) for base in (BasePolicy.PERMIT, BasePolicy.DENY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {policy.terms.base for policy in policies(of=joan)} == {BasePolicy.PERMIT, BasePolicy.DENY}
    assert not may_see(who=practice.organisation, of=joan)


def test_a_policy_is_never_changed_or_deleted() -> None:
    joan, _ = joan_and_surgery()
    record(of=joan, terms=PolicyTerms(base=BasePolicy.DENY))
    for act in (lambda: Policy.objects.update(note=""), lambda: Policy.objects.all()._raw_delete("default")):
        with pytest.raises(DatabaseError, match=r"never changed|permission denied"), transaction.atomic():
            act()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (PolicyTerms(base=BasePolicy.DENY, root=Provision(effect=Effect.PERMIT)), "root.effect"),
        (denial(period=Period(end=NOW)), "root.period"),
        (denial(period=Period(start=LATEST, end=LATEST)), "root.period"),
        (denial(data_period=DataPeriod(start=date(2021, 1, 1), end=date(2020, 1, 1))), "root.data_period"),
        (denial(actors=frozenset({Actor.user(uuid4())})), "root.actors"),
        (denial(actors=frozenset({Actor(kind=ActorKind.USER, value="nobody")})), "root.actors"),
        (denial(actors=frozenset({Actor.organisation("X00000")})), "root.actors"),
        (denial(actors=frozenset({Actor(kind=ActorKind.ROLE, value="wizard")})), "root.actors"),
        (denial(actors=frozenset({Actor.role(Role.ANONYMOUS)})), "root.actors"),
        (denial(sources=frozenset({uuid4()})), "root.sources"),
        (
            denial(items=frozenset({ItemKey(source_id=uuid4(), resource_type="Condition", resource_id="1")})),
            "root.sources",
        ),
        (denial(labels=frozenset({Label(system=CONFIDENTIALITY, code="SECRET")})), "root.labels"),
        (denial(categories=frozenset({RecordCategory.SUPPORTING})), "root.categories"),
        (PolicyTerms(base=BasePolicy.PERMIT, exceptions=(Provision(effect=Effect.DENY),)), "0.effect"),
        (
            PolicyTerms(
                base=BasePolicy.PERMIT,
                exceptions=tuple(
                    Provision(effect=Effect.DENY, purposes=frozenset({PurposeOfUse.RESEARCH})) for _ in range(21)
                ),
            ),
            "root.exceptions",
        ),
        (
            PolicyTerms(
                base=BasePolicy.DENY,
                root=Provision(effect=Effect.DENY, period=Period(end=LATEST)),
                exceptions=(
                    Provision(
                        effect=Effect.PERMIT,
                        purposes=frozenset({PurposeOfUse.TREATMENT}),
                        period=Period(start=LATEST),
                    ),
                ),
            ),
            "0.period",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_and_writes_nothing(terms: PolicyTerms, field: str) -> None:
    joan, _ = joan_and_surgery()
    with pytest.raises(Invalid) as refused:
        record(of=joan, terms=terms)
    assert refused.value.field == field
    assert policies(of=joan) == []


def test_a_user_may_be_named_by_their_user_name() -> None:
    joan, practice = joan_and_surgery()
    osei = user(username="dr.osei", at=practice.organisation)
    record(of=joan, terms=denial(actors=frozenset({Actor(kind=ActorKind.USER, value="dr.osei")})))
    (kept,) = policies(of=joan)
    assert kept.terms.root is not None
    assert kept.terms.root.actors == frozenset({Actor.user(osei.id)})


def test_nothing_is_recorded_of_nobody() -> None:
    with pytest.raises(Person.DoesNotExist):
        operations.lock_person(person_id=uuid4())
