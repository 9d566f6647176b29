"""The queue: a broker that is away is found out soon, and a worker's log holds nothing that a message brought."""

from __future__ import annotations

import base64
import json
import pickle
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings
from django.utils import timezone
from kombu import pools

from aggregator.federation import tasks
from aggregator.federation.models import Retrieval, RetrievalState
from aggregator.services.open_record import open_record
from config.celery import FEDERATION_QUEUE, app
from config.messages import checked
from tests.world import World, make_world

NAME = "EDWARDS-Joan-9990000018"
# By which the session's worker says that it is there. Another test's, for other queues, may say so late.
THIS_WORKER = f"worker:ready:test-{FEDERATION_QUEUE}@*"
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


RETRIEVE = tasks.run_retrieval.name


def message(*, arguments: Any = None, body: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return a message as Celery puts it on the queue; `changes` replace whole members, `headers__x` one of them."""
    plain = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    arguments = [[str(uuid4())], {}, plain] if arguments is None else arguments
    whole: dict[str, Any] = {
        "body": base64.b64encode(json.dumps(arguments).encode()).decode() if body is None else body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": RETRIEVE, "id": str(uuid4()), "argsrepr": "()", "kwargsrepr": "{}"},
        "properties": {
            "correlation_id": str(uuid4()),
            "delivery_mode": 2,
            "delivery_info": {"exchange": FEDERATION_QUEUE, "routing_key": FEDERATION_QUEUE},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
    for name, value in changes.items():
        member, _, inner = name.replace("content_", "content-").partition("__")
        if inner:
            whole[member][inner] = value
        else:
            whole[member] = value
    return whole


def without(member: str, inner: str = "") -> dict[str, Any]:
    whole = message()
    del (whole[member] if inner else whole)[inner or member]
    return whole


NESTED = "[" * 100_000 + "]" * 100_000
SMALL_NESTED = "[" * 6_000 + "]" * 6_000  # within the limit
BAD: dict[str, bytes | dict[str, Any] | list[Any] | int | str] = {
    "binary": bytes(range(256)),
    "nothing": b"",
    "no JSON": b"{" + NAME.encode(),
    "a list": [],
    "a number": 5,
    "a text": NAME,
    "deeply nested": NESTED.encode(),
    "deeply nested headers": json.dumps(message()).replace('"argsrepr": "()"', f'"argsrepr": {NESTED}').encode(),
    "nested, and small": SMALL_NESTED.encode(),
    "nested headers, and small": json.dumps(message())
    .replace('"argsrepr": "()"', f'"argsrepr": {SMALL_NESTED}')
    .encode(),
    "a nested body": message(body=base64.b64encode(SMALL_NESTED[500:-500].encode()).decode()),
    "bad base64": message(body="!!!" + NAME),
    "a body that is no JSON": message(body=base64.b64encode(NAME.encode()).decode()),
    "a pickled body": message(
        body=base64.b64encode(pickle.dumps([[NAME], {}, {}])).decode(), content_type="application/x-python-serialize"
    ),
    "a body of 5 MB": message(arguments=[[NAME * 200_000], {}, {}]),
    "headers of 5 MB": message(headers__argsrepr=NAME * 200_000),
    "a body that is a number": message(body=5),
    "no body": without("body"),
    "no headers": without("headers"),
    "headers that are a list": message(headers=[NAME]),
    "no task": without("headers", "task"),
    "a task that is an object": message(headers__task={"name": NAME}),
    "a task that is unknown": message(headers__task=NAME),
    "a task of Celery's own": message(headers__task="celery.map"),
    "no properties": without("properties"),
    "no delivery information": without("properties", "delivery_info"),
    "no delivery tag": without("properties", "delivery_tag"),
    "a delivery tag that is an object": message(properties__delivery_tag={"tag": NAME}),
    "another content type": message(content_type="text/plain"),
    "another encoding": message(content_encoding="utf-7"),
    "a compressed body": message(headers__compression="application/x-gzip"),
    "an unknown encoding of the body": message(properties__body_encoding=NAME),
    "a bad time": message(headers__expires=NAME),
    "a time to wait for": message(headers__eta="2999-01-01T00:00:00+00:00"),
    "an object of kombu's": message(headers__argsrepr={"__type__": "uuid", "__value__": NAME}),
    "arguments that are an object": message(arguments={"args": [NAME]}),
    "arguments of kombu's": message(arguments=[[], {"__type__": "uuid", "__value__": NAME}, {}]),
    "a task to follow": message(arguments=[[NAME], {}, {"callbacks": [{"task": RETRIEVE, "args": [NAME]}]}]),
    "arguments that the task does not take": message(arguments=[[NAME, NAME, NAME], {}, {}]),
    "an argument that is no id": message(arguments=[[NAME], {}, {}]),
}

# What we do not know of a message is left out of what is read.
HARMLESS = {"an object of kombu's"}


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def ran(retrieval_id: UUID) -> bool:
    """Wait for a retrieval to end; return whether a worker ran it."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if Retrieval.objects.get(id=retrieval_id).state == RetrievalState.FINISHED:
            return True
        time.sleep(0.02)
    return False


def running(broker: redis.Redis) -> set[bytes | None]:
    """Return the process ids of the workers; the first says its own a moment after it has begun to take messages."""
    until = time.monotonic() + PATIENCE_S
    while not (pids := {broker.get(name) for name in broker.scan_iter(THIS_WORKER)}) and time.monotonic() < until:
        time.sleep(0.02)
    assert pids
    return pids


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("form", BAD)
def test_a_bad_message_is_dropped_and_the_worker_goes_on(
    world: World, broker: redis.Redis, logs: Path, form: str
) -> None:
    bad = BAD[form]
    raw = bad if isinstance(bad, bytes) else json.dumps(bad).encode()
    log = logs / "worker.log"
    before = log.read_text()
    pids = running(broker)
    opened = []
    for _ in range(2):
        broker.lpush(FEDERATION_QUEUE, raw, raw)
        opened.append(open_record(requester=world.clinician, person_id=world.joan, now=timezone.now()))
        assert ran(opened[-1]), log.read_text()[len(before) :]
    said = log.read_text()[len(before) :]
    assert len(said.splitlines()) >= (0 if form in HARMLESS else 4), "each is logged, by us or by Celery"
    assert NAME not in said
    assert (broker.llen(FEDERATION_QUEUE), broker.hlen("unacked")) == (0, 0)
    assert running(broker) == pids


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("key", [FEDERATION_QUEUE, f"{FEDERATION_QUEUE}\x06\x163"], ids=["queue", "priority"])
def test_a_worker_outlives_a_queue_that_is_no_list(world: World, broker: redis.Redis, key: str) -> None:
    pids = running(broker)
    broker.delete(key)
    broker.set(key, "no list")
    time.sleep(3)
    broker.delete(key)
    assert ran(open_record(requester=world.clinician, person_id=world.joan, now=timezone.now()))
    assert running(broker) == pids


@pytest.mark.usefixtures("another_broker")
def test_a_message_as_we_send_it_is_taken(world: World) -> None:
    app.conf.broker_url = f"{settings.REDIS_URL.rpartition('/')[0]}/62"  # from which no worker takes it
    _forget_connections()
    with redis.Redis.from_url(app.conf.broker_url) as broker:
        broker.delete(FEDERATION_QUEUE)
        retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
        sent = broker.rpop(FEDERATION_QUEUE)
    assert isinstance(sent, bytes)
    made = json.loads(checked(message=sent, tasks=[RETRIEVE]))
    arguments, named, _ = json.loads(base64.b64decode(made["body"]))
    assert (arguments, named, made["headers"]["task"]) == ([str(retrieval_id)], {}, RETRIEVE)
    assert datetime.fromisoformat(made["headers"]["expires"]) == Retrieval.objects.get(id=retrieval_id).deadline_at
    assert checked(message=json.dumps(message()).encode(), tasks=[RETRIEVE])


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
    assert ("UnknownTask" if "unheard" in task else "ValueError") in said, "that a task failed is said, by its class"
