"""What only a worker does: warm up before its first task, and keep a heartbeat. Only workers import it."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Any

import redis
from celery.signals import celeryd_init, worker_init, worker_ready, worker_shutdown
from django.conf import settings

from aggregator.federation.engine import engine
from aggregator.sources import catalogue
from config.celery import FEDERATION_QUEUE
from config.database_roles import warn_if_owner
from config.process import forbid_core_files, freeze_gc, require_connectors, require_no_owner, require_shared_keys

READY_KEY = "worker:ready:{hostname}"
READY_FOR_S = 15
READY_EVERY_S = 5
# Workers wait for tasks for longer than pages wait when they send one.
RECEIVE_TIMEOUT_S = 30

_stopping = threading.Event()


@celeryd_init.connect
def set_worker_timeouts(conf: Any, **_: Any) -> None:
    """Let a worker's connections wait longer than a page's; refuse to start with keys that no other process has."""
    require_shared_keys()
    require_no_owner()
    require_connectors()
    conf.broker_transport_options = {**conf.broker_transport_options, "socket_timeout": RECEIVE_TIMEOUT_S}
    forbid_core_files()


@worker_init.connect
def warm_up(sender: Any, **_: Any) -> None:
    """Load what the first retrieval would otherwise wait for, in a worker that runs retrievals."""
    warn_if_owner()
    if FEDERATION_QUEUE not in sender.app.amqp.queues.consume_from:
        return
    for kind in catalogue.kinds():
        catalogue.connector_for(kind=kind).warm_up()
    engine()


@worker_ready.connect
def start_heartbeat(sender: Any, **_: Any) -> None:
    """Start announcing that this worker is up."""
    freeze_gc()
    _stopping.clear()
    threading.Thread(target=_keep_heartbeat, args=(sender.hostname,), daemon=True).start()


@worker_shutdown.connect
def stop_heartbeat(**_: Any) -> None:
    """Stop announcing that this worker is up."""
    _stopping.set()


def _keep_heartbeat(hostname: str) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2)
    key = READY_KEY.format(hostname=hostname)
    while True:
        with suppress(redis.RedisError):  # the broker is down; the worker logs that itself
            client.set(key, os.getpid(), ex=READY_FOR_S)
        if _stopping.wait(READY_EVERY_S):
            break
    with suppress(redis.RedisError):
        client.delete(key)
