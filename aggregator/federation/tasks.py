"""The task that runs one retrieval. It takes an id and returns nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import kombu.exceptions
import redis
from celery import shared_task
from celery.signals import worker_shutdown
from django.conf import settings

from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval as run_fan_out


class QueueUnavailable(Exception):
    """The broker did not take the task."""


@shared_task(name="aggregator.federation.tasks.run_retrieval")
def run_retrieval(retrieval_id: str, **_later: Any) -> None:
    """Run a planned retrieval; `_later` takes what a newer sender adds during a rolling deploy."""
    running = engine()
    running.run(run_fan_out(retrieval_id=UUID(retrieval_id), engine=running), wait_s=settings.RETRIEVAL_DEADLINE_S)


def send(*, retrieval_id: UUID, deadline_at: datetime) -> None:
    """Put a retrieval on the queue; it is dropped there when its deadline passes first.

    Raises: QueueUnavailable.
    """
    try:
        run_retrieval.apply_async(args=(str(retrieval_id),), expires=deadline_at)
    except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
        raise QueueUnavailable from error


@worker_shutdown.connect
def _end_of_worker(**_: Any) -> None:
    close_engine()
