"""The threads of a worker's engine keep their connections to the database, and notice when one breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper

from aggregator.federation import engine as module
from aggregator.federation.engine import Engine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Return an engine with a single thread for the database."""
    monkeypatch.setattr(module, "THREADS_PER_EXECUTOR", 1)
    made = Engine()
    yield made
    made.close()


def session_of() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def asked(engine: Engine) -> int:
    """Return the session of the database in which the engine's thread does what it is given."""
    again = engine.in_database_once_back(session_of, until=engine.loop.time() + 5)
    return asyncio.run_coroutine_threadsafe(again, engine.loop).result(10)


def test_a_connection_that_breaks_between_two_uses_costs_an_attempt_and_nothing_more(one_thread: Engine) -> None:
    first = asked(one_thread)
    assert asked(one_thread) == first != session_of()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [first])
    second = asked(one_thread)
    assert second != first
    assert asked(one_thread) == second


def test_a_connection_is_tried_now_and_then_and_not_before_each_use(
    one_thread: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[DatabaseWrapper] = []
    is_usable = DatabaseWrapper.is_usable

    def noted(self: DatabaseWrapper) -> bool:
        tried.append(self)
        return is_usable(self)

    monkeypatch.setattr(DatabaseWrapper, "is_usable", noted)
    for _ in range(5):
        asked(one_thread)
    assert not tried  # it was opened anew
    monkeypatch.setattr(module, "TRIED_EVERY_S", 0)
    for _ in range(2):
        asked(one_thread)
    assert len(tried) == 2
