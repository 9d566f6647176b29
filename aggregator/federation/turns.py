"""Whose turn it is to ask: so many flights of one source at once, and so many on the loop in all. Pure.

A source that hangs keeps its own turns and nobody else's. Those who wait are served in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID


class SourceBusy(Exception):
    """The source was still busy with our other requests when asking it no longer made sense."""


class Overloaded(Exception):
    """We were too busy to ask in time."""


class Turns:
    """So many turns at once on one event loop; whoever has waited longest is next."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[bool]] = deque()

    @property
    def all_taken(self) -> bool:
        """Whether the next who comes must wait."""
        return self._free == 0

    async def take(self, *, until: float) -> bool:
        """Wait for a turn until a `loop.time()`; return whether it came. Whoever gets one gives it back."""
        loop = asyncio.get_running_loop()
        if loop.time() >= until:
            return False
        if self._free:
            self._free -= 1
            return True
        turn: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_at(until, _answer, turn, False)
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.give_back()  # it was cancelled after its turn had come
            raise
        finally:
            timer.cancel()

    def give_back(self) -> None:
        """Pass a turn on to whoever has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1

    def turn_away(self) -> None:
        """Tell everybody who waits that no turn will come."""
        while self._waiting:
            _answer(self._waiting.popleft(), False)


class FlightLimiter:
    """Lets `per_source` flights of one source ask at once, and `in_all` of all sources."""

    def __init__(self, *, per_source: int, in_all: int) -> None:
        self._per_source = per_source
        self._sources: dict[UUID, Turns] = {}
        self._all = Turns(in_all)

    @asynccontextmanager
    async def turn(self, *, source_id: UUID, until: float) -> AsyncIterator[float]:
        """Wait for a turn to ask a source until a `loop.time()`; yield the seconds that we kept it waiting.

        The source's own turn comes first: whoever waits for a source that hangs takes no room on the loop.
        Raises: SourceBusy; Overloaded, also where both were full.
        """
        loop = asyncio.get_running_loop()
        if loop.time() >= until:
            raise Overloaded
        source = self._sources.setdefault(source_id, Turns(self._per_source))
        if not await source.take(until=until):
            raise Overloaded if self._all.all_taken else SourceBusy
        try:
            began = loop.time()
            if not await self._all.take(until=until):
                raise Overloaded
            try:
                yield loop.time() - began
            finally:
                self._all.give_back()
        finally:
            source.give_back()


def _answer(turn: asyncio.Future[bool], came: bool) -> None:
    if not turn.done():
        turn.set_result(came)
