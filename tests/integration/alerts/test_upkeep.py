"""The worker of the queue `upkeep` and the clock, as they run: prompt, and nothing lost when one of them is away."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog.testing
from django.conf import settings
from django.utils import timezone
from kombu import pools

from aggregator.alerts import tasks
from aggregator.alerts.models import AlertDelivery
from aggregator.alerts.terms import AlertMedium
from aggregator.federation.tasks import run_retrieval
from config.beat import DELIVER, DELIVER_EVERY_S, SOURCES
from config.beat import app as clock
from config.celery import UPKEEP_QUEUE, app
from launcher import children, processes
from launcher.processes import Child
from tests.alert_acts import ADDRESS, add_officer, registered
from tests.break_glass_acts import broken
from tests.own_worker import PER_HELPER
from tests.receivers import MailServer, Receiver, mail_server, receiver
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 20.0
# Counted as in tests/own_worker.py, which uses those below.
DATABASE = 61


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def environment(process_environment: dict[str, str], mail: MailServer) -> dict[str, str]:
    more = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(mail.port), "EMAIL_FROM": "longview@record.example"}
    return {**process_environment, **more}


@pytest.fixture(scope="module")
def upkeep(environment: dict[str, str], logs: Path) -> Iterator[Child]:
    """Run a worker of the queue for the tests of this file."""
    with running(environment, logs) as child:
        yield child


@contextmanager
def running(environment: dict[str, str], logs: Path, *, name: str = "test") -> Iterator[Child]:
    child = children.start_worker(environment=environment, logs=logs, name=name, queue=UPKEEP_QUEUE)
    try:
        with redis.Redis.from_url(environment["REDIS_URL"]) as client:
            ready = lambda: children.worker_is_ready(client=client, child=child)  # noqa: E731
            processes.wait_until(ready=ready, child=child, within_s=60)
        yield child
    finally:
        processes.stop(children=[child])


@contextmanager
def broker_at(url: str) -> Iterator[None]:
    """Have this process send to another broker."""
    usual = app.conf.broker_url
    app.conf.broker_url = url
    _forget_connections()
    try:
        yield
    finally:
        app.conf.broker_url = usual
        _forget_connections()


def _forget_connections() -> None:
    pools.reset()
    app.amqp._producer_pool = None
    app._pool = None


@contextmanager
def only_worker(environment: dict[str, str], logs: Path) -> Iterator[Child]:
    """Run a worker on a Redis database of its own, to which this process sends: no other takes what it is to take."""
    address, _, helper = environment["REDIS_URL"].rpartition("/")
    own = f"{address}/{DATABASE - PER_HELPER * int(helper)}"
    with broker_at(own), running({**environment, "REDIS_URL": own}, logs, name="only") as child:
        yield child


@pytest.fixture
def posts() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


@pytest.fixture
def world(mail: MailServer) -> World:
    mail.messages.clear()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(UPKEEP_QUEUE)
    return make_world()


def wait_for(condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() < started + within_s
        time.sleep(0.02)
    return time.monotonic() - started


def states() -> set[str]:
    return set(AlertDelivery.objects.values_list("state", flat=True))


def sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "send", lambda **_: None)


@pytest.mark.usefixtures("upkeep")
def test_an_alert_is_delivered_as_soon_as_its_cause_has_been_committed(
    world: World, mail: MailServer, posts: Receiver
) -> None:
    add_officer()
    secret = registered(url=posts.url).secret
    broken(world)
    took_s = wait_for(lambda: states() == {"delivered"})
    assert took_s < DELIVER_EVERY_S / 2, "nobody waited for the clock"
    assert [sent["To"] for sent in mail.mails()] == [ADDRESS]
    assert [posted.is_signed_with(secret) for posted in posts.posted] == [True]


@pytest.mark.usefixtures("upkeep")
def test_the_clock_has_delivered_what_no_message_told_of(
    world: World,
    posts: Receiver,
    mail: MailServer,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sends_nothing(monkeypatch)
    add_officer()
    registered(url=posts.url)
    broken(world)
    beat = children.start_beat(environment=environment, logs=tmp_path)
    try:
        wait_for(lambda: states() == {"delivered"}, within_s=DELIVER_EVERY_S + PATIENCE_S)
        memory_kb = int(Path(f"/proc/{beat.process.pid}/status").read_text().split("VmRSS:")[1].split()[0])
    finally:
        processes.stop(children=[beat])
    assert (len(posts.posted), len(mail.messages)) == (1, 1)
    assert memory_kb < 100_000, "it loads nothing of what it has done"
    assert not list(Path(__file__).resolve().parents[3].glob("celerybeat*")), "it keeps no file"


def test_the_clock_names_a_task_that_there_is() -> None:
    assert tasks.deliver.name == DELIVER
    deliveries = [entry for entry in clock.conf.beat_schedule.values() if entry["task"] == DELIVER]
    assert {entry["args"] for entry in deliveries} == {(medium.value,) for medium in AlertMedium}
    assert {entry["task"] for entry in clock.conf.beat_schedule.values()} == {DELIVER, *SOURCES.values()}


def test_a_broker_that_is_away_loses_nothing_and_does_not_stop_an_emergency(world: World, posts: Receiver) -> None:
    registered(url=posts.url)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with (
            broker_at(f"redis://127.0.0.1:{silent.getsockname()[1]}/0"),
            structlog.testing.capture_logs() as logged,
        ):
            started = time.monotonic()
            broken(world)
            assert time.monotonic() - started < PATIENCE_S
    assert [line["event"] for line in logged if line["event"].startswith("alert")] == ["alerts_left_to_schedule"]
    assert states() == {"waiting"}
    tasks.deliver(AlertMedium.WEBHOOK.value)
    assert (len(posts.posted), states()) == (1, {"delivered"})


def test_a_worker_that_is_killed_before_it_has_recorded_it_tells_again_under_the_same_id(
    world: World, posts: Receiver, environment: dict[str, str], logs: Path
) -> None:
    registered(url=posts.url)
    posts.hangs_s = 5.0
    with only_worker(environment, logs) as child:
        broken(world)
        wait_for(lambda: len(posts.posted) == 1)
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
    delivery = AlertDelivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("waiting", 1)
    assert delivery.next_at > timezone.now(), "its lease keeps others away for a while"
    posts.hangs_s = 0.0
    AlertDelivery.objects.update(next_at=timezone.now())
    tasks.deliver(AlertMedium.WEBHOOK.value)
    assert [posted.id for posted in posts.posted] == [str(delivery.id)] * 2
    assert states() == {"delivered"}


def test_a_worker_that_is_told_to_stop_ends_what_it_has_begun(
    world: World, posts: Receiver, environment: dict[str, str], logs: Path
) -> None:
    registered(url=posts.url)
    posts.hangs_s = 2.0
    with only_worker(environment, logs) as child:
        broken(world)
        wait_for(lambda: len(posts.posted) == 1)
        child.process.send_signal(signal.SIGTERM)
        child.process.wait(timeout=30)
    assert states() == {"delivered"}


@pytest.mark.usefixtures("upkeep")
def test_a_task_of_the_other_queue_is_dropped(world: World, posts: Receiver, logs: Path) -> None:
    for args in (["0" * 8], ["email"], ["nothing of ours"]):
        app.send_task(run_retrieval.name, args=args, queue=UPKEEP_QUEUE)
    registered(url=posts.url)
    broken(world)
    wait_for(lambda: states() == {"delivered"})
    assert "UnknownTask" in (logs / "upkeep.log").read_text()


def test_who_comes_while_another_delivers_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[str] = []

    def round_(*, medium: AlertMedium, **_: Any) -> None:
        rounds.append(medium)
        if len(rounds) == 1:
            tasks.deliver("webhook")  # as another thread would, meanwhile

    monkeypatch.setattr(tasks, "deliver_waiting", round_)
    tasks.deliver("webhook")
    assert rounds == ["webhook", "webhook"]
    tasks.deliver("email")
    assert rounds[2:] == ["email"]
