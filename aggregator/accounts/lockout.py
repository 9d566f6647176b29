"""Locks a user name out for a while, at one address, after too many failed sign-ins.

Asked before a password is hashed, since hashing is slow on purpose.
"""

from __future__ import annotations

import hashlib

import redis
import structlog
from django.core.cache import cache

FAILURES_ALLOWED = 10
LOCKED_FOR_S = 15 * 60

log = structlog.get_logger(__name__)


def is_locked(*, username: str, address: str) -> bool:
    """Return whether too many sign-ins have failed lately. Without Redis nothing is counted, and that is logged."""
    try:
        return int(cache.get(_key(username, address), 0)) >= FAILURES_ALLOWED
    except redis.RedisError:
        log.warning("lockout_not_counted")
        return False


def count_failure(*, username: str, address: str) -> None:
    """Count one failed sign-in. Each restarts the time until all are forgotten."""
    key = _key(username, address)
    try:
        cache.add(key, 0, LOCKED_FOR_S)
        cache.incr(key)
        cache.touch(key, LOCKED_FOR_S)
    except (redis.RedisError, ValueError):  # ValueError: it expired in between
        log.warning("lockout_not_counted")


def forget(*, username: str, address: str) -> None:
    """Forget the failures after a successful sign-in."""
    try:
        cache.delete(_key(username, address))
    except redis.RedisError:
        log.warning("lockout_not_counted")


def _key(username: str, address: str) -> str:
    """Return a key that reveals neither; user names are compared without regard to case."""
    return "sign-in:" + hashlib.sha256(f"{username.casefold()}|{address}".encode()).hexdigest()
