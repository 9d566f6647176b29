"""The peer: a Celery task per source, the shape that many would build. It judges, sorts and seals nothing.

A task asks its source for what our connector asks it, keeps the record's bytes in Redis under a name that expires, and
says on a list that they have landed. No database has a part in it. Its HTTP client is the standard library's, on which
urllib3 and requests stand; connections are kept alive, and all threads share them. Its settings of Celery are the
service's, as far as they save it work: no results, no events, no acknowledgements, JSON.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from functools import cache
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import redis
from celery import Celery
from celery.signals import worker_ready
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.client import Pipeline

from config.process import freeze_gc

QUEUE = "task-per-source"
HEADERS = {"Accept": "application/fhir+json"}
PATIENCE_S = 60.0
KEPT_S = 120
LANDED, FAILED = b"landed", b"failed"


def peer_app(*, name: str) -> Celery:
    """Return an app of its own queue. A worker reads from CELERY_BROKER_URL where its Redis is.

    The service's app stays the current one.
    """
    made = Celery(name, set_as_current=False)
    made.conf.update(
        task_default_queue=name,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"ack_emulation": False},
    )
    return made


app = peer_app(name=QUEUE)
_idle: defaultdict[str, deque[HTTPConnection]] = defaultdict(deque)


@app.task
def retrieve(*, retrieval_id: str, source: int, addresses: Sequence[str]) -> None:
    """Ask one source, one address after the other; keep the last answer and say how it ended."""
    try:
        status, body = [_fetch(address) for address in addresses][-1]
    except (HTTPException, OSError):
        status, body = 0, b""
    with _redis().pipeline(transaction=False) as pipe:
        keep(pipe, retrieval_id=retrieval_id, source=source, status=status, body=body)
        pipe.execute()


def keep(pipe: Pipeline | AsyncPipeline, /, *, retrieval_id: str, source: int, status: int, body: bytes) -> None:
    """Keep what a source answered, and say on the retrieval's list how it ended."""
    pipe.set(f"body:{retrieval_id}:{source}", body, ex=KEPT_S)
    pipe.rpush(landed_name(retrieval_id=retrieval_id), LANDED if status == 200 else FAILED)
    pipe.expire(landed_name(retrieval_id=retrieval_id), KEPT_S)


def landed_name(*, retrieval_id: str) -> str:
    """Return the name of the list on which a retrieval's tasks say how they ended."""
    return f"landed:{retrieval_id}"


def _fetch(address: str) -> tuple[int, bytes]:
    """Return the status and the body of a GET, by a connection that is idle or by a new one."""
    url = urlsplit(address)
    idle = _idle[url.netloc]
    try:
        connection = idle.popleft()  # in turn, so that none is idle for long
    except IndexError:
        connection = HTTPConnection(url.netloc, timeout=PATIENCE_S)
    connection.request("GET", f"{url.path}?{url.query}", headers=HEADERS)
    answer = connection.getresponse()
    body = answer.read()
    idle.append(connection)
    return answer.status, body


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(app.conf.broker_read_url)


def say_ready(**_: Any) -> None:
    """Say that tasks are taken, once what start-up made is left out of garbage collection, as in our worker."""
    freeze_gc()
    print("ready", flush=True)


worker_ready.connect(say_ready)
