"""What is held of an answer is gone when the retrieval expires."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from django.conf import settings

from aggregator.federation.models import Retrieval, SourceOutcome
from tests.one_hospital import Hospital, hospital, opened, world
from tests.world import World

__all__ = ["hospital", "world"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_answer_is_held_until_its_retrieval_expires_and_not_longer(world: World, hospital: Hospital) -> None:
    view = opened(world)
    row = SourceOutcome.objects.get(retrieval_id=view.retrieval_id)
    retrieval = Retrieval.objects.get(id=view.retrieval_id)
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        seconds, microseconds = client.time()
        lives_ms = client.pttl(f"held:{view.retrieval_id}:{row.source_id}")
    assert lives_ms > 0, "it is held, and it is to expire"
    left = retrieval.expires_at.timestamp() - (seconds + microseconds / 1_000_000)
    assert lives_ms / 1000 == pytest.approx(left, abs=1.0)
    assert retrieval.expires_at - retrieval.created_at == timedelta(seconds=settings.RETRIEVAL_RETENTION_S)
