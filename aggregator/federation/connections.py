"""Clients of the Redis that holds answers and events, for those who work in threads and those who work on a loop.

Redis may restart, or a firewall may drop what is idle: every kept connection is then dead, and the first to use one
must not pay for it. A command is tried again on a fresh connection, briefly, so that a Redis that is away is soon said
to be.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry
from django.conf import settings
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

# All times in seconds. Three tries within a second when connections are refused or closed; a silent Redis is not
# tried again, since one silence takes long enough.
TRIES_MORE, PAUSE_S, MOST_PAUSE_S = 2, 0.05, 0.2
ANSWER_S, CONNECT_S = 2.0, 1.0
# One that was idle for so long is tried with a PING before it is used.
IDLE_S = 15


def client_for_threads() -> redis.Redis:
    """Return a new client for synchronous work."""
    retry = Retry(_backoff(), TRIES_MORE, supported_errors=(redis.ConnectionError,))
    return redis.Redis.from_url(settings.HELD_REDIS_URL, retry=retry, socket_timeout=ANSWER_S, **_KEPT)


def client_for_loop(*, waits_for_events: bool = False, **pool: Any) -> redis.asyncio.Redis:
    """Return a new client for the running loop; one that waits for events has no limit to its patience."""
    retry = redis.asyncio.retry.Retry(_backoff(), TRIES_MORE, supported_errors=(redis.ConnectionError,))
    patience_s = None if waits_for_events else ANSWER_S
    return redis.asyncio.Redis.from_url(
        settings.HELD_REDIS_URL, retry=retry, socket_timeout=patience_s, **_KEPT, **pool
    )


def _backoff() -> ExponentialBackoff:
    return ExponentialBackoff(cap=MOST_PAUSE_S, base=PAUSE_S)


_KEPT: dict[str, Any] = {"socket_connect_timeout": CONNECT_S, "health_check_interval": IDLE_S}
