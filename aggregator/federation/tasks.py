"""The tasks: one runs a retrieval, one fetches a document. They take ids and hand the work to the loop; none waits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import kombu.exceptions
import redis
from celery import Task, shared_task
from celery.signals import worker_shutdown
from django.conf import settings

from aggregator.federation import documents
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval as run_fan_out


class QueueUnavailable(Exception):
    """The broker did not take the task."""


@shared_task(name="aggregator.federation.tasks.run_retrieval")
def run_retrieval(retrieval_id: str, **_later: Any) -> None:
    """Start a planned retrieval; `_later` takes what a newer sender adds during a rolling deploy."""
    running = engine()
    running.start(run_fan_out(retrieval_id=UUID(retrieval_id), engine=running), within_s=settings.RETRIEVAL_DEADLINE_S)


@shared_task(name="aggregator.federation.tasks.fetch_document")
def fetch_document(retrieval_id: str, document_id: str, **_later: Any) -> None:
    """Start to fetch a document that was asked for."""
    running = engine()
    running.start(
        documents.fetch(retrieval_id=UUID(retrieval_id), document_id=document_id, engine=running),
        within_s=documents.DEADLINE_S,
    )


def send(*, retrieval_id: UUID, deadline_at: datetime) -> None:
    """Put a retrieval on the queue; it is dropped there when its deadline passes first.

    Raises: QueueUnavailable.
    """
    _queue(run_retrieval, str(retrieval_id), expires_at=deadline_at)


def send_document(*, retrieval_id: UUID, document_id: str, deadline_at: datetime) -> None:
    """Put a document that was asked for on the queue; it is dropped there when its deadline passes first.

    Raises: QueueUnavailable.
    """
    _queue(fetch_document, str(retrieval_id), document_id, expires_at=deadline_at)


def _queue(task: Task[..., None], *ids: str, expires_at: datetime) -> None:
    try:
        task.apply_async(args=ids, expires=expires_at)
    except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
        raise QueueUnavailable from error


@worker_shutdown.connect
def _end_of_worker(**_: Any) -> None:
    close_engine()
