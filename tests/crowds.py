"""A service that has as much under way as it takes, as rows in Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import msgspec
import pytest
import redis
from django.conf import settings

from aggregator.federation import load
from aggregator.federation.engine import close_engine
from aggregator.federation.load import SHED, UNDER_WAY, WORKERS, Said


def crowded(client: redis.Redis, *, limit: int = 4, count: int | None = None, late_s: float = 0.5) -> None:
    """Have a worker say that it takes so many, and so many be under way: as many unless it is said."""
    said = Said(at=time.time() + 60, limit=limit, under_way=limit, late_s=late_s)
    client.hset(WORKERS, uuid4().hex, msgspec.json.encode(said))
    places = {uuid4().hex: time.time() + 60 for _ in range(limit if count is None else count)}
    if places:
        client.zadd(UNDER_WAY, places)


@contextmanager
def emptied() -> Iterator[redis.Redis]:
    """Give a client of the Redis that holds answers, with nothing under way before and after, and no worker.

    An engine that an earlier test has left in this process would go on saying what it takes.
    """
    close_engine()
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        client.delete(UNDER_WAY, WORKERS, SHED)
        try:
            yield client
        finally:
            client.delete(UNDER_WAY, WORKERS, SHED)


@pytest.fixture(autouse=True)
def nothing_under_way(request: pytest.FixtureRequest) -> None:
    """Let no test count what the one before left under way without a worker."""
    if {"db", "transactional_db"} & set(request.fixturenames):
        with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
            client.delete(UNDER_WAY)


@pytest.fixture
def everything_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let in all that a test opens, however late a worker is on this machine."""
    monkeypatch.setattr(load, "take_place", lambda **_: True)
