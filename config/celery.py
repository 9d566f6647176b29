"""The task queue, and how tasks are sent to it. What only a worker does is in config/worker.py."""

from __future__ import annotations

import os
from typing import Any

import kombu
from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

from django.conf import settings

# A page that cannot send a task says so within two seconds (three attempts); it does not wait for the broker.
SEND_TIMEOUT_S = 0.65

# How soon a worker reconnects to the broker: a retrieval waits at most ten seconds for a worker.
RECONNECT_S, MAX_RECONNECT_S = 0.2, 1.0

FEDERATION_QUEUE = "federation"
# What may wait for a few seconds, for workers of its own, so that neither kind of work keeps the other waiting.
UPKEEP_QUEUE = "upkeep"
QUEUES = (FEDERATION_QUEUE, UPKEEP_QUEUE)
UPKEEP_TASKS = ("aggregator.alerts.", "aggregator.health.")


def queue_of(task: str, /) -> str:
    """Return the queue that a task goes by, and that workers take it from."""
    return UPKEEP_QUEUE if task.startswith(UPKEEP_TASKS) else FEDERATION_QUEUE


def route(name: str, *_: Any, **__: Any) -> dict[str, str]:
    """Return where Celery sends a task."""
    return {"queue": queue_of(name)}


class Connection(kombu.Connection):
    """A connection that reconnects soon; kombu's own waits two seconds, then four, and so on up to thirty."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, retrying until it succeeds or the attempts are used up."""
        intervals = {"interval_start": RECONNECT_S, "interval_step": RECONNECT_S, "interval_max": MAX_RECONNECT_S}
        return super().ensure_connection(*args, **{**intervals, **kwargs})


class Queues(AMQP):
    """Celery's AMQP, with these connections."""

    Connection = Connection


app = Celery("longview", set_as_current=True, amqp=Queues)
app.conf.update(
    broker_url=settings.REDIS_URL,
    broker_transport="config.messages:Transport",
    include=["config.worker"],
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_queues={queue: {"exchange": queue, "routing_key": queue} for queue in QUEUES},
    task_routes=(route,),
    task_default_queue=FEDERATION_QUEUE,
    task_create_missing_queues=False,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker waits for the broker however long it takes
    broker_channel_error_retry=True,  # and while the queue's key holds what is no list
    broker_transport_options={
        "ack_emulation": False,  # a worker that ends loses what it took, and readers infer how that ended
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


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Stop Celery from configuring logging: the settings have done so, and its messages contain task arguments."""
