"""The upkeep worker as it runs: it checks, judges and tries sources, and nobody else does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.alerts.models import Alert
from aggregator.health import operations, tasks
from aggregator.health.models import SourceHealth, SourceTrial
from aggregator.health.terms import Report, ReportedStatus
from aggregator.services.sources.try_source import try_source
from config.beat import SOURCES
from config.beat import app as clock
from config.celery import UPKEEP_QUEUE, queue_of
from launcher import children, processes
from tests.hospital import Hospital, running
from tests.integration.health.test_checking import WORKS, registered
from tests.world import NOWHERE

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 20.0


@pytest.fixture
def upkeep(process_environment: dict[str, str], logs: Path) -> Iterator[None]:
    """Run a worker of the queue."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(UPKEEP_QUEUE)
        child = children.start_worker(environment=process_environment, logs=logs, name="health", queue=UPKEEP_QUEUE)
        try:
            ready = lambda: children.worker_is_ready(client=client, child=child)  # noqa: E731
            processes.wait_until(ready=ready, child=child, within_s=60)
            yield
        finally:
            processes.stop(children=[child])


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.usefixtures("upkeep")
def test_the_worker_checks_judges_and_tries() -> None:
    with running(Hospital(answers=dict(WORKS))) as hospital:
        good, bad = registered(hospital.address), registered(NOWHERE, slug="nowhere")
        for count in range(1, 4):
            SourceHealth.objects.update(next_check_at=timezone.now())
            tasks.check_sources.apply_async(expires=5)
            wait_for(lambda: all(len(row.recent_checks) >= count for row in SourceHealth.objects.all()))  # noqa: B023
        states = dict(SourceHealth.objects.values_list("source_id", "condition"))
        assert states == {good: "up", bad: "down"}
        assert list(Alert.objects.values_list("kind", "subject_id")) == [("source-down", bad)]
        long_ago = timezone.now() - timedelta(seconds=200)
        operations.record_report(source_id=good, report=Report(status=ReportedStatus.UP, interval_s=5), now=long_ago)
        tasks.judge_sources.apply_async(expires=5)
        wait_for(lambda: SourceHealth.objects.get(source_id=good).condition == "silent")
        trial_id = try_source(requester=operator(), source_id=good, now=timezone.now())
        wait_for(lambda: SourceTrial.objects.get(id=trial_id).ended_at is not None)
        assert SourceTrial.objects.get(id=trial_id).is_good


def test_the_clock_sends_what_the_worker_knows_by_the_queue_that_it_takes_it_from() -> None:
    known = {tasks.check_sources.name, tasks.judge_sources.name}
    assert set(SOURCES.values()) == known
    for words, name in SOURCES.items():
        scheduled = clock.conf.beat_schedule[words]
        assert (scheduled["task"], scheduled["options"]["queue"]) == (name, queue_of(name)) == (name, UPKEEP_QUEUE)
