"""Emptying the tables after a test, although a process of the session is not done yet with what that test began."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from django.db import OperationalError, connection
from psycopg2.errors import DeadlockDetected, LockNotAvailable

# A flight is over after its deadline, and PostgreSQL ends a transaction in which nobody does anything after 15 s.
WAITS_S = 30.0
IN_THE_WAY = (DeadlockDetected, LockNotAvailable)


def patiently(empty: Callable[[Sequence[str]], None], *, within_s: float = WAITS_S) -> Callable[[Sequence[str]], None]:
    """Return `empty`, asked again for so long as others hold what it wants to lock.

    TRUNCATE locks all tables one by one. The session's worker may write about a record that the test opened and never
    waited for, in tables that come in another order: one of the two gives way.
    """

    def empty_patiently(statements: Sequence[str]) -> None:
        until = time.monotonic() + within_s
        while True:
            try:
                return empty(statements)
            except OperationalError as error:
                if not isinstance(error.__cause__, IN_THE_WAY) or time.monotonic() > until:
                    raise

    return empty_patiently


@pytest.fixture(scope="session", autouse=True)
def emptied_patiently() -> Iterator[None]:
    """Have Django empty the tables patiently after each test that commits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.ops, "execute_sql_flush", patiently(connection.ops.execute_sql_flush))
        yield
