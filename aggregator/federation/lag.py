"""How long an event loop keeps waiting what is ready to run: our share of an asking's time."""

from __future__ import annotations

import asyncio

EVERY_S = 0.1
# A busy machine delays timers: what is shorter is no lag, and so much of the time in longer ones is usual.
UNNOTICED_S = 0.05
USUAL_SHARE = 0.1


class LagMeter:
    """Measures the lag of the running loop while it runs: `async with LagMeter() as meter`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._total_s = 0.0
        self._longest_s = 0.0
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
        """Return the seconds that the loop has lagged so far, those of a stall that is just over included.

        The longest stall, or all of them less what is usual, whichever is more.
        """
        late_s = self._late_s()
        usual_s = USUAL_SHARE * (self._loop.time() - self._began)
        return max(self._longest_s, late_s, self._total_s + late_s - usual_s)

    def _late_s(self) -> float:
        late_s = self._loop.time() - self._due
        return late_s if late_s > UNNOTICED_S else 0.0

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self._due - self._loop.time())
            late_s = self._late_s()
            self._total_s += late_s
            self._longest_s = max(self._longest_s, late_s)
            self._due = self._loop.time() + EVERY_S
