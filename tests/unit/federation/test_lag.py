"""The lag of a loop is measured while it stands still, and is nothing while it runs."""

from __future__ import annotations

import asyncio
import time

from aggregator.federation.lag import EVERY_S, LoopLag


def loop_lag(told: list[float]) -> LoopLag:
    return LoopLag(loop=asyncio.get_running_loop(), note=told.append)


def test_a_loop_that_stands_still_lags_by_as_much() -> None:
    async def measured() -> float:
        with loop_lag([]).measured() as meter:
            await asyncio.sleep(0.05)
            time.sleep(0.4)
            at_once = meter.lag_s
            await asyncio.sleep(0.15)
            assert abs(meter.lag_s - at_once) < 0.1
            return at_once

    assert 0.2 < asyncio.run(measured()) < 0.8


def test_all_that_is_under_way_sees_one_stall_and_what_began_after_it_sees_none() -> None:
    async def measured() -> tuple[float, float, float]:
        lag = loop_lag([])
        with lag.measured() as first, lag.measured() as second:
            await asyncio.sleep(0.01)
            time.sleep(0.4)
            with lag.measured() as later:
                await asyncio.sleep(0.01)
                return first.lag_s, second.lag_s, later.lag_s

    first, second, later = asyncio.run(measured())
    assert 0.2 < first < 0.8
    assert abs(first - second) < 0.01
    assert later == 0


def test_nothing_is_measured_while_nothing_is_under_way_and_it_is_again_once_something_is() -> None:
    async def measured() -> list[int]:
        told: list[float] = []
        lag = loop_lag(told)
        counts = []
        for _ in range(2):
            await asyncio.sleep(3 * EVERY_S)
            counts.append(len(told))
            with lag.measured():
                await asyncio.sleep(3.5 * EVERY_S)
            await asyncio.sleep(1.5 * EVERY_S)  # the timer that was set runs out
            counts.append(len(told))
        return counts

    before, after, idle, again = asyncio.run(measured())
    assert before == 0
    assert idle == after > 0
    assert again > idle
