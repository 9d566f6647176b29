"""The tasks on the queue `upkeep`: check the sources that are due, judge them all, and try one for who watches.

The clock sends the first two again and again, and a page the third, with the id of what is tried and nothing more.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import kombu.exceptions
import redis
import structlog
from celery import shared_task
from celery.signals import worker_shutting_down
from django import db
from django.utils import timezone

from aggregator.health.checking import check_due, judge_all
from aggregator.health.trials import run_trial

log = structlog.get_logger(__name__)

# A trial that no worker has begun by then is of no use: whoever asked for it has been told so.
TRIAL_EXPIRES = timedelta(seconds=30)

_stopping = threading.Event()
# One thread of this process at a time checks, and one judges: the next turn of the clock does what is left.
_checking, _judging = threading.Lock(), threading.Lock()


@shared_task(name="aggregator.health.tasks.check_sources")
def check_sources(**_later: Any) -> None:
    """Check the sources that are due; `_later` takes what a newer sender adds during a rolling deploy."""
    rng = random.Random()  # noqa: S311  jitter, no secret
    _in_turn(_checking, lambda: check_due(clock=timezone.now, rng=rng, is_stopping=_stopping.is_set))


@shared_task(name="aggregator.health.tasks.judge_sources")
def judge_sources(**_later: Any) -> None:
    """Judge every source by real traffic and by whether its reports come."""
    _in_turn(_judging, lambda: judge_all(now=timezone.now()))


@shared_task(name="aggregator.health.tasks.try_source")
def try_source(trial_id: str, **_later: Any) -> None:
    """Try a source, step by step."""
    run_trial(trial_id=UUID(trial_id), clock=timezone.now)


def send_trial(*, trial_id: UUID) -> None:
    """Have a source tried now. Where the queue is away the trial never begins, which its page says."""
    try:
        try_source.apply_async(args=(str(trial_id),), expires=timezone.now() + TRIAL_EXPIRES)
    except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
        log.warning("trial_not_sent", error=type(error).__name__)


def _in_turn(lock: threading.Lock, act: Callable[[], None]) -> None:
    if not lock.acquire(blocking=False):
        return
    try:
        act()
    except (db.OperationalError, db.InterfaceError) as error:
        log.warning("health_left_to_schedule", error=type(error).__name__)
    finally:
        lock.release()


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    _stopping.set()
