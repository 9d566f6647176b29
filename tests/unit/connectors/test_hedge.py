"""A second call beside a first that is slow: the budget by itself, and the transport against real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from connectors.contract.errors import Malformed, SourceError, TimedOut
from connectors.promises.serving import serving
from connectors.transport.client import Answer
from connectors.transport.hedge import LEAST_CALLS, LEAST_WAIT_S, Hedges
from connectors.transport.limits import Allowance, TransportLimits
from tests.contract.loopback import run
from tests.unit.connectors.test_transport import opened, send

LIMITS = TransportLimits(retries=0)
BODY = b'{"resourceType": "Bundle"}'


def known(*, times: int = LEAST_CALLS, took_s: float = 0.1) -> Hedges:
    hedges = Hedges(share=0.05, burst=5.0)
    for _ in range(times):
        hedges.note(took_s=took_s)
    return hedges


def test_before_anything_is_known_of_a_source_nothing_is_slow() -> None:
    assert known(times=LEAST_CALLS - 1).wait_s() is None
    assert known().wait_s() == 0.1


def test_slow_is_what_nearly_all_calls_are_sooner_than() -> None:
    hedges = Hedges(share=0.05, burst=5.0)
    for took_ms in range(100):
        hedges.note(took_s=took_ms / 1000)
    assert hedges.wait_s() == 0.095


def test_what_was_long_ago_is_forgotten() -> None:
    hedges = known(times=200, took_s=3.0)
    for _ in range(200):
        hedges.note(took_s=0.2)
    assert hedges.wait_s() == 0.2


def test_however_fast_a_source_is_the_second_call_waits_a_little() -> None:
    assert known(took_s=0.0001).wait_s() == LEAST_WAIT_S


def test_one_call_in_twenty_may_have_a_second_and_no_more_than_a_few_at_once() -> None:
    hedges = known(times=1000)
    assert sum(hedges.spend() for _ in range(100)) == 5
    for _ in range(41):
        hedges.note(took_s=0.1)
    assert sum(hedges.spend() for _ in range(100)) == 2


class Later:
    """A server that answers at once until it is told to do otherwise, and then by the number of the call from 1."""

    def __init__(self, does: Callable[[int], Awaitable[int]]) -> None:
        self.does, self.is_told, self.calls = does, False, 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if not self.is_told:
            return web.Response(body=BODY)
        self.calls += 1
        return web.Response(status=await self.does(self.calls), body=BODY)


async def hang() -> int:
    await asyncio.sleep(30)
    return 200


async def hangs_always(_call: int) -> int:
    return await hang()


async def hangs_once(call: int) -> int:
    return await hang() if call == 1 else 200


async def fails_always(_call: int) -> int:
    return 503


def asked(
    server: Later, *, times: int = 1, seconds: float = 5.0, may_hedge: bool = True, allowance: Allowance | None = None
) -> list[Answer | SourceError]:
    """Return what became of so many calls to a server of which it is known how fast it is."""

    async def work() -> list[Answer | SourceError]:
        ended: list[Answer | SourceError] = []
        async with serving(server) as base, opened(limits=LIMITS) as transport:
            for _ in range(200):
                await send(transport, f"{base}/x", may_hedge=may_hedge)
            server.is_told = True
            for _ in range(times):
                try:
                    ended.append(
                        await send(transport, f"{base}/x", may_hedge=may_hedge, seconds=seconds, allowance=allowance)
                    )
                except SourceError as error:
                    ended.append(error)
        return ended

    return run(work())


def test_a_read_that_hangs_is_answered_by_a_second_call() -> None:
    server = Later(hangs_once)
    (answer,) = asked(server)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, server.calls) == (200, BODY, 2)


def test_without_leave_there_is_no_second_call() -> None:
    server = Later(hangs_always)
    assert isinstance(asked(server, seconds=0.3, may_hedge=False)[0], TimedOut)
    assert server.calls == 1


def test_a_source_that_hangs_altogether_gets_few_second_calls() -> None:
    server = Later(hangs_always)
    assert all(isinstance(end, TimedOut) for end in asked(server, times=20, seconds=0.1))
    assert 20 < server.calls <= 20 + LIMITS.hedge_burst


def test_trouble_of_the_second_call_leaves_the_first_to_answer() -> None:
    async def second_fails(call: int) -> int:
        if call == 2:
            has_failed.set()
            return 503
        await has_failed.wait()
        await asyncio.sleep(0.05)
        return 200

    has_failed = asyncio.Event()
    server = Later(second_fails)
    (answer,) = asked(server)
    assert isinstance(answer, Answer)
    assert (answer.status, server.calls) == (200, 2)


def test_where_both_end_in_trouble_that_is_told() -> None:
    (answer,) = asked(Later(fails_always))
    assert isinstance(answer, Answer)
    assert answer.status == 503


def test_of_two_answers_one_counts_against_the_size_of_the_whole() -> None:
    ended = asked(Later(hangs_once), times=3, allowance=Allowance(left=2 * len(BODY)))
    assert [type(end) for end in ended] == [Answer, Answer, Malformed]
