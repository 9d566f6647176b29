"""One round of retrievals, and the meter that reads what it cost."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass

from benchmarks import drivers
from benchmarks.loop import Driven
from benchmarks.records import SLOWEST_MS
from benchmarks.service import Stack
from launcher.processes import Child

# After a round the worker still acknowledges and marks as finished.
SETTLE_S = 0.15


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round; CPU and requests are a retrieval's share. `cpu_ms` is the worker's or the bare loop's."""

    over_ms: tuple[float, ...]
    cpu_ms: float
    apart_ms: dict[str, float]
    a_second: float
    requests: float
    opening_ms: tuple[float, ...] = ()


class Meter:
    """Reads the CPU of all processes, and how often the sources were asked, before and after a round."""

    def __init__(self, *, stack: Stack, process: Child) -> None:
        self._stack, self._process = stack, process
        self._calls = stack.calls()
        self._used = stack.cpu_so_far(asking=process)
        self._publisher_ms = time.process_time() * 1000  # last: reading the others costs as well

    def stop(self) -> None:
        """Note what was used."""
        self._publisher_ms = time.process_time() * 1000 - self._publisher_ms
        used = self._stack.cpu_so_far(asking=self._process)
        self._used = {name: used[name] - before for name, before in self._used.items()}
        self._calls = self._stack.calls() - self._calls

    def round(self, *, driven: Driven, errors: int, opening_ms: tuple[float, ...] = ()) -> Round:
        """Return the round as figures."""
        count = len(driven.times_ms)
        share = {name: used / count for name, used in self._used.items()}
        return Round(
            over_ms=(math.inf,) if errors else tuple(one - SLOWEST_MS for one in driven.times_ms),
            cpu_ms=math.inf if errors else share["asking"],
            apart_ms={"publisher": self._publisher_ms / count, **share},
            a_second=0.0 if errors else count * 1000 / driven.whole_ms,
            requests=self._calls / count,
            opening_ms=opening_ms,
        )


async def our_round(*, service: drivers.Service, worker: Child, seconds: float, in_flight: int) -> Round:
    """Have the service retrieve records for so long, so many at once; return the round as figures."""
    meter = Meter(stack=service.stack, process=worker)
    driven = await service.drive(seconds=seconds, in_flight=in_flight)
    await asyncio.sleep(SETTLE_S)
    meter.stop()
    return meter.round(
        driven=driven, errors=driven.errors + await service.errors(), opening_ms=tuple(service.opening_ms)
    )
