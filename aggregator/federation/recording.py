"""How flights ended: recorded for all that end at about the same time in one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from django import db
from psycopg2.errors import LockNotAvailable

from aggregator.federation.operations import Ended, Landed

Write = Callable[[Sequence[Ended]], Awaitable[Mapping[UUID, tuple[Landed, ...]]]]


class Recording:
    """What is still to be recorded, on one event loop.

    `write` records how flights ended, and returns for each, by outcome id, the retrievals to notify. While it writes,
    those that end meanwhile wait and are recorded together, so that a busy worker asks the database less often.
    """

    def __init__(self, *, write: Write) -> None:
        self._write = write
        self._pending: list[tuple[Ended, asyncio.Future[tuple[Landed, ...]]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def record(self, ended: Ended, /) -> tuple[Landed, ...]:
        """Record how a flight ended; return the retrievals to notify, each to one of those who are told together.

        Raises: what `write` raises for it alone.
        """
        recorded: asyncio.Future[tuple[Landed, ...]] = asyncio.get_running_loop().create_future()
        self._pending.append((ended, recorded))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await recorded

    async def _write_all(self) -> None:
        try:
            while self._pending:
                await asyncio.sleep(0)  # all flights that end in this turn of the loop
                batch, self._pending = self._pending, []
                if not await self._is_over(batch):
                    for each in batch:  # one at fault costs no other its outcome
                        await self._is_over([each])
        finally:
            self._writing = None

    async def _is_over(self, batch: Sequence[tuple[Ended, asyncio.Future[tuple[Landed, ...]]]]) -> bool:
        """Write a batch, and return whether all in it know what became of that."""
        try:
            landed = await self._write([ended for ended, _ in batch])
        except Exception as error:  # noqa: BLE001  it is the flights', which wait for it
            is_told = len(batch) == 1 or _is_of_all(error)
            for _, recorded in batch:
                if is_told and not recorded.done():
                    recorded.set_exception(error)
            return is_told
        for ended, recorded in batch:
            if not recorded.done():
                recorded.set_result(landed.get(ended.outcome_id, ()))
        return True


def _is_of_all(error: Exception, /) -> bool:
    """Return whether the database was away, and would be for each by itself. A row that is locked is one flight's."""
    is_away = isinstance(error, db.OperationalError | db.InterfaceError)
    return is_away and not isinstance(error.__cause__, LockNotAvailable)
