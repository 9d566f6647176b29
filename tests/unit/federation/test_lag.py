"""The lag of a loop is measured while it stands still, and is nothing while it runs."""

from __future__ import annotations

import asyncio
import time

from aggregator.federation.lag import LagMeter


def test_a_loop_that_stands_still_lags_by_as_much() -> None:
    async def measured() -> float:
        async with LagMeter() as meter:
            await asyncio.sleep(0.05)
            time.sleep(0.4)
            at_once = meter.lag_s
            await asyncio.sleep(0.15)
            assert abs(meter.lag_s - at_once) < 0.1
            return at_once

    assert 0.2 < asyncio.run(measured()) < 0.8
