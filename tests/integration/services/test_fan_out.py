"""The fan-out of one retrieval in this process: who waits is told when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from aggregator.federation import fetch
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.models import Retrieval, RetrievalState
from aggregator.services.open_record import open_record
from aggregator.sources.models import Source
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    yield make_world()
    close_engine()


def opened(world: World) -> UUID:
    return open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())


def run(retrieval_id: UUID) -> None:
    engine().run(fetch.run_retrieval(retrieval_id=retrieval_id, engine=engine()), wait_s=5)


def told(retrieval_id: UUID) -> list[bytes]:
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        return [fields[b"kind"] for _, fields in client.xrange(f"progress:{retrieval_id}")]


def test_whoever_waits_for_nobody_is_told_at_once_that_it_is_over(world: World) -> None:
    Source.objects.update(enabled=False)
    retrieval_id = opened(world)
    run(retrieval_id)
    assert Retrieval.objects.get(id=retrieval_id).state == RetrievalState.FINISHED
    assert told(retrieval_id)[-1:] == [b"done"]


def test_whoever_waits_for_another_s_question_is_not_told_before_it_has_ended(world: World) -> None:
    first, second = opened(world), opened(world)
    run(second)
    assert b"done" not in told(second)
    run(first)
    assert told(first)[-1:] == told(second)[-1:] == [b"done"]
