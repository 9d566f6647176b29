"""How late an event loop runs what is ready to run: our share of the time that a request takes."""

from __future__ import annotations

import asyncio

EVERY_S = 0.1
# On a busy machine timers are always a little late: shorter delays are ignored, and this share of the time is normal.
IGNORED_S = 0.05
NORMAL_SHARE = 0.1


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
        """Return by how many seconds the loop has lagged so far, a stall that has only just ended included.

        The longest stall, or all stalls less what is normal, whichever is more.
        """
        late_s = self._late_s()
        normal_s = NORMAL_SHARE * (self._loop.time() - self._began)
        return max(self._longest_s, late_s, self._total_s + late_s - normal_s)

    def _late_s(self) -> float:
        late_s = self._loop.time() - self._due
        return late_s if late_s > IGNORED_S else 0.0

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self._due - self._loop.time())
            late_s = self._late_s()
            self._total_s += late_s
            self._longest_s = max(self._longest_s, late_s)
            self._due = self._loop.time() + EVERY_S
