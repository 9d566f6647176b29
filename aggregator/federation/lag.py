"""How long an event loop keeps waiting what is ready to run: our share of an asking's time."""

from __future__ import annotations

import asyncio

EVERY_S = 0.1
# A busy machine delays every timer a little; what is shorter is no lag of ours.
UNNOTICED_S = 0.05


class LagMeter:
    """Adds up the lag of the running loop while it runs: `async with LagMeter() as meter`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lag_s = 0.0
        self._due = self._loop.time() + EVERY_S
        self._measuring: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LagMeter:
        self._measuring = asyncio.create_task(self._measure())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._measuring is not None:
            self._measuring.cancel()

    @property
    def lag_s(self) -> float:
        """Return the seconds that the loop has lagged so far, those of a stall that is just over included."""
        return self._lag_s + self._late_s()

    def _late_s(self) -> float:
        late_s = self._loop.time() - self._due
        return late_s if late_s > UNNOTICED_S else 0.0

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self._due - self._loop.time())
            self._lag_s += self._late_s()
            self._due = self._loop.time() + EVERY_S
