"""What is under way and what workers take, shared by all processes through the Redis that holds answers.

A retrieval that is let in has a place in one sorted set until it is over, and at most until its deadline, and so has a
document that is fetched by itself; each worker says several times a second what it takes, with the time by the clock of
Redis. Both lapse by themselves. While Redis cannot be asked everything is let in.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any
from uuid import UUID, uuid4

import msgspec
import redis
import redis.asyncio
import structlog

from aggregator.errors import TooBusy
from aggregator.federation import admission
from aggregator.federation.admission import Lateness, Load
from aggregator.federation.clock import STEP_S
from aggregator.federation.connections import client_for_threads
from aggregator.federation.lag import LoopLag

log = structlog.get_logger(__name__)
_RNG = random.Random()  # noqa: S311  it spreads those who come back, and keeps no secret

UNDER_WAY, WORKERS, SHED = "load:under-way", "load:workers", "load:shed"
# How often a worker says what it takes: while something is under way, and while nothing is. Seconds.
SAID_EVERY_S, SAID_IDLE_EVERY_S = 0.25, 0.5
# What a worker said counts for so long: one that is held up, or has ended, says nothing. Seconds.
SAID_COUNTS_S = 3.0
KEPT_S = 24 * 3600


class Said(msgspec.Struct, frozen=True):
    """What a worker says of itself. `at` is in seconds since 1970 by the clock of Redis, and `ahead_s` how far the
    worker's own is ahead of that."""

    at: float
    limit: int
    under_way: int
    late_s: float
    ahead_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LoadSeen:
    """The load as an operator sees it. `late_s` is of the worker that is latest, None without any.

    `apart_s`: how far the clocks of those who serve the pages and of the workers lie apart.
    """

    under_way: int
    limit: int | None
    late_s: float | None
    shed: int
    apart_s: float


def take_place(*, work_id: UUID, until: datetime, emergency: bool, now: datetime) -> bool:
    """Return whether a retrieval or document is let in, which then has a place until that is given back, or `until`."""
    member = str(work_id)
    try:
        with _client().pipeline(transaction=True) as pipe:
            pipe.zremrangebyscore(UNDER_WAY, "-inf", now.timestamp())
            pipe.zadd(UNDER_WAY, {member: until.timestamp()})
            pipe.zcard(UNDER_WAY)
            pipe.hgetall(WORKERS)
            pipe.time()
            _, _, count, said, time_told = pipe.execute()
        limits = tuple(worker.limit for worker in _live(said, at=_seconds(time_told)))
        if admission.is_let_in(Load(under_way=count, limits=limits), emergency=emergency):
            return True
        with _client().pipeline(transaction=True) as pipe:
            pipe.zrem(UNDER_WAY, member)
            pipe.incr(SHED)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("load_not_asked", error=type(error).__name__)
        return True
    return False


def too_busy(*, to: str) -> TooBusy:
    """Return the error that tells somebody who was not let in to come back; `to` is what they wanted to do."""
    seconds = admission.retry_after_s(rng=_RNG)
    words = f"The service is too busy to {to} just now. Try again in {seconds} seconds."
    return TooBusy(words, retry_after_s=seconds)


def give_back(*, work_id: UUID) -> None:
    """Give back the place of a retrieval or document that no worker will take; where that fails it lapses."""
    try:
        _client().zrem(UNDER_WAY, str(work_id))
    except redis.RedisError as error:
        log.warning("load_not_told", error=type(error).__name__)


def load_seen(*, client: redis.Redis, now: datetime) -> LoadSeen:
    """Return the load as it is.

    Raises: redis.RedisError.
    """
    with client.pipeline(transaction=False) as pipe:
        pipe.zcount(UNDER_WAY, now.timestamp(), "+inf")
        pipe.hgetall(WORKERS)
        pipe.get(SHED)
        pipe.time()
        count, said, shed, time_told = pipe.execute()
    at = _seconds(time_told)
    live = _live(said, at=at)
    ahead = [now.timestamp() - at, *(worker.ahead_s for worker in live)]
    return LoadSeen(
        under_way=count,
        limit=sum(worker.limit for worker in live) if live else None,
        late_s=max((worker.late_s for worker in live), default=None),
        shed=int(shed or 0),
        apart_s=max(ahead) - min(ahead),
    )


class WorkerLoad:
    """How late this worker is and what it takes, on its event loop. `lag` measures that for all that is under way."""

    def __init__(self, *, client: redis.asyncio.Redis, loop: asyncio.AbstractEventLoop, most: int) -> None:
        self._client = client
        self._id = uuid4().hex
        self._lateness = Lateness()
        self.lag = LoopLag(loop=loop, note=self._lateness.note_loop)
        self._controller = admission.begin(most=most)
        self._under_way = 0
        self._ahead_s = 0.0
        self._saying: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to say it, on the running loop."""
        self._saying = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Say no more, and take nothing more."""
        for task in filter(None, (self._saying, self._telling)):
            task.cancel()
        await self._told(partial(self._client.hdel, WORKERS, self._id))

    def took(self) -> None:
        """Note that a retrieval or document was taken from the queue."""
        self._under_way += 1

    def began(self, *, waited_s: float) -> None:
        """Note that a retrieval has begun, so long after it was sent."""
        self._lateness.note_begun(waited_s)

    def ended(self) -> None:
        """Note that what was taken from the queue is over, whether or not there was anything to do."""
        self._under_way -= 1

    async def give_back(self, *, work_id: UUID) -> None:
        """Give back the place of a retrieval or document that was done here and is over.

        A message may come twice: what it finds nothing to do for may still be under way elsewhere, and keeps its place.
        """
        await self._told(partial(self._client.zrem, UNDER_WAY, str(work_id)))

    async def _run(self) -> None:
        await self._told(self._forget_the_dead)
        await self._told(self._compare_clocks)
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(SAID_EVERY_S if self._under_way else SAID_IDLE_EVERY_S)
            late_s = self._lateness.take()
            self._controller = admission.judged(self._controller, late_s=late_s, under_way=self._under_way, now=clock())
            said = Said(
                at=time.time() - self._ahead_s,
                limit=int(self._controller.limit),
                under_way=self._under_way,
                late_s=round(late_s, 4),
                ahead_s=round(self._ahead_s, 4),
            )
            if self._telling is None or self._telling.done():  # while it is late, so is what it says
                self._telling = asyncio.create_task(self._told(partial(self._say, said)))

    async def _forget_the_dead(self) -> None:
        """Delete what workers said that ended without a word."""
        said: Mapping[Any, Any] = await self._client.hgetall(WORKERS)
        at = _seconds(await self._client.time())
        if dead := [key for key, value in said.items() if not _live({key: value}, at=at)]:
            await self._client.hdel(WORKERS, *dead)

    async def _compare_clocks(self) -> None:
        self._note_clock(_seconds(await self._client.time()))

    def _note_clock(self, at: float, /) -> None:
        """Note what the clock of Redis says now."""
        ahead_s = time.time() - at
        if abs(ahead_s - self._ahead_s) > STEP_S:
            log.warning("clock_is_off", ahead_s=round(ahead_s, 1))
        self._ahead_s = ahead_s

    async def _say(self, said: Said) -> None:
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.hset(WORKERS, self._id, msgspec.json.encode(said))
            pipe.expire(WORKERS, KEPT_S)
            pipe.time()
            *_, time_told = await pipe.execute()
        self._note_clock(_seconds(time_told))

    async def _told(self, tell: Callable[[], Awaitable[object]]) -> None:
        try:
            await tell()
        except (redis.RedisError, OSError) as error:
            log.warning("load_not_told", error=type(error).__name__)


def _live(said: Mapping[Any, bytes], *, at: float) -> list[Said]:
    workers = [worker for value in said.values() if (worker := _read(value))]
    return [worker for worker in workers if at - worker.at <= SAID_COUNTS_S]


def _seconds(time_told: tuple[int, int], /) -> float:
    """Return what Redis says that the time is in seconds since 1970."""
    seconds, microseconds = time_told
    return seconds + microseconds / 1_000_000


def _read(value: bytes) -> Said | None:
    """Return what a worker said; None where it is of another version and cannot be read."""
    try:
        return msgspec.json.decode(value, type=Said)
    except msgspec.MsgspecError:
        return None


@cache
def _client() -> redis.Redis:
    return client_for_threads()
