"""Redis comes back after it was away: the first record that is opened then is retrieved whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from launcher import children, processes
from launcher.installation import find_installation
from launcher.processes import Child
from launcher.region import Region
from tests.demonstration import CLINICIAN, PASSWORD, Stories, only_the_stories
from tests.door import Visitor, issues

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("everything_let_in")]


class OwnRedis:
    """A Redis that can be taken away and brought back, empty, at the same address."""

    def __init__(self, *, logs: Path) -> None:
        self._logs = logs
        self._place = find_installation(folder=logs)
        with processes.reserved_port() as reserved:
            self._port = reserved.getsockname()[1]
        self._child: Child | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        self._child = processes.start(
            name="own Redis",
            command=[self._place.redis_server, "-"],
            log=self._logs / "own-redis.log",
            environment=self._place.environment(),
            account=self._place.account,
            say=f'bind 127.0.0.1\nport {self._port}\nsave ""\nappendonly no\n',
        )
        processes.wait_until(ready=self._answers, child=self._child, within_s=10)

    def stop(self) -> None:
        if self._child:
            processes.stop(children=[self._child])

    def forget_everyone(self) -> None:
        """Close the connection of every client."""
        with self.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "yes")

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


@pytest.fixture
def stories(transactional_db: None, region: Region, simulators: dict[str, str], tmp_path_factory: Any) -> Stories:
    told = only_the_stories(region=region, folder=tmp_path_factory.mktemp("stories"))
    told.load(addresses=simulators)
    return told


@contextmanager
def serving(*, own: OwnRedis, environment: dict[str, str], logs: Path) -> Iterator[Visitor]:
    """Run a web process and a worker on a Redis of their own, and sign in."""
    around = {**environment, "REDIS_URL": own.url, "HELD_REDIS_URL": own.url}
    web = children.start_web(environment=around, logs=logs)
    worker = children.start_worker(environment=around, logs=logs, name="away")
    try:
        processes.wait_until(ready=lambda: web.answers("/readyz"), child=web.child, within_s=60)
        with own.client() as client:
            ready = lambda: children.worker_is_ready(client=client, child=worker)  # noqa: E731
            processes.wait_until(ready=ready, child=worker, within_s=60)
        visitor = Visitor(web.address)
        visitor.sign_in(CLINICIAN, PASSWORD)
        yield visitor
    finally:
        processes.stop(children=[worker, web.child], timeout_s=5)


@pytest.mark.parametrize("away_s", [None, 0.0, 1.0, 6.0])
def test_the_first_retrieval_after_redis_was_away_works(
    stories: Stories, process_environment: dict[str, str], tmp_path: Path, away_s: float | None
) -> None:
    own = OwnRedis(logs=tmp_path)
    own.start()
    try:
        with serving(own=own, environment=process_environment, logs=tmp_path) as visitor:
            (person,) = visitor.find(nhs_number=stories.by_slug["allergy-or-none"]["nhs_number"])
            before = issues(visitor.everything(person).json())
            assert {issue["code"] for issue in before.values()} <= {"informational", "incomplete"}
            if away_s is None:
                own.forget_everyone()
            else:
                own.stop()
                time.sleep(away_s)
                own.start()
            after = visitor.everything(person).json()
            assert issues(after) == before
    finally:
        own.stop()
