"""A worker for one test, on a queue of its own, which the test may stop, kill or cut off. Held items stay shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis
from kombu import Connection

from aggregator.federation import tasks
from launcher import children, processes
from launcher.processes import Child

PER_HELPER = 8


@contextmanager
def own_worker(
    *, environment: Mapping[str, str], logs: Path, database: int, monkeypatch: pytest.MonkeyPatch, **more: str
) -> Iterator[Child]:
    """Run a worker on a Redis database of its own, to which this process sends; `more` are its settings.

    `database` is its number, from 56, where one process runs all tests. Each of several that run them side by side
    counts from a number of its own.
    """
    usual = environment["REDIS_URL"]
    address, _, helper = usual.rpartition("/")
    queue = f"{address}/{database - PER_HELPER * int(helper)}"
    own = {**environment, "REDIS_URL": queue, "HELD_REDIS_URL": usual, **more}
    with redis.Redis.from_url(queue) as client:
        client.flushdb()
        child = children.start_worker(environment=own, logs=logs, name=f"own-{database}")
        try:
            ready = lambda: children.worker_is_ready(client=client, child=child)  # noqa: E731
            processes.wait_until(ready=ready, child=child, within_s=60)
            monkeypatch.setattr(tasks, "send", _sender(queue))
            yield child
        finally:
            processes.stop(children=[child])
            client.flushdb()


def _sender(queue: str) -> Any:
    def send(*, retrieval_id: UUID, deadline_at: Any) -> None:
        with Connection(queue) as connection:
            tasks.run_retrieval.apply_async(args=[str(retrieval_id)], expires=deadline_at, connection=connection)

    return send
