"""What it costs to ask whether a source may be asked: a pass taken and given back, beside a PING of the same Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from uuid import uuid4

from django.conf import settings

from aggregator.federation.connections import client_for_loop
from aggregator.federation.endings import Sign
from aggregator.federation.guard import SourceGuard
from benchmarks.figures import Row, Table
from benchmarks.service import Say

ROUNDS, QUICK_ROUNDS = 7, 1
TIMES, QUICK_TIMES = 2000, 50


def measure(*, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table."""
    say("  passes")
    rounds, times = (QUICK_ROUNDS, QUICK_TIMES) if quick else (ROUNDS, TIMES)
    ours, beside = asyncio.run(_rounds(rounds=rounds, times=times))
    row = Row(
        name="a pass, taken and given back (two scripts)",
        unit="ms, median",
        ours=ours,
        beside=beside,
        aim="at most 5 x",
    )
    return Table(title="Whether a source may be asked, wall time", beside="a PING, one at a time", rows=(row,))


async def _rounds(*, rounds: int, times: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    client, source_id = client_for_loop(), uuid4()
    guard = SourceGuard(client=client, most_at_once=settings.SOURCE_REQUESTS_AT_ONCE)

    async def take_and_give_back() -> None:
        async with guard.leave_to_ask(source_id=source_id, until=asyncio.get_running_loop().time() + 1) as asked:
            asked.sign = Sign.GOOD

    async def ping() -> None:
        await client.ping()

    try:
        times_of = [(await _median_ms(take_and_give_back, times), await _median_ms(ping, times)) for _ in range(rounds)]
    finally:
        await client.aclose()
    ours, beside = zip(*times_of, strict=True)
    return ours, beside


async def _median_ms(act: Callable[[], Awaitable[None]], times: int) -> float:
    await act()
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await act()
        took.append((time.perf_counter() - began) * 1000)
    return median(took)
