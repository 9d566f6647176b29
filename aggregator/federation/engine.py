"""The worker process's one event loop, in a thread of its own, and everything that lives as long as the loop.

A Celery task hands its coroutine to this loop and waits. The loop itself touches no table: reads and writes go through
executors of two threads each, whose threads keep their database connections. Celery would close its own thread's
connection after every task, and the default executor of `asyncio.to_thread` would open one per thread.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import redis.asyncio
import uvloop
from django import db

from aggregator.federation.connections import client_for_loop
from aggregator.federation.reach import open_channels
from connectors.transport.channels import LoopChannels

THREADS_PER_EXECUTOR = 2
# How long a task waits past its retrieval's deadline for the last outcomes to be written.
GRACE_S = 3.0

T = TypeVar("T")


class Engine:
    """One loop, its channels, one Redis pool and the database threads. Created once per process; see `engine`."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._database = ThreadPoolExecutor(THREADS_PER_EXECUTOR, thread_name_prefix="database")
        self._index = ThreadPoolExecutor(THREADS_PER_EXECUTOR, thread_name_prefix="index")
        self._thread = threading.Thread(target=self._run, name="fan-out", daemon=True)
        self._thread.start()
        self.channels, self.redis = asyncio.run_coroutine_threadsafe(self._open_clients(), self.loop).result()

    def run(self, coroutine: Coroutine[Any, Any, None], *, wait_s: float) -> None:
        """Run a coroutine on the loop and wait for it, at most `wait_s` seconds plus GRACE_S."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            future.result(timeout=wait_s + GRACE_S)
        except TimeoutError:
            future.cancel()

    async def in_database(self, act: Callable[[], T]) -> T:
        """Run a function that reads or records the state of a retrieval, on one of the threads for that."""
        return await self.loop.run_in_executor(self._database, _with_connection, act)

    async def in_index(self, act: Callable[[], T]) -> T:
        """Run a function that writes to the patient index, on threads of its own.

        It may have to wait for a lock on a person's row; the outcomes of other flights are recorded meanwhile.
        """
        return await self.loop.run_in_executor(self._index, _with_connection, act)

    def close(self) -> None:
        """Close what the engine holds and stop its loop."""
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

    async def _open_clients(self) -> tuple[LoopChannels, redis.asyncio.Redis]:
        return open_channels(), client_for_loop()

    async def _close_clients(self) -> None:
        await self.channels.close()
        await self.redis.aclose()


def _with_connection(act: Callable[[], T]) -> T:
    db.close_old_connections()
    return act()


def _without_connection(leaving: threading.Barrier) -> None:
    """Close this thread's connection; wait for the other threads, or one thread would run every call itself."""
    db.connections.close_all()
    leaving.wait(timeout=GRACE_S)


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
