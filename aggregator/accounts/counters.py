"""Counts what happens against a limit, for all web processes together: in Redis, and while it is away in this process.

A window begins with the first thing counted and lasts as long as its limit says; then the count begins anew. So at most
twice the limit fits into any stretch of that length. All counts of one act are added, and read, in one journey.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeVar

import redis
import structlog
from django.conf import settings
from django.utils.crypto import salted_hmac

# After Redis has failed, nobody waits for it again for this long.
AWAY_FOR_S = 5.0
# Each process counts for itself while Redis is away, so each has a share of the limit.
SHARE_WHEN_AWAY = 4
MOST_KEYS = 10_000

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `most` in `window_s` seconds. `name` tells its counts from those of others."""

    name: str
    most: int
    window_s: int


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What is counted against a limit: of whom, or of what."""

    limit: Limit
    of: str

    @property
    def key(self) -> str:
        """A key that reveals nothing of whom it counts."""
        mark = salted_hmac("longview.counters", self.of, algorithm="sha256").hexdigest()
        return f"{settings.CACHES['default']['KEY_PREFIX']}:{self.limit.name}:{mark}"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a count stands. `most` is the limit in force; the window ends in `left_s` seconds."""

    tally: Tally
    count: int
    most: int
    left_s: int

    @property
    def is_reached(self) -> bool:
        """Whether nothing more is allowed."""
        return self.count >= self.most

    @property
    def is_exceeded(self) -> bool:
        """Whether what was counted last is itself too much."""
        return self.count > self.most


class Counters(Protocol):
    """Where counts are kept."""

    def read(self, *, tallies: Sequence[Tally]) -> tuple[Standing, ...]:
        """Return how each stands."""

    def add(self, *, tallies: Sequence[Tally], amount: int) -> tuple[Standing, ...]:
        """Add to each, beginning a window where there is none, and return how each stands then."""

    def prolong(self, *, tallies: Sequence[Tally]) -> None:
        """Let the window of each begin anew, with its count as it is."""

    def forget(self, *, tallies: Sequence[Tally]) -> None:
        """Forget each count."""


class SharedCounters:
    """Counts in Redis. Every method raises redis.RedisError while it is away."""

    def __init__(self, *, client: redis.Redis) -> None:
        self._client = client

    def read(self, *, tallies: Sequence[Tally]) -> tuple[Standing, ...]:
        pipeline = self._client.pipeline(transaction=False)
        for tally in tallies:
            pipeline.get(tally.key)
            pipeline.pttl(tally.key)
        answers = pipeline.execute()
        return _standings(tallies=tallies, counts=answers[0::2], left_ms=answers[1::2])

    def add(self, *, tallies: Sequence[Tally], amount: int) -> tuple[Standing, ...]:
        pipeline = self._client.pipeline(transaction=True)
        for tally in tallies:
            pipeline.set(tally.key, 0, ex=tally.limit.window_s, nx=True)
            pipeline.incrby(tally.key, amount)
            pipeline.pttl(tally.key)
        answers = pipeline.execute()
        return _standings(tallies=tallies, counts=answers[1::3], left_ms=answers[2::3])

    def prolong(self, *, tallies: Sequence[Tally]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for tally in tallies:
            pipeline.expire(tally.key, tally.limit.window_s)
        pipeline.execute()

    def forget(self, *, tallies: Sequence[Tally]) -> None:
        self._client.delete(*(tally.key for tally in tallies))


class OwnCounters:
    """Counts in this process, at a share of the limits; the keys used longest ago go when there are too many."""

    def __init__(self, *, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def read(self, *, tallies: Sequence[Tally]) -> tuple[Standing, ...]:
        with self._lock:
            return tuple(self._standing(tally) for tally in tallies)

    def add(self, *, tallies: Sequence[Tally], amount: int) -> tuple[Standing, ...]:
        with self._lock:
            for tally in tallies:
                count, ends = self._current(tally)
                self._put(tally, count=max(0, count + amount), ends=ends)
            return tuple(self._standing(tally) for tally in tallies)

    def prolong(self, *, tallies: Sequence[Tally]) -> None:
        with self._lock:
            for tally in tallies:
                count, _ = self._current(tally)
                self._put(tally, count=count, ends=time.monotonic() + tally.limit.window_s)

    def forget(self, *, tallies: Sequence[Tally]) -> None:
        with self._lock:
            for tally in tallies:
                self._counts.pop(tally.key, None)

    def _current(self, tally: Tally) -> tuple[int, float]:
        now = time.monotonic()
        count, ends = self._counts.get(tally.key, (0, 0.0))
        return (count, ends) if ends > now else (0, now + tally.limit.window_s)

    def _put(self, tally: Tally, *, count: int, ends: float) -> None:
        self._counts[tally.key] = (count, ends)
        self._counts.move_to_end(tally.key)
        while len(self._counts) > self._most_keys:
            self._counts.popitem(last=False)

    def _standing(self, tally: Tally) -> Standing:
        count, ends = self._current(tally)
        most = -(-tally.limit.most // SHARE_WHEN_AWAY)
        return Standing(tally=tally, count=count, most=most, left_s=max(1, round(ends - time.monotonic())))


class EitherCounters:
    """Counts in Redis, and in this process while Redis is away."""

    def __init__(self, *, shared: Counters, own: Counters) -> None:
        self._shared = shared
        self._own = own
        self._away_until = 0.0

    def read(self, *, tallies: Sequence[Tally]) -> tuple[Standing, ...]:
        """Return how each stands."""
        return self._either(lambda kept: kept.read(tallies=tallies))

    def add(self, *, tallies: Sequence[Tally], amount: int = 1) -> tuple[Standing, ...]:
        """Add to each, beginning a window where there is none, and return how each stands then."""
        return self._either(lambda kept: kept.add(tallies=tallies, amount=amount))

    def prolong(self, *, tallies: Sequence[Tally]) -> None:
        """Let the window of each begin anew, with its count as it is."""
        self._either(lambda kept: kept.prolong(tallies=tallies))

    def forget(self, *, tallies: Sequence[Tally]) -> None:
        """Forget each count."""
        self._either(lambda kept: kept.forget(tallies=tallies))

    def _either(self, act: Callable[[Counters], Result]) -> Result:
        if time.monotonic() >= self._away_until:
            try:
                return act(self._shared)
            except redis.RedisError as error:
                self._away_until = time.monotonic() + AWAY_FOR_S
                log.warning("counted_in_this_process", error=type(error).__name__)
        return act(self._own)


def new_redis_client() -> redis.Redis:
    """Return a client of the Redis that all web processes share. It does not wait long, nor try again."""
    place = settings.CACHES["default"]
    client: redis.Redis = redis.Redis.from_url(place["LOCATION"], retry=None, **place["OPTIONS"])
    return client


@cache
def counters() -> EitherCounters:
    """Return the counters of this process."""
    return EitherCounters(shared=SharedCounters(client=new_redis_client()), own=OwnCounters())


def _standings(
    *, tallies: Sequence[Tally], counts: Sequence[bytes | int | None], left_ms: Sequence[int]
) -> tuple[Standing, ...]:
    return tuple(
        Standing(
            tally=tally,
            count=int(count or 0),
            most=tally.limit.most,
            left_s=max(1, -(-left // 1000)),
        )
        for tally, count, left in zip(tallies, counts, left_ms, strict=True)
    )
