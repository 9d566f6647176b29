"""Whether a source may be asked now, decided for all workers at once, on the Redis that they share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from aggregator.federation import connections, guard
from aggregator.federation.connections import client_for_loop, client_for_threads
from aggregator.federation.endings import Sign
from aggregator.federation.guard import Breaker, BreakerState, Busy, Resting, SourceGuard, breakers_of

Work = Callable[[SourceGuard, UUID], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the times between tries be of a test's length."""
    monkeypatch.setattr(guard, "AGAIN_S", 0.01)


@pytest.fixture(autouse=True)
def time_for_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Redis waited for on a busy machine: whoever cannot ask it is let in, which one test alone is about."""
    monkeypatch.setattr(connections, "ANSWER_S", 30.0)
    monkeypatch.setitem(connections._CONNECTION_OPTIONS, "socket_connect_timeout", 30.0)


@asynccontextmanager
async def a_guard(*, most_at_once: int = 100, rest_s: float = 0.2) -> AsyncIterator[SourceGuard]:
    client = client_for_loop()
    try:
        yield SourceGuard(client=client, most_at_once=most_at_once, rest_s=rest_s)
    finally:
        await client.aclose()


def run(work: Work, **options: Any) -> UUID:
    """Run some work with a guard and a source of its own; return the source's id."""
    source_id = uuid4()

    async def all_of_it() -> None:
        async with a_guard(**options) as made:
            await work(made, source_id)

    asyncio.run(all_of_it())
    return source_id


async def ask(made: SourceGuard, source_id: UUID, *, sign: Sign, took_s: float = 0.0, **told: Any) -> None:
    until = asyncio.get_running_loop().time() + 0.05
    async with made.leave_to_ask(source_id=source_id, until=until) as asked:
        await asyncio.sleep(took_s)
        asked.sign = sign
        for name, value in told.items():
            setattr(asked, name, value)


def breaker(source_id: UUID) -> Breaker:
    return breakers_of(client=client_for_threads(), source_ids=[source_id], now=timezone.now())[source_id]


async def fail(made: SourceGuard, source_id: UUID, *, times: int = guard.FAILURES) -> None:
    for _ in range(times):
        await ask(made, source_id, sign=Sign.BAD, what="connection")


# The breaker


def test_a_source_that_fails_in_a_row_rests_and_it_is_said_since_when() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        await fail(made, source_id, times=guard.FAILURES - 1)
        await ask(made, source_id, sign=Sign.GOOD)
        await fail(made, source_id)
        for _ in range(50):
            with pytest.raises(Resting) as resting:
                await ask(made, source_id, sign=Sign.GOOD)
        assert abs(resting.value.since - timezone.now()) < timedelta(seconds=5)

    found = breaker(run(work, rest_s=30.0))
    assert (found.state, found.failure, found.at_once) == (BreakerState.OPEN, "connection", 0)
    assert found.resting_since is not None
    assert found.failed_at is not None
    assert abs(found.failed_at - timezone.now()) < timedelta(seconds=5)


@pytest.mark.parametrize("sign", [Sign.GOOD, Sign.NEITHER])
def test_what_says_nothing_bad_of_a_source_never_makes_it_rest(sign: Sign) -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        for _ in range(3 * guard.FAILURES):
            await ask(made, source_id, sign=sign)

    assert run(work)


def test_failures_that_lie_far_apart_are_not_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "IN_A_ROW_S", 0.01)

    async def work(made: SourceGuard, source_id: UUID) -> None:
        for _ in range(2 * guard.FAILURES):
            await fail(made, source_id, times=1)
            await asyncio.sleep(0.03)

    assert breaker(run(work)).state is BreakerState.CLOSED


def test_of_two_hundred_who_ask_at_once_when_it_has_rested_exactly_one_goes() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        await fail(made, source_id)
        await asyncio.sleep(0.3)
        inside, together = asyncio.Event(), 0

        async def one() -> bool:
            nonlocal together
            try:
                async with made.leave_to_ask(source_id=source_id, until=asyncio.get_running_loop().time()) as asked:
                    together += 1
                    await inside.wait()
                    asked.sign = Sign.GOOD
            except Resting:
                return False
            return True

        everybody = [asyncio.create_task(one()) for _ in range(200)]
        await asyncio.wait(everybody, return_when=asyncio.ALL_COMPLETED, timeout=1.0)
        assert together == 1
        assert sum(each.done() for each in everybody) == 199
        inside.set()
        assert sum(await asyncio.gather(*everybody)) == 1
        await ask(made, source_id, sign=Sign.GOOD)  # and it is back

    assert breaker(run(work)).state is BreakerState.CLOSED


def test_one_that_fails_again_rests_for_longer_and_since_the_first_time() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        await fail(made, source_id)
        first = breaker(source_id)
        await asyncio.sleep(0.25)
        assert breaker(source_id).state is BreakerState.HALF_OPEN
        await ask(made, source_id, sign=Sign.BAD)
        second = breaker(source_id)
        assert second.resting_since == first.resting_since
        assert second.until is not None
        assert second.until - timezone.now() > timedelta(seconds=0.25)

    run(work)


def test_a_probe_of_which_nothing_is_heard_makes_way_for_another() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        await fail(made, source_id)
        await asyncio.sleep(0.25)
        await ask(made, source_id, sign=Sign.NEITHER)  # it was cancelled, or failed by our own fault
        await ask(made, source_id, sign=Sign.GOOD)

    assert breaker(run(work)).state is BreakerState.CLOSED


def test_one_that_asks_to_be_left_alone_is_for_as_long_as_it_says() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        await ask(made, source_id, sign=Sign.BAD, rest_s=0.5)
        with pytest.raises(Resting):
            await ask(made, source_id, sign=Sign.GOOD)
        await asyncio.sleep(0.6)
        await ask(made, source_id, sign=Sign.GOOD)

    run(work)


async def told_to_come_back(made: SourceGuard, source_id: UUID, *, rests_s: Sequence[float]) -> None:
    """Ask so many times at once, and be told one after the other to come back after so long."""
    until = asyncio.get_running_loop().time() + 5
    asking = [made.leave_to_ask(source_id=source_id, until=until) for _ in rests_s]
    asked = [await each.__aenter__() for each in asking]
    for leave, said, rest_s in zip(asking, asked, rests_s, strict=True):
        said.sign, said.rest_s = Sign.BAD, rest_s
        await leave.__aexit__(None, None, None)


def test_one_that_tells_many_at_once_to_come_back_rests_no_longer_for_that() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        await told_to_come_back(made, source_id, rests_s=[1.0] * 20)

    found = breaker(run(work, rest_s=15.0))
    assert found.state is BreakerState.OPEN
    assert found.until is not None
    assert found.until - timezone.now() < timedelta(seconds=1.1)


def test_of_several_moments_to_come_back_at_the_last_counts() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        await told_to_come_back(made, source_id, rests_s=[1.0, 60.0, 1.0, 0.0, 0.0, 0.0])

    found = breaker(run(work, rest_s=0.2))
    assert found.until is not None
    assert timedelta(seconds=55) < found.until - timezone.now() < timedelta(seconds=61)


def test_one_that_is_told_late_to_come_back_lets_no_second_probe_through() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        loop = asyncio.get_running_loop()
        late = made.leave_to_ask(source_id=source_id, until=loop.time())
        asked = await late.__aenter__()
        await fail(made, source_id)
        await asyncio.sleep(0.25)
        async with made.leave_to_ask(source_id=source_id, until=loop.time()) as probe:
            asked.sign, asked.rest_s = Sign.BAD, 0.05
            await late.__aexit__(None, None, None)
            await asyncio.sleep(0.5)
            with pytest.raises(Resting):
                await ask(made, source_id, sign=Sign.GOOD)
            probe.sign = Sign.GOOD

    assert breaker(run(work)).state is BreakerState.CLOSED


# The bulkhead


def test_no_more_are_let_in_than_may_be_however_many_come_at_once() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        come, most, together = 0, 0, 0
        all_have_come = asyncio.Event()

        def has_come() -> None:
            nonlocal come
            come += 1
            if come == 200:
                all_have_come.set()

        async def one() -> bool:
            nonlocal most, together
            try:
                async with made.leave_to_ask(source_id=source_id, until=asyncio.get_running_loop().time()) as asked:
                    together += 1
                    most = max(most, together)
                    has_come()
                    await all_have_come.wait()  # none leaves before: however long it takes to ask for 200
                    together -= 1
                    asked.sign = Sign.GOOD
            except Busy:
                has_come()
                return False
            return True

        let_in = await asyncio.gather(*(one() for _ in range(200)))
        assert (most, sum(let_in)) == (30, 30)

    assert breaker(run(work, most_at_once=30)).at_once == 0


def test_who_waits_gets_a_place_when_one_is_free_and_is_told_when_none_came() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        loop = asyncio.get_running_loop()
        async with made.leave_to_ask(source_id=source_id, until=loop.time()):
            with pytest.raises(Busy):
                await ask(made, source_id, sign=Sign.GOOD)
            waiting = asyncio.create_task(_waits(made, source_id))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        await waiting

    async def _waits(made: SourceGuard, source_id: UUID) -> None:
        async with made.leave_to_ask(source_id=source_id, until=asyncio.get_running_loop().time() + 2.0):
            pass

    run(work, most_at_once=1)


def test_a_slow_source_that_is_asked_often_is_given_more_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LEAST_AT_ONCE", 2)
    monkeypatch.setattr(guard, "UNKNOWN_P95_S", 0.0)

    async def let_in(made: SourceGuard, source_id: UUID) -> int:
        async def one() -> bool:
            try:
                async with made.leave_to_ask(source_id=source_id, until=asyncio.get_running_loop().time()) as asked:
                    await asyncio.sleep(0.4)
                    asked.sign = Sign.GOOD
            except Busy:
                return False
            return True

        return sum(await asyncio.gather(*(one() for _ in range(60))))

    async def work(made: SourceGuard, source_id: UUID) -> None:
        assert await let_in(made, source_id) == 2
        learned = await let_in(made, source_id)
        assert 2 < learned < 60

    run(work)


def test_a_place_whose_worker_was_killed_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PASS_S", 0.2)

    async def work(made: SourceGuard, source_id: UUID) -> None:
        left = made.leave_to_ask(source_id=source_id, until=asyncio.get_running_loop().time())
        await left.__aenter__()  # and nothing is ever heard of it
        with pytest.raises(Busy):
            await ask(made, source_id, sign=Sign.GOOD)
        await asyncio.sleep(0.25)
        await ask(made, source_id, sign=Sign.GOOD)

    run(work, most_at_once=1)


def test_one_that_is_cancelled_gives_its_place_back_and_says_nothing_of_the_source() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        cancelled = asyncio.create_task(ask(made, source_id, sign=Sign.BAD, took_s=5.0))
        await asyncio.sleep(0.05)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await ask(made, source_id, sign=Sign.GOOD)

    found = breaker(run(work, most_at_once=1))
    assert (found.failure, found.at_once) == ("", 0)


# The rate


def test_a_source_is_asked_no_more_often_than_its_settings_say() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(3):
            async with made.leave_to_ask(source_id=source_id, until=loop.time(), per_minute=3):
                pass
        with pytest.raises(Busy):
            async with made.leave_to_ask(source_id=source_id, until=loop.time() + 0.1, per_minute=3):
                pass

    run(work)


def tokens_of(source_id: UUID, *, left: float, in_s: float = 0.0) -> None:
    """Have a source so many requests left of its rate, as of a moment so many seconds from now."""
    at = (timezone.now() + timedelta(seconds=in_s)).timestamp() * 1000
    client_for_threads().hset(f"guard:{{{source_id}}}", mapping={"tokens": str(left), "tokens_at": str(at)})


def test_it_is_said_how_long_a_request_waited_for_its_pass() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        loop = asyncio.get_running_loop()
        tokens_of(source_id, left=0.5)
        async with made.leave_to_ask(source_id=source_id, until=loop.time() + 5, per_minute=60) as too_often:
            assert 0.3 < too_often.kept_waiting_s < 2
        holds = asyncio.create_task(ask(made, source_id, sign=Sign.GOOD, took_s=0.3))
        await asyncio.sleep(0.05)
        async with made.leave_to_ask(source_id=source_id, until=loop.time() + 5) as busy:
            assert 0.1 < busy.kept_waiting_s < 2
        await holds
        async with made.leave_to_ask(source_id=source_id, until=loop.time() + 5) as at_once:
            assert at_once.kept_waiting_s < 0.1

    run(work, most_at_once=1)


def test_a_clock_that_was_set_back_stops_nobody_for_as_long() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        tokens_of(source_id, left=2, in_s=3600)
        async with made.leave_to_ask(source_id=source_id, until=asyncio.get_running_loop().time(), per_minute=60):
            pass

    run(work)


# What is known of it


def test_one_of_which_all_is_forgotten_is_asked_as_usual() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        await fail(made, source_id)
        guard.forget(client=client_for_threads(), source_id=source_id)
        await ask(made, source_id, sign=Sign.GOOD)

    assert breaker(run(work)).state is BreakerState.CLOSED


@pytest.mark.parametrize("is_probe", [True, False])
def test_what_was_asked_before_all_was_forgotten_makes_no_source_rest(is_probe: bool) -> None:
    """It was asked in another way, or before somebody mended it: those requests end when they end."""

    async def work(made: SourceGuard, source_id: UUID) -> None:
        if is_probe:
            await fail(made, source_id)
            await asyncio.sleep(0.3)
        until = asyncio.get_running_loop().time() + 0.05
        passes = [
            made.leave_to_ask(source_id=source_id, until=until) for _ in range(1 if is_probe else 2 * guard.FAILURES)
        ]
        under_way = [await leave.__aenter__() for leave in passes]
        guard.forget(client=client_for_threads(), source_id=source_id)
        for leave, asked in zip(passes, under_way, strict=True):
            asked.sign, asked.what, asked.rest_s = Sign.BAD, "asked-to-wait", 60.0
            await leave.__aexit__(None, None, None)
        await ask(made, source_id, sign=Sign.GOOD)

    found = breaker(run(work))
    assert (found.state, found.failure) == (BreakerState.CLOSED, "")


def test_of_one_that_nobody_asked_nothing_is_known() -> None:
    assert breakers_of(client=client_for_threads(), source_ids=[uuid4()], now=timezone.now()) == {}


def test_without_redis_everybody_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "HELD_REDIS_URL", "redis://127.0.0.1:9/0")

    async def work(made: SourceGuard, source_id: UUID) -> None:
        for _ in range(2 * guard.FAILURES):
            await ask(made, source_id, sign=Sign.BAD)

    run(work)


def test_what_is_kept_expires_and_names_nobody() -> None:
    async def work(made: SourceGuard, source_id: UUID) -> None:
        await ask(made, source_id, sign=Sign.BAD, what="connection")

    source_id = run(work)
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        (kept,) = client.keys(f"guard:*{source_id}*")
        assert 0 < client.pttl(kept) <= guard.KEPT_S * 1000
