"""The queue: which task goes where, and how a worker starts, says that it is up, and ends."""

from __future__ import annotations

import os
import resource
import threading
from contextlib import suppress
from typing import Any

import redis
from celery import Celery
from celery.signals import celeryd_init, setup_logging, worker_ready, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

from django.conf import settings

from config.collector import settle_collector
from config.roles import warn_if_owner

READY_KEY = "worker:ready:{hostname}"
READY_FOR_S = 15
READY_EVERY_S = 5
# Longer than any deadline, short enough that a killed worker's tasks come back while somebody still cares.
VISIBILITY_TIMEOUT_S = 60
# A page that cannot send says so within two seconds (three tries); it does not wait for the broker to come back.
SEND_TIMEOUT_S = 0.65
# A worker waits for tasks on the same kind of connection, a second at a time.
RECEIVE_TIMEOUT_S = 30

app = Celery("longview", set_as_current=True)
app.conf.update(
    broker_url=settings.REDIS_URL,
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_routes={
        "aggregator.federation.tasks.*": {"queue": "federation"},
        "aggregator.mpi.tasks.*": {"queue": "index"},
        "aggregator.sources.tasks.*": {"queue": "upkeep"},
        "aggregator.audit.tasks.*": {"queue": "upkeep"},
    },
    task_queues={name: {"exchange": name, "routing_key": name} for name in ("federation", "index", "upkeep")},
    task_default_queue="upkeep",
    task_create_missing_queues=False,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "socket_timeout": SEND_TIMEOUT_S,
        "socket_connect_timeout": SEND_TIMEOUT_S,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.2,
    },
    task_publish_retry=True,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2},
    timezone="UTC",
)
app.autodiscover_tasks()

_stopping = threading.Event()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Stop Celery from setting up logs of its own: settings have done it, and its lines hold arguments."""


@celeryd_init.connect
def be_patient(conf: Any, **_: Any) -> None:
    """Give a worker's connections the time that waiting takes."""
    conf.broker_transport_options = {**conf.broker_transport_options, "socket_timeout": RECEIVE_TIMEOUT_S}
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold records in the clear


@worker_ready.connect
def announce(sender: Any, **_: Any) -> None:
    """Tell who waits for this worker that it is up, for as long as it is."""
    warn_if_owner()
    settle_collector()
    _stopping.clear()
    threading.Thread(target=_keep_announcing, args=(sender.hostname,), daemon=True).start()


@worker_shutdown.connect
def fall_silent(**_: Any) -> None:
    """Stop saying that this worker is up."""
    _stopping.set()


def _keep_announcing(hostname: str) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2)
    key = READY_KEY.format(hostname=hostname)
    while True:
        with suppress(redis.RedisError):  # the broker is away; the worker itself says so in its log
            client.set(key, os.getpid(), ex=READY_FOR_S)
        if _stopping.wait(READY_EVERY_S):
            break
    with suppress(redis.RedisError):
        client.delete(key)
