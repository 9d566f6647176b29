"""The queue: which task goes where, and how a page sends one; config/worker.py is what only a worker does."""

from __future__ import annotations

import os
from typing import Any

import kombu
from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

from django.conf import settings

# Longer than any deadline, short enough that a killed worker's tasks come back while somebody still cares.
VISIBILITY_TIMEOUT_S = 60
# A page that cannot send says so within two seconds (three tries); it does not wait for the broker to come back.
SEND_TIMEOUT_S = 0.65

# A worker that lost the broker tries it again as often as this: a retrieval waits ten seconds for a worker at most.
BACK_AGAIN_S, MOST_BACK_AGAIN_S = 0.2, 1.0


FEDERATION_QUEUE = "federation"


class Connection(kombu.Connection):
    """A connection that comes back soon; kombu's own waits two seconds, then four, and so on up to thirty."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, trying again until it works or the tries are used up."""
        pace = {"interval_start": BACK_AGAIN_S, "interval_step": BACK_AGAIN_S, "interval_max": MOST_BACK_AGAIN_S}
        return super().ensure_connection(*args, **{**pace, **kwargs})


class Queues(AMQP):
    """Celery's own, on such connections."""

    Connection = Connection


app = Celery("longview", set_as_current=True, amqp=Queues)
app.conf.update(
    broker_url=settings.REDIS_URL,
    include=["config.worker"],
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_queues={FEDERATION_QUEUE: {"exchange": FEDERATION_QUEUE, "routing_key": FEDERATION_QUEUE}},
    task_default_queue=FEDERATION_QUEUE,
    task_create_missing_queues=False,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker without a broker waits for it, however long
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


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Stop Celery from setting up logs of its own: settings have done it, and its lines hold arguments."""
