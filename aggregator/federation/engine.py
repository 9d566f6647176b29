"""The worker process's one event loop, in a thread of its own, and everything that lives as long as the loop.

A Celery task hands its coroutine to this loop and returns at once: nothing waits in a thread. The loop itself touches
no table: reads and writes go through executors of two threads each, whose threads keep their database connections.
Celery would close its own thread's connection after every task, and the default executor of `asyncio.to_thread` would
open one per thread.
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import redis.asyncio
import structlog
import uvloop
from django import db
from django.conf import settings
from django.utils import timezone

from aggregator.federation import operations
from aggregator.federation.connections import client_for_loop
from aggregator.federation.guard import SourceGuard
from aggregator.federation.load import WorkerLoad
from aggregator.federation.operations import Ended, Landed
from aggregator.federation.reach import open_channels
from aggregator.federation.recording import Recording
from aggregator.federation.starts import Starts
from aggregator.federation.turns import FlightLimiter, Turns
from aggregator.sources import catalogue
from connectors.transport.channels import LoopChannels
from connectors.transport.offload import Offload

log = structlog.get_logger(__name__)

THREADS_PER_EXECUTOR = 2
# How long after its deadline a retrieval may still write its last outcomes.
GRACE_S = 3.0
# Retrievals that are under way at once. The others wait unread, so that a flood costs neither memory nor the database.
RETRIEVALS_AT_ONCE = 256
# Single documents may take one in so many of the turns to ask: a source that hangs with them still gives records.
DOCUMENTS_SHARE = 4
# The database is tried again after these pauses. Seconds.
FIRST_RETRY_S, MAX_RETRY_S = 0.05, 0.5
# A thread's connection is tried so often, before it is used. Seconds.
TRIED_EVERY_S = 1.0

T = TypeVar("T")


class Engine:
    """One loop, its channels, one Redis pool and the database threads. Created once per process; see `engine`.

    `limiter` says which flights of this process may ask, `documents` which of the single documents, which ask besides,
    and `guard` which sources may be asked at all. `starts` writes when they were and `outcomes` how they ended,
    `retrievals` says which retrievals may begin, and `load` how many this process takes. `closing` is set once the
    worker stops: nothing new begins then.
    """

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.limiter = FlightLimiter(per_source=settings.FLIGHTS_PER_SOURCE, in_all=settings.FLIGHTS_PER_WORKER)
        self.documents = FlightLimiter(
            per_source=max(1, settings.FLIGHTS_PER_SOURCE // DOCUMENTS_SHARE),
            in_all=max(1, settings.FLIGHTS_PER_WORKER // DOCUMENTS_SHARE),
        )
        self.retrievals = Turns(RETRIEVALS_AT_ONCE)
        self.starts = Starts(write=self._write_starts)
        self.outcomes = Recording(write=self._write_outcomes)
        self.closing = False
        self._beginning = Turns(1)
        self._running: set[Future[None]] = set()
        self._all_over_at = 0.0
        self._lock = threading.Lock()
        self._database = ThreadPoolExecutor(THREADS_PER_EXECUTOR, thread_name_prefix="database")
        self._index = ThreadPoolExecutor(THREADS_PER_EXECUTOR, thread_name_prefix="index")
        self._thread = threading.Thread(target=self._run, name="fan-out", daemon=True)
        self._thread.start()
        self.channels, self.redis = asyncio.run_coroutine_threadsafe(self._open_clients(), self.loop).result()
        self.guard = SourceGuard(client=self.redis, most_at_once=settings.SOURCE_REQUESTS_AT_ONCE)
        self.load = WorkerLoad(client=self.redis, loop=self.loop, most=RETRIEVALS_AT_ONCE)
        self.loop.call_soon_threadsafe(self.load.start)

    def start(self, coroutine: Coroutine[Any, Any, None], *, within_s: float) -> Future[None]:
        """Start a coroutine on the loop and return at once; it is stopped `within_s` seconds plus GRACE_S from now."""
        limit_s = within_s + GRACE_S
        with self._lock:
            future = asyncio.run_coroutine_threadsafe(_limited(coroutine, limit_s), self.loop)
            self._running.add(future)
            self._all_over_at = max(self._all_over_at, time.monotonic() + limit_s)
        future.add_done_callback(self._forget)
        return future

    async def in_database(self, act: Callable[[], T]) -> T:
        """Run a function that reads or records the state of a retrieval, on one of the threads for that."""
        return await self.loop.run_in_executor(self._database, _with_connection, act)

    async def in_database_once_back(self, act: Callable[[], T], *, until: float) -> T:
        """Do the same, and again while the database cannot be reached, until a `loop.time()`.

        Raises: the last db.Error.
        """
        return await once_back(partial(self.in_database, act), until=until)

    async def begin(self, act: Callable[[], T], *, until: float) -> T:
        """Run a function that reads what there is to do, one at a time: a thread stays free for outcomes that land.

        Raises: the last db.Error; TimeoutError when its turn does not come.
        """
        if not await self._beginning.take(until=until):
            raise TimeoutError
        try:
            return await self.in_database_once_back(act, until=until)
        finally:
            self._beginning.give_back()

    async def in_index(self, act: Callable[[], T], *, until: float) -> T:
        """Run a function that writes to the patient index, on threads of its own, and again like the others.

        It may have to wait for a lock on a person's row; the outcomes of other flights are recorded meanwhile.
        Raises: the last db.Error.
        """
        return await once_back(
            partial(self.loop.run_in_executor, self._index, _with_connection, act),
            until=until,
        )

    def close(self) -> None:
        """Begin nothing more, let what runs end by its own deadline, close what the engine holds and stop its loop."""
        self.closing = True
        self.loop.call_soon_threadsafe(self.retrievals.turn_away)
        with self._lock:
            running = set(self._running)
            left_s = max(0.0, self._all_over_at - time.monotonic())
        wait(running, timeout=left_s)
        asyncio.run_coroutine_threadsafe(self._close_clients(), self.loop).result(timeout=GRACE_S)
        for executor in (self._database, self._index):
            leaving = threading.Barrier(THREADS_PER_EXECUTOR)
            for _ in range(THREADS_PER_EXECUTOR):
                executor.submit(_without_connection, leaving)
            executor.shutdown(wait=True)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=GRACE_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _forget(self, future: Future[None]) -> None:
        with self._lock:
            self._running.discard(future)
        error = None if future.cancelled() else future.exception()
        if error is not None:
            log.error("task_failed", error=type(error).__name__)

    async def _write_starts(self, starts: Mapping[UUID, datetime]) -> None:
        await self.in_database(partial(operations.note_asked, starts=starts))

    async def _write_outcomes(self, ended: Sequence[Ended]) -> Mapping[UUID, tuple[Landed, ...]]:
        # The time is read on the thread: waiting for one takes time, too.
        return await self.in_database(lambda: operations.record_outcomes(ended=ended, now=timezone.now()))

    async def _open_clients(self) -> tuple[LoopChannels, redis.asyncio.Redis]:
        channels = open_channels()
        for kind in catalogue.kinds():
            channels.get(Offload).start(connector=type(catalogue.connector_for(kind=kind)))
        return channels, client_for_loop()

    async def _close_clients(self) -> None:
        await self.load.stop()
        await self.channels.close()
        await self.redis.aclose()


async def _limited(coroutine: Coroutine[Any, Any, None], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await coroutine


async def once_back(attempt: Callable[[], Awaitable[T]], *, until: float) -> T:
    """Await what writes to the database, and again while that cannot be reached, until a `loop.time()`.

    Raises: the last db.Error.
    """
    pause_s = FIRST_RETRY_S
    while True:
        try:
            return await attempt()
        except (db.IntegrityError, db.DataError, db.ProgrammingError):
            raise  # it is there, and will say the same again
        except db.Error:
            if asyncio.get_running_loop().time() + pause_s > until:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_RETRY_S)


def _with_connection(act: Callable[[], T]) -> T:
    """Run a function on this thread's connection, which is tried first, or opened anew, now and then and after a fault.

    To try it takes a statement, as many as half of what is run here; one that breaks in between costs an attempt.
    """
    now = time.monotonic()
    if now - getattr(_tried, "at", -math.inf) >= TRIED_EVERY_S:
        db.close_old_connections()
        _tried.at = now
    try:
        return act()
    except BaseException:
        _tried.at = -math.inf
        raise


def _without_connection(leaving: threading.Barrier) -> None:
    """Close this thread's connection; wait for the other threads, or one thread would run every call itself."""
    db.connections.close_all()
    leaving.wait(timeout=GRACE_S)


_tried = threading.local()
_lock = threading.Lock()
_engines: dict[int, Engine] = {}


def engine() -> Engine:
    """Return this process's engine, created by the first call. Locked: a pool's first tasks arrive at the same time."""
    with _lock:
        if os.getpid() not in _engines:
            _engines[os.getpid()] = Engine()
        return _engines[os.getpid()]


def close_engine() -> None:
    """Close this process's engine, if it has one."""
    with _lock:
        running = _engines.pop(os.getpid(), None)
    if running:
        running.close()
