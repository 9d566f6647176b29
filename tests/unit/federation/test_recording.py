"""How flights ended is recorded together for those that end together, and for each by itself where that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from psycopg2.errors import LockNotAvailable

from aggregator.federation.endings import Ending
from aggregator.federation.operations import Ended, Landed
from aggregator.federation.recording import Recording
from connectors.contract.outcomes import Outcome
from tests.factories import NOW


def ended() -> Ended:
    return Ended(outcome_id=uuid4(), ending=Ending(outcome=Outcome.EMPTY), landed_at=NOW)


class Database:
    """Records outcomes and tells a retrieval of each; refuses whatever holds one of `refused`, whose row is locked."""

    def __init__(self, *refused: Ended) -> None:
        self.is_away = False
        self.refused = {each.outcome_id for each in refused}
        self.statements: list[list[UUID]] = []

    async def write(self, batch: Sequence[Ended]) -> Mapping[UUID, tuple[Landed, ...]]:
        await asyncio.sleep(0.01)
        ids = [each.outcome_id for each in batch]
        self.statements.append(ids)
        if self.is_away:
            raise OperationalError
        if self.refused.intersection(ids):
            raise OperationalError from LockNotAvailable()
        return {outcome_id: (Landed(retrieval_id=outcome_id, done=True),) for outcome_id in ids}


async def told(recording: Recording, of: Sequence[Ended]) -> list[tuple[Landed, ...] | BaseException]:
    return await asyncio.gather(*(recording.record(each) for each in of), return_exceptions=True)


def retrievals(of: Sequence[Ended]) -> list[tuple[Landed, ...]]:
    return [(Landed(retrieval_id=each.outcome_id, done=True),) for each in of]


def test_all_that_end_together_are_one_statement_and_so_are_those_that_end_while_it_is_written() -> None:
    database = Database()
    together, next_ones = [ended() for _ in range(50)], [ended() for _ in range(2)]

    async def work() -> None:
        recording = Recording(write=database.write)
        first = asyncio.create_task(told(recording, together))
        await asyncio.sleep(0.005)  # the first are being written
        assert await told(recording, next_ones) == retrievals(next_ones)
        assert await first == retrievals(together)
        assert await told(recording, together[:1]) == retrievals(together[:1])

    asyncio.run(work())
    assert database.statements == [[each.outcome_id for each in of] for of in (together, next_ones, together[:1])]


def test_one_that_the_database_refuses_costs_no_other_its_outcome() -> None:
    first, refused, last = (ended() for _ in range(3))
    database = Database(refused)

    async def work() -> list[tuple[Landed, ...] | BaseException]:
        return await told(Recording(write=database.write), [first, refused, last])

    one, fault, other = asyncio.run(work())
    assert [one, other] == retrievals([first, last])
    assert isinstance(fault, OperationalError)
    assert [len(ids) for ids in database.statements] == [3, 1, 1, 1]


def test_while_the_database_is_away_it_is_asked_once_for_all() -> None:
    together, database = [ended() for _ in range(16)], Database()
    database.is_away = True

    async def work() -> None:
        recording = Recording(write=database.write)
        faults = await told(recording, together)
        assert {type(fault) for fault in faults} == {OperationalError}
        database.is_away = False
        assert await told(recording, together) == retrievals(together)

    asyncio.run(work())
    assert [len(ids) for ids in database.statements] == [16, 16]


def test_who_does_not_wait_any_more_keeps_nobody_else_waiting() -> None:
    gone, stays = ended(), ended()
    database = Database()

    async def work() -> None:
        recording = Recording(write=database.write)
        leaving = asyncio.create_task(recording.record(gone))
        staying = asyncio.create_task(recording.record(stays))
        await asyncio.sleep(0.005)
        leaving.cancel()
        assert [await staying] == retrievals([stays])
        with pytest.raises(asyncio.CancelledError):
            await leaving

    asyncio.run(work())


def test_a_retrieval_that_nobody_waits_for_is_told_of_nothing() -> None:
    one = ended()

    async def nothing_set(_: Sequence[Ended]) -> Mapping[UUID, tuple[Landed, ...]]:
        return {}

    assert asyncio.run(Recording(write=nothing_set).record(one)) == ()
