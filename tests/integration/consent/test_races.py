"""What ends access against a showing: once it is committed, nothing more is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from uuid import UUID

import pytest
import redis
from django.db import connection, transaction
from django.utils import timezone

from aggregator.accounts.operations import add_membership
from aggregator.accounts.requester import Requester, operator
from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import NotPermitted
from aggregator.federation import tasks
from aggregator.federation.models import SourceOutcome
from aggregator.services.clients.end_client import end_client
from aggregator.services.end_policy import end_policy
from aggregator.services.open_record import open_record
from aggregator.services.record_policy import record_policy
from aggregator.services.users.close_account import close_account
from aggregator.services.view_record import view_record
from connectors.contract.outcomes import Outcome, Reason
from fhir_data.labels import Label
from tests import machine, proofs
from tests.access_acts import end
from tests.factories import CONFIDENTIALITY, condition
from tests.integration.services.test_showing import answered, held_redis
from tests.relationship_acts import ended, recorded
from tests.world import World, make_world

__all__ = ["held_redis"]
pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 200 if proofs.is_proving() else 5


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    # What sources answer is written here: a worker that runs meanwhile must not ask them.
    monkeypatch.setattr(tasks, "send", lambda **_: None)
    return make_world()


def shown_after(end: Callable[[], object], *, to: Requester, retrieval_id: UUID) -> bool:
    """Let a requester look at a record again and again while access to it is ended; return whether that came too late.

    Too late is a showing that was begun when the end had been committed.
    """
    is_committed, stop = Event(), Event()
    began_after_the_end: list[bool] = []

    def look() -> None:
        try:
            while not stop.is_set():
                was_committed = is_committed.is_set()
                try:
                    view_record(requester=to, retrieval_id=retrieval_id, now=timezone.now())
                except NotPermitted:
                    continue
                began_after_the_end.append(was_committed)
        finally:
            connection.close()

    looking = Thread(target=look)
    looking.start()
    end()
    is_committed.set()
    with pytest.raises(NotPermitted):
        view_record(requester=to, retrieval_id=retrieval_id, now=timezone.now())
    stop.set()
    looking.join()
    return any(began_after_the_end)


def test_once_an_objection_is_recorded_nothing_is_shown(world: World, held_redis: redis.Redis) -> None:
    objections: list[UUID] = []

    def object_to_it() -> None:
        objections.append(
            record_policy(
                requester=world.administrator,
                person_id=world.joan,
                terms=PolicyTerms(base=BasePolicy.DENY),
                note="By telephone.",
                now=timezone.now(),
            )
        )

    for _ in range(ROUNDS):
        view = answered(world, held_redis, condition())
        assert not shown_after(object_to_it, to=world.clinician, retrieval_id=view.retrieval_id)
        end_policy(requester=world.administrator, policy_id=objections[-1], note="In person.", now=timezone.now())
        assert view_record(requester=world.clinician, retrieval_id=view.retrieval_id, now=timezone.now()).record.entries


def test_once_a_relationship_has_ended_nothing_is_shown(world: World) -> None:
    for _ in range(ROUNDS):
        relationship_id = recorded(world, person_id=world.nobodys)
        retrieval_id = open_record(requester=world.clinician, person_id=world.nobodys, now=timezone.now())
        assert not shown_after(partial(ended, world, relationship_id), to=world.clinician, retrieval_id=retrieval_id)


def test_once_a_membership_has_ended_nothing_is_shown(world: World) -> None:
    for _ in range(ROUNDS):
        leaving = clinician_again(world)
        assert leaving.membership_id is not None
        retrieval_id = open_record(requester=leaving, person_id=world.joan, now=timezone.now())
        end_it = partial(end, world, membership_id=leaving.membership_id)
        assert not shown_after(end_it, to=leaving, retrieval_id=retrieval_id)


def test_once_an_account_is_closed_nothing_is_shown(world: World) -> None:
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    assert world.clinician.user_id is not None
    close = partial(
        close_account, requester=operator(), user_id=world.clinician.user_id, reason="Left.", now=timezone.now()
    )
    assert not shown_after(close, to=world.clinician, retrieval_id=retrieval_id)


def test_once_a_system_is_ended_nothing_is_shown_to_it(world: World) -> None:
    for round_ in range(ROUNDS):
        oauth_id = f"ward-system-{round_}"
        machine.register(oauth_id=oauth_id)
        system = machine.requester(oauth_id=oauth_id)
        retrieval_id = open_record(requester=system, person_id=world.joan, now=timezone.now())
        end_it = partial(end_client, requester=operator(), oauth_id=oauth_id, reason="Replaced.", now=timezone.now())
        assert not shown_after(end_it, to=system, retrieval_id=retrieval_id)


def clinician_again(world: World) -> Requester:
    """Give the surgery's clinician one more membership like their own, and return them acting in it."""
    asked = world.clinician
    assert asked.user_id is not None
    assert asked.organisation_id is not None
    now = timezone.now()
    with transaction.atomic():
        membership_id = add_membership(
            user_id=asked.user_id,
            organisation_id=asked.organisation_id,
            role=asked.role,
            from_at=now,
            added_by=None,
            now=now,
        )
    return replace(asked, membership_id=membership_id)


def test_no_policy_goes_past_what_a_source_refuses(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, condition())
    SourceOutcome.objects.update(outcome=Outcome.REFUSED, reason=Reason.PATIENT_CONSENT)
    labels = frozenset(Label(system=CONFIDENTIALITY, code=code) for code in "NRV")
    record_policy(
        requester=world.administrator,
        person_id=world.joan,
        terms=PolicyTerms(base=BasePolicy.PERMIT_ALL, root=Provision(effect=Effect.PERMIT, labels=labels)),
        note="By telephone.",
        now=timezone.now(),
    )
    now = view_record(requester=world.clinician, retrieval_id=view.retrieval_id, now=timezone.now())
    assert [(status.outcome, status.reason) for status in now.sources] == [(Outcome.REFUSED, Reason.PATIENT_CONSENT)]
    assert not now.record.entries
