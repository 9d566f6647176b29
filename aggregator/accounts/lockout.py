"""Locks a name out for a while, at one address, after too many failed sign-ins: before a password is hashed, since
hashing is slow on purpose."""

from __future__ import annotations

import hashlib

import redis
import structlog
from django.core.cache import cache

FAILURES_ALLOWED = 10
LOCKED_FOR_S = 15 * 60

log = structlog.get_logger(__name__)


def is_locked(*, username: str, address: str) -> bool:
    """Return whether too many sign-ins failed lately. Without Redis nothing is counted, and that is logged."""
    try:
        return int(cache.get(_key(username, address), 0)) >= FAILURES_ALLOWED
    except redis.RedisError:
        log.warning("lockout_not_counted")
        return False


def count_failure(*, username: str, address: str) -> None:
    """Count one failed sign-in; the time of the lock starts anew with each."""
    key = _key(username, address)
    try:
        cache.add(key, 0, LOCKED_FOR_S)
        cache.incr(key)
        cache.touch(key, LOCKED_FOR_S)
    except (redis.RedisError, ValueError):  # ValueError: it lapsed in between
        log.warning("lockout_not_counted")


def forget(*, username: str, address: str) -> None:
    """Forget the failures after a sign-in that worked."""
    try:
        cache.delete(_key(username, address))
    except redis.RedisError:
        log.warning("lockout_not_counted")


def _key(username: str, address: str) -> str:
    """Return a name that tells neither; user names differ in case only for whoever types them."""
    return "sign-in:" + hashlib.sha256(f"{username.casefold()}|{address}".encode()).hexdigest()
