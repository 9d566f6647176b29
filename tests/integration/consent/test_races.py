"""A decision against a showing: once it is committed, nothing is shown of what it keeps back."""

from __future__ import annotations

from threading import Event, Thread

import pytest
import redis
from django.db import connection
from django.utils import timezone

from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import NotPermitted
from aggregator.federation.models import SourceOutcome
from aggregator.services.end_policy import end_policy
from aggregator.services.record_policy import record_policy
from aggregator.services.view_record import view_record
from connectors.contract.outcomes import Outcome, Reason
from fhir_data.labels import Label
from tests import proofs
from tests.factories import CONFIDENTIALITY, condition
from tests.integration.services.test_showing import answered, held_redis
from tests.world import World, make_world

__all__ = ["held_redis"]
pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 200 if proofs.is_proving() else 5


@pytest.fixture
def world() -> World:
    return make_world()


def test_once_an_objection_is_recorded_nothing_is_shown(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, condition())
    for _ in range(ROUNDS):
        committed, stop = Event(), Event()
        shown_too_late: list[bool] = []

        def look(committed: Event = committed, stop: Event = stop, late: list[bool] = shown_too_late) -> None:
            try:
                while not stop.is_set():
                    was_committed = committed.is_set()
                    try:
                        view_record(requester=world.clinician, retrieval_id=view.retrieval_id, now=timezone.now())
                    except NotPermitted:
                        continue
                    late.append(was_committed)
            finally:
                connection.close()

        looking = Thread(target=look)
        looking.start()
        objection = record_policy(
            requester=world.administrator,
            person_id=world.joan,
            terms=PolicyTerms(base=BasePolicy.DENY),
            note="By telephone.",
            now=timezone.now(),
        )
        committed.set()
        with pytest.raises(NotPermitted):
            view_record(requester=world.clinician, retrieval_id=view.retrieval_id, now=timezone.now())
        stop.set()
        looking.join()
        assert not any(shown_too_late)
        end_policy(requester=world.administrator, policy_id=objection, note="In person.", now=timezone.now())
        assert view_record(requester=world.clinician, retrieval_id=view.retrieval_id, now=timezone.now()).record.entries


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
