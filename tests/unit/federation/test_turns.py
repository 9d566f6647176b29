"""Whose turn it is: a source that hangs keeps its own turns, whoever came first is next, and a wait has its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import pytest

from aggregator.federation.turns import FlightLimiter, Overloaded, SourceBusy, Turns

SLOW, QUICK = UUID(int=1), UUID(int=2)
SOON_S = 0.05


def in_loop(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def hold(limiter: FlightLimiter, source_id: UUID, *, until_set: asyncio.Event) -> None:
    async with limiter.turn(source_id=source_id, until=later(5)):
        await until_set.wait()


async def held(limiter: FlightLimiter, source_id: UUID, count: int) -> tuple[asyncio.Event, list[asyncio.Task[None]]]:
    """Take turns and keep them until the event is set."""
    done = asyncio.Event()
    tasks = [asyncio.create_task(hold(limiter, source_id, until_set=done)) for _ in range(count)]
    await asyncio.sleep(0)
    return done, tasks


def test_a_source_at_its_limit_is_busy_and_another_is_not() -> None:
    async def work() -> None:
        limiter = FlightLimiter(per_source=2, in_all=4)
        await held(limiter, SLOW, 2)
        async with limiter.turn(source_id=QUICK, until=later(SOON_S)) as waited_s:
            assert waited_s < SOON_S
        with pytest.raises(SourceBusy):
            async with limiter.turn(source_id=SLOW, until=later(SOON_S)):
                raise AssertionError

    in_loop(work())


def test_those_who_wait_for_one_source_take_no_room_on_the_loop() -> None:
    async def work() -> None:
        limiter = FlightLimiter(per_source=1, in_all=2)
        await held(limiter, SLOW, 5)
        async with limiter.turn(source_id=QUICK, until=later(SOON_S)):
            pass

    in_loop(work())


def test_where_the_loop_is_full_no_source_is_blamed() -> None:
    async def work() -> None:
        limiter = FlightLimiter(per_source=2, in_all=2)
        await held(limiter, SLOW, 2)
        for source_id in (SLOW, QUICK):
            with pytest.raises(Overloaded):
                async with limiter.turn(source_id=source_id, until=later(SOON_S)):
                    raise AssertionError

    in_loop(work())


def test_the_time_that_we_keep_a_flight_waiting_is_told() -> None:
    async def work() -> None:
        limiter = FlightLimiter(per_source=1, in_all=1)
        done, _ = await held(limiter, SLOW, 1)
        asyncio.get_running_loop().call_later(SOON_S, done.set)
        async with limiter.turn(source_id=QUICK, until=later(5)) as waited_s:
            assert waited_s >= SOON_S * 0.9

    in_loop(work())


@pytest.mark.parametrize("free", [True, False])
def test_whoever_comes_too_late_is_not_let_in_and_it_is_our_fault(free: bool) -> None:
    async def work() -> None:
        limiter = FlightLimiter(per_source=1, in_all=2)
        if not free:
            await held(limiter, SLOW, 1)
        with pytest.raises(Overloaded):
            async with limiter.turn(source_id=SLOW, until=later(-1)):
                raise AssertionError

    in_loop(work())


def test_a_flight_that_fails_gives_its_turns_back() -> None:
    async def work() -> None:
        limiter = FlightLimiter(per_source=1, in_all=1)
        for _ in range(3):
            with pytest.raises(KeyError):
                async with limiter.turn(source_id=SLOW, until=later(SOON_S)):
                    raise KeyError

    in_loop(work())


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    async def work() -> None:
        turns, order = Turns(1), []
        assert await turns.take(until=later(1))
        assert turns.all_taken

        async def wait(number: int, until: float) -> None:
            if await turns.take(until=until):
                order.append(number)
                await asyncio.sleep(0)
                turns.give_back()

        tasks = [asyncio.create_task(wait(number, later(SOON_S if number == 2 else 5))) for number in range(5)]
        await asyncio.sleep(2 * SOON_S)  # the third has gone
        tasks[1].cancel()
        await asyncio.sleep(0)
        turns.give_back()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [0, 3, 4]
        assert not turns.all_taken

    in_loop(work())


def test_a_turn_that_came_to_somebody_cancelled_goes_to_the_next() -> None:
    async def work() -> None:
        turns = Turns(1)
        await turns.take(until=later(1))
        first, second = (asyncio.create_task(turns.take(until=later(5))) for _ in range(2))
        await asyncio.sleep(0)
        turns.give_back()  # to the first, which has not run since
        first.cancel()
        assert await second
        assert first.cancelled()

    in_loop(work())


def test_all_who_wait_can_be_turned_away() -> None:
    async def work() -> None:
        turns = Turns(1)
        await turns.take(until=later(1))
        waiting = [asyncio.create_task(turns.take(until=later(5))) for _ in range(3)]
        await asyncio.sleep(0)
        turns.turn_away()
        assert await asyncio.gather(*waiting) == [False, False, False]

    in_loop(work())
