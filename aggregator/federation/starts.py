"""When each flight began to ask its source: written for all that begin at about the same time in one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

log = structlog.get_logger(__name__)

# How long to wait before what the database did not take is written again. Seconds.
AGAIN_S = 0.5


@dataclass(frozen=True, kw_only=True)
class _Start:
    at: datetime
    until: float


class Starts:
    """The starts that are still to be written, on one event loop. `write` takes them by outcome id."""

    def __init__(self, *, write: Callable[[Mapping[UUID, datetime]], Awaitable[None]]) -> None:
        self._write = write
        self._pending: dict[UUID, _Start] = {}
        self._tried: dict[UUID, asyncio.Future[None]] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, *, outcome_id: UUID, at: datetime, until: float) -> None:
        """Have it written that a flight asks its source, which does not wait for that.

        Where the database cannot be reached, it is written later, until the flight's deadline has passed, a
        `loop.time()`.
        """
        self._pending[outcome_id] = _Start(at=at, until=until)
        self._tried[outcome_id] = asyncio.get_running_loop().create_future()
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())

    async def tried(self, *, outcome_id: UUID) -> None:
        """Wait until a flight's start has been written or could not be: its outcome would lock the same row."""
        if tried := self._tried.get(outcome_id):
            await tried

    async def _write_all(self) -> None:
        try:
            while self._pending:
                await asyncio.sleep(0)  # all flights that begin in this turn of the loop
                batch, self._pending = self._pending, {}
                written = await self._is_written(batch)
                for outcome_id in batch:
                    if tried := self._tried.pop(outcome_id, None):
                        tried.set_result(None)
                if not written:
                    await asyncio.sleep(AGAIN_S)
                    now = asyncio.get_running_loop().time()
                    again = {outcome_id: start for outcome_id, start in batch.items() if start.until > now}
                    self._pending = {**again, **self._pending}
        finally:
            self._writing = None

    async def _is_written(self, batch: Mapping[UUID, _Start]) -> bool:
        try:
            await self._write({outcome_id: start.at for outcome_id, start in batch.items()})
        except Exception as error:  # noqa: BLE001  the boundary: the flights go on, and their outcomes say more
            log.warning("starts_not_written", error=type(error).__name__, count=len(batch))
            return False
        return True
