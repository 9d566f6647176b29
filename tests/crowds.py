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
from aggregator.federation.load import Said


def crowded(client: redis.Redis, *, limit: int = 4, count: int | None = None, late_s: float = 0.5) -> None:
    """Have a worker say that it takes so many, and so many be under way: as many unless it is said."""
    said = Said(at=time.time() + 60, limit=limit, under_way=limit, late_s=late_s)
    client.hset(load.WORKERS, uuid4().hex, msgspec.json.encode(said))
    places = {uuid4().hex: time.time() + 60 for _ in range(limit if count is None else count)}
    if places:
        client.zadd(load.UNDER_WAY, places)


@contextmanager
def apart() -> Iterator[redis.Redis]:
    """Give a client of the Redis that holds answers, where this process sees nothing under way and no worker.

    The names are its own. A worker that runs for the whole session goes on saying what it takes under the usual ones,
    and so would an engine that an earlier test has left in this process, which is closed.
    """
    close_engine()
    own = uuid4().hex
    names = {name: f"{getattr(load, name)}:{own}" for name in ("UNDER_WAY", "WORKERS", "SHED")}
    with pytest.MonkeyPatch.context() as patch, redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        for name, value in names.items():
            patch.setattr(load, name, value)
        try:
            yield client
        finally:
            close_engine()
            client.delete(*names.values())


@pytest.fixture(autouse=True)
def nothing_under_way(request: pytest.FixtureRequest) -> None:
    """Let no test count what the one before left under way without a worker."""
    if {"db", "transactional_db"} & set(request.fixturenames):
        with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
            client.delete(load.UNDER_WAY)


@pytest.fixture
def everything_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let in all that a test opens, however late a worker is on this machine."""
    monkeypatch.setattr(load, "take_place", lambda **_: True)
