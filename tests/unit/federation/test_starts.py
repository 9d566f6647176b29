"""When flights began to ask is written in one statement for all that begin together, and again where that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from aggregator.federation import starts as starts_module
from aggregator.federation.starts import Starts

HOUR_S = 3600.0


def loop_time() -> float:
    return asyncio.get_running_loop().time()


class Database:
    """Takes starts; `away` so often before it does."""

    def __init__(self, *, away: int = 0) -> None:
        self.away = away
        self.statements: list[set[UUID]] = []

    async def write(self, starts: Mapping[UUID, datetime]) -> None:
        await asyncio.sleep(0.01)
        if self.away:
            self.away -= 1
            raise OperationalError
        self.statements.append(set(starts))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts_module, "AGAIN_S", 0.01)


def test_all_that_begin_together_are_one_statement() -> None:
    database = Database()
    together, next_ones = [uuid4() for _ in range(50)], [uuid4() for _ in range(2)]

    async def work() -> None:
        starts = Starts(write=database.write)
        for outcome_id in together:
            starts.note(outcome_id=outcome_id, at=timezone.now(), until=loop_time() + HOUR_S)
        await asyncio.sleep(0.005)  # the first are being written
        for outcome_id in next_ones:
            starts.note(outcome_id=outcome_id, at=timezone.now(), until=loop_time() + HOUR_S)
        for outcome_id in (*together, *next_ones):
            await starts.tried(outcome_id=outcome_id)

    asyncio.run(work())
    assert database.statements == [set(together), set(next_ones)]


def test_what_the_database_did_not_take_is_written_later_unless_it_is_over() -> None:
    database = Database(away=3)
    goes_on, over = uuid4(), uuid4()

    async def work() -> None:
        starts = Starts(write=database.write)
        starts.note(outcome_id=goes_on, at=timezone.now(), until=loop_time() + HOUR_S)
        starts.note(outcome_id=over, at=timezone.now(), until=loop_time())
        await starts.tried(outcome_id=goes_on)
        assert database.away == 2, "an outcome waits for the first attempt only"
        await asyncio.sleep(0.2)

    asyncio.run(work())
    assert database.statements == [{goes_on}]


def test_an_outcome_of_a_flight_that_never_began_does_not_wait() -> None:
    async def work() -> None:
        async with asyncio.timeout(1):
            await Starts(write=Database().write).tried(outcome_id=uuid4())

    asyncio.run(work())


def test_a_fault_of_ours_keeps_no_flight_waiting_and_no_later_start_from_being_written() -> None:
    database, at_fault, later = Database(), uuid4(), uuid4()

    async def write(starts: Mapping[UUID, datetime]) -> None:
        if at_fault in starts:
            raise RuntimeError
        await database.write(starts)

    async def work() -> None:
        starts = Starts(write=write)
        starts.note(outcome_id=at_fault, at=timezone.now(), until=loop_time())
        async with asyncio.timeout(1):
            await starts.tried(outcome_id=at_fault)
        starts.note(outcome_id=later, at=timezone.now(), until=loop_time() + HOUR_S)
        async with asyncio.timeout(1):
            await starts.tried(outcome_id=later)

    asyncio.run(work())
    assert database.statements == [{later}]
