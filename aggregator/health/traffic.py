"""What real traffic says of sources, as the rule takes it. The one place that knows where those figures are kept.

How often and how fast a source answered is told by the outcomes in the database, its breaker by the Redis that all
workers share.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import redis
import structlog

from aggregator.federation.connections import client_for_threads
from aggregator.federation.guard import breakers_of, forget
from aggregator.federation.queries import recent_figures
from aggregator.health.terms import Traffic

log = structlog.get_logger(__name__)

LOOK_BACK = timedelta(minutes=5)
# Of fewer requests no share is worth anything.
LEAST_REQUESTS = 10


def traffic_of_sources(*, sources: Mapping[UUID, datetime | None], now: datetime) -> dict[UUID, Traffic]:
    """Return what real requests say of sources, for each of them.

    `sources` says of each since when it is asked as it is now, None for always.
    Raises: redis.RedisError when Redis cannot be reached.
    """
    breakers = breakers_of(client=_client(), source_ids=list(sources), now=now)
    recent = recent_figures(sources=sources, since=now - LOOK_BACK)
    said: dict[UUID, Traffic] = {}
    for source_id in sources:
        figures, breaker = recent.get(source_id), breakers.get(source_id)
        is_enough = figures is not None and figures.requests >= LEAST_REQUESTS
        said[source_id] = Traffic(
            success=round(figures.answered / figures.requests, 3) if figures and is_enough else None,
            p50_ms=figures.p50_ms if figures and is_enough else None,
            p95_ms=figures.p95_ms if figures and is_enough else None,
            breaker=breaker.state if breaker else "",
            failure=breaker.failure if breaker else "",
            failed_at=breaker.failed_at if breaker else None,
        )
    return said


def forget_breaker(*, source_id: UUID) -> None:
    """Have a source asked as usual with the next request, whatever it did before; where Redis is away it rests on."""
    try:
        forget(client=_client(), source_id=source_id)
    except redis.RedisError as error:
        log.warning("breaker_not_forgotten", source_id=str(source_id), error=type(error).__name__)


@cache
def _client() -> redis.Redis:
    return client_for_threads()
