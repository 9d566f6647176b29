"""Sees to it that an assertion is used once, by all web processes together: in Redis, and nowhere else.

While Redis is away nobody can know whether one has been used, so none is accepted.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from uuid import UUID

import redis
from django.conf import settings
from django.utils.crypto import salted_hmac

from aggregator.accounts.counters import new_redis_client

# Redis has a clock of its own: an id is kept for this long after its assertion has expired.
KEPT_LONGER_S = 60


def use_once(*, client_id: UUID, jti: str, expires_at: datetime, now: datetime) -> bool:
    """Return whether a client uses this id for the first time, and note that it has; another client's is another.

    Raises: redis.RedisError while it cannot be known.
    """
    mark = salted_hmac("longview.jti", f"{client_id}|{jti}", algorithm="sha256").hexdigest()
    key = f"{settings.CACHES['default']['KEY_PREFIX']}:jti:{mark}"
    kept_s = int((expires_at - now).total_seconds()) + KEPT_LONGER_S
    return bool(_client().set(key, 1, ex=kept_s, nx=True))


@cache
def _client() -> redis.Redis:
    return new_redis_client()
