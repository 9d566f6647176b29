"""The closed loop that both sides are driven by: so many at once, each next one when one has ended."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Driven:
    """What a round gave: milliseconds of each, infinite for one that failed, and the milliseconds of the whole."""

    times_ms: tuple[float, ...]
    whole_ms: float

    @property
    def errors(self) -> int:
        """Return how many failed."""
        return sum(math.isinf(one) for one in self.times_ms)


async def closed_loop(*, seconds: float, in_flight: int, act: Callable[[int], Awaitable[bool]]) -> Driven:
    """Act `in_flight` at once until the time is over, each slot at least once; what has begun is waited for.

    `act` is given the number of its slot and says whether it succeeded.
    """
    times: list[float] = []
    started = time.perf_counter()

    async def slot(number: int) -> None:
        while True:
            began = time.perf_counter()
            succeeded = await act(number)
            ended = time.perf_counter()
            times.append((ended - began) * 1000 if succeeded else math.inf)
            if ended - started >= seconds:
                return

    await asyncio.gather(*(slot(number) for number in range(in_flight)))
    return Driven(times_ms=tuple(times), whole_ms=(time.perf_counter() - started) * 1000)
