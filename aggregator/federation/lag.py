"""How late an event loop runs what is ready to run: our share of the time that a request takes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S = 0.1
# On a busy machine timers are always a little late: shorter delays are ignored, and this share of the time is normal.
IGNORED_S = 0.05
NORMAL_SHARE = 0.1


class LoopLag:
    """Measures the lag of a loop by one timer for all that is under way on it, and not at all while nothing is.

    `note` is told of each measurement, in seconds. Only the loop itself may use it.
    """

    def __init__(self, *, loop: asyncio.AbstractEventLoop, note: Callable[[float], None]) -> None:
        self._loop = loop
        self._note = note
        self._meters: set[LagMeter] = set()
        self._due = math.inf

    @contextmanager
    def measured(self) -> Iterator[LagMeter]:
        """Measure from here to the end of the block."""
        meter = LagMeter(lag=self, now=self._loop.time())
        self._meters.add(meter)
        if math.isinf(self._due):
            self._set_timer()
        try:
            yield meter
        finally:
            self._meters.discard(meter)

    def late_s(self) -> tuple[float, float]:
        """Return the time, and by how much the timer is late by then."""
        now = self._loop.time()
        return now, max(0.0, now - self._due)

    def _set_timer(self) -> None:
        self._due = self._loop.time() + EVERY_S
        self._loop.call_at(self._due, self._measure)

    def _measure(self) -> None:
        now, late_s = self.late_s()
        self._note(late_s)
        for meter in self._meters:
            meter.note(now=now, late_s=late_s)
        if self._meters:
            self._set_timer()
        else:
            self._due = math.inf


class LagMeter:
    """The lag of a loop since a moment."""

    def __init__(self, *, lag: LoopLag, now: float) -> None:
        self._lag = lag
        self._began = now
        self._total_s = 0.0
        self._longest_s = 0.0

    @property
    def lag_s(self) -> float:
        """Return by how many seconds the loop has lagged so far, a stall that has only just ended included.

        The longest stall, or all stalls less what is normal, whichever is more.
        """
        now, late_s = self._lag.late_s()
        late_s = self._counted(now=now, late_s=late_s)
        normal_s = NORMAL_SHARE * (now - self._began)
        return max(self._longest_s, late_s, self._total_s + late_s - normal_s)

    def note(self, *, now: float, late_s: float) -> None:
        """Count a measurement."""
        late_s = self._counted(now=now, late_s=late_s)
        self._total_s += late_s
        self._longest_s = max(self._longest_s, late_s)

    def _counted(self, *, now: float, late_s: float) -> float:
        """Return how much of a lag counts: what was before this began is another's."""
        late_s = min(late_s, now - self._began)
        return late_s if late_s > IGNORED_S else 0.0
