"""The task on the queue `upkeep` that delivers what waits. The clock sends it, and an alert when it is raised.

It is told by which medium and nothing more: what is due stands in the table.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import kombu.exceptions
import redis
import structlog
from celery import shared_task
from celery.signals import worker_shutting_down
from django import db
from django.utils import timezone

from aggregator.alerts.delivery import deliver_waiting
from aggregator.alerts.terms import AlertMedium

log = structlog.get_logger(__name__)

# A message that no worker has taken by then is of no use: the clock has sent another.
EXPIRES = timedelta(seconds=30)

_stopping = threading.Event()


@dataclass
class _Turn:
    """One thread of this process at a time delivers by a medium. It goes round again for whoever came meanwhile."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: threading.Event = field(default_factory=threading.Event)


_turns: defaultdict[AlertMedium, _Turn] = defaultdict(_Turn)
for _medium in AlertMedium:
    _turns[_medium]  # made now: threads come at the same time


@shared_task(name="aggregator.alerts.tasks.deliver")
def deliver(medium: str, **_later: Any) -> None:
    """Deliver what waits; `_later` takes what a newer sender adds during a rolling deploy."""
    turn = _turns[AlertMedium(medium)]
    turn.wanted.set()
    while turn.wanted.is_set() and turn.lock.acquire(blocking=False):
        try:
            turn.wanted.clear()
            deliver_waiting(medium=AlertMedium(medium), clock=timezone.now, is_stopping=_stopping.is_set)
        except (db.OperationalError, db.InterfaceError) as error:
            log.warning("alerts_left_to_schedule", error=type(error).__name__)
        finally:
            turn.lock.release()


def send(*, media: Iterable[AlertMedium]) -> None:
    """Have what waits delivered now. Where the broker is away the clock does it, as soon as it is back."""
    try:
        for medium in media:
            deliver.apply_async(args=(medium.value,), expires=timezone.now() + EXPIRES)
    except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
        log.warning("alerts_left_to_schedule", error=type(error).__name__)


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    _stopping.set()
