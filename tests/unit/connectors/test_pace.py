"""Work in small steps gives way to others and ends at the deadline."""

from __future__ import annotations

import asyncio
import time

import pytest

from connectors.contract.errors import TimedOut
from connectors.reading import judge_entries
from connectors.transport.offload import OffloadLimits
from connectors.transport.pace import Steps, finish, finish_paced
from fhir_data.releases import Release
from fhir_data.splitting import SplitEntry


def work(*, steps: int, seconds: float = 0.0) -> Steps[int]:
    for _ in range(steps):
        time.sleep(seconds)
        yield
    return steps


def test_both_ways_give_the_result() -> None:
    async def paced() -> int:
        return await finish_paced(steps=work(steps=50), deadline=asyncio.get_running_loop().time() + 5)

    assert finish(steps=work(steps=50)) == asyncio.run(paced()) == 50


def test_others_get_their_turn_meanwhile() -> None:
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def both() -> None:
        neighbour = asyncio.create_task(other())
        await finish_paced(steps=work(steps=30, seconds=0.002), deadline=asyncio.get_running_loop().time() + 5)
        neighbour.cancel()

    asyncio.run(both())
    assert len(turns) >= 5


def test_the_deadline_ends_it() -> None:
    async def late() -> None:
        await finish_paced(steps=work(steps=10_000, seconds=0.001), deadline=asyncio.get_running_loop().time() + 0.05)

    started = time.monotonic()
    with pytest.raises(TimedOut):
        asyncio.run(late())
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(("values", "is_told"), [(100, False), (5_000, True)])
def test_before_an_entry_of_many_values_is_judged_their_number_is_told(values: int, is_told: bool) -> None:
    body = b'{"resourceType":"Basic","id":[%s]}' % b",".join([b"1"] * values)
    told = next(judge_entries(entries=[SplitEntry(whole=body, resource=body)], release=Release.STU3))
    assert (told is not None and told >= values) is is_told
    # What is not told of is below what one step on the event loop may hold.
    assert is_told or len(body) <= OffloadLimits().loop_step_values
