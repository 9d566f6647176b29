"""The queue: a broker that is away is found out soon, and a worker's log holds nothing that a message brought."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from kombu import pools

from aggregator.federation import tasks
from config.celery import app

NAME = "EDWARDS-Joan-9990000018"
PATIENCE_S = 15.0  # the time that a page may be kept is 2; a busy machine gets more


@pytest.fixture
def another_broker() -> Iterator[None]:
    """Forget connections to the usual broker before and after."""
    usual = app.conf.broker_url
    yield
    app.conf.broker_url = usual
    _forget_connections()


def _forget_connections() -> None:
    pools.reset()
    app.amqp._producer_pool = None
    app._pool = None


@pytest.mark.usefixtures("another_broker")
@pytest.mark.parametrize("listens", [False, True], ids=["refuses", "never answers"])
def test_a_broker_that_is_away_is_found_out_soon(listens: bool) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        app.conf.broker_url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        _forget_connections()
        started = time.monotonic()
        with pytest.raises(tasks.QueueUnavailable):
            tasks.send(retrieval_id=uuid4(), deadline_at=datetime.now(UTC) + timedelta(seconds=10))
    assert time.monotonic() - started < PATIENCE_S


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "task", ["aggregator.federation.tasks.unheard_of", "aggregator.federation.tasks.run_retrieval"]
)
def test_a_message_that_cannot_be_handled_leaves_no_words_in_the_log(logs: Path, task: str) -> None:
    log = logs / "worker.log"
    before = log.read_text()
    app.send_task(task, args=[NAME], kwargs={"family": NAME}, queue="federation")
    app.send_task(tasks.run_retrieval.name, args=[str(uuid4())], queue="federation")
    time.sleep(3)
    said = log.read_text()[len(before) :]
    assert NAME not in said
    assert "ValueError" in said or "unheard" in task, "that a task failed is said, by the class of its error"
