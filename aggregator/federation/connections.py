"""Clients of the Redis that holds answers and events, for threads and for the event loop.

When Redis restarts or a firewall drops idle connections, every pooled connection is dead, and the next command must not
fail because of it. A command is therefore retried on a fresh connection, but only briefly: a Redis that is down is
reported soon.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry
from django.conf import settings
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

# Three attempts within a second when a connection is refused or closed. A Redis that does not answer is not retried:
# waiting once takes long enough.
RETRIES, PAUSE_S, MAX_PAUSE_S = 2, 0.05, 0.2
ANSWER_S, CONNECT_S = 2.0, 1.0
# A connection that was idle for this long is checked with a PING before it is used.
IDLE_S = 15
# Connections of one event loop. Commands are short: many share few.
CONNECTIONS = 32


def client_for_threads() -> redis.Redis:
    """Return a new client for synchronous work."""
    retry = Retry(_backoff(), RETRIES, supported_errors=(redis.ConnectionError,))
    return redis.Redis.from_url(settings.HELD_REDIS_URL, retry=retry, socket_timeout=ANSWER_S, **_CONNECTION_OPTIONS)


def client_for_loop(*, waits_for_events: bool = False, max_connections: int = CONNECTIONS) -> redis.asyncio.Redis:
    """Return a new client for the running loop. One that waits for events has no read timeout.

    Of more commands at once than connections some wait for one: the library's own pool would fail them instead.
    """
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        settings.HELD_REDIS_URL,
        retry=redis.asyncio.retry.Retry(_backoff(), RETRIES, supported_errors=(redis.ConnectionError,)),
        socket_timeout=None if waits_for_events else ANSWER_S,
        max_connections=max_connections,
        timeout=ANSWER_S,
        **_CONNECTION_OPTIONS,
    )
    return redis.asyncio.Redis.from_pool(pool)


def _backoff() -> ExponentialBackoff:
    return ExponentialBackoff(cap=MAX_PAUSE_S, base=PAUSE_S)


_CONNECTION_OPTIONS: dict[str, Any] = {"socket_connect_timeout": CONNECT_S, "health_check_interval": IDLE_S}
