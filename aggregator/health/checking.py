"""Check the sources that are due, as many at once as is reasonable, and record each as it lands.

One thread, the caller's, claims and records: it alone touches the database. The asking is done on an event loop in
another, so that a source that hangs keeps none of the rest waiting.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from queue import SimpleQueue

import redis
import structlog

from aggregator.federation import asking
from aggregator.federation.endings import out_of_time
from aggregator.federation.lag import LoopLag
from aggregator.federation.reach import open_channels
from aggregator.health import operations
from aggregator.health.judging import still_known
from aggregator.health.models import SourceHealth
from aggregator.health.operations import DueCheck
from aggregator.health.queries import evidence_of
from aggregator.health.terms import CheckResult
from aggregator.health.traffic import traffic_of_sources
from connectors.contract.errors import NotRead, SourceError, TimedOut
from connectors.contract.outcomes import Outcome
from connectors.contract.protocol import Channels
from connectors.contract.values import CheckedSource, SourceAddress

log = structlog.get_logger(__name__)

# Sources that are asked at once, and those that one turn takes.
AT_ONCE, MOST_IN_A_TURN = 25, 100
# However long a source may take for a record, what it is takes no longer to say.
MOST_S = 10.0

Clock = Callable[[], datetime]
_Landed = tuple[DueCheck, CheckResult]


def check_due(*, clock: Clock, rng: random.Random, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Check every source that is due; return when none is, or, once this process stops, when those begun are over."""
    operations.ensure_rows(now=clock())
    while not is_stopping():
        due = operations.claim_checks(most=MOST_IN_A_TURN, now=clock(), rng=rng)
        if not due:
            return
        landed: SimpleQueue[_Landed | None] = SimpleQueue()
        thread = threading.Thread(target=_run, kwargs={"due": due, "landed": landed}, name="health-checks")
        thread.start()
        while (each := landed.get()) is not None:
            check, result = each
            operations.record_check(check=check, result=result, now=clock())
        thread.join()


def judge_all(*, now: datetime) -> None:
    """Judge every source by what real traffic says and by the time that it is, and record where that is news."""
    operations.ensure_rows(now=now)
    rows = list(SourceHealth.objects.select_related("source"))
    try:
        traffic = traffic_of_sources(sources={row.source_id: row.anew_at for row in rows}, now=now)
    except redis.RedisError as error:
        log.warning("traffic_not_known", error=type(error).__name__)  # what was known last stands
        traffic = {}
    for row in rows:
        evidence = evidence_of(row=row, is_paused=not row.source.enabled, limit_s=row.source.time_limit_s)
        said = still_known(traffic.get(row.source_id, evidence.traffic), before=evidence.traffic, now=now)
        is_news = operations.is_news(row=row, evidence=evidence, now=now) or operations.is_untold(row=row, now=now)
        if said != evidence.traffic or is_news:
            operations.record_traffic(source_id=row.source_id, traffic=said, anew_at=row.anew_at, now=now)


async def ask_what_it_is(*, kind: str, address: SourceAddress, channels: Channels, within_s: float) -> CheckedSource:
    """Ask a source what it is, with a request that names no patient.

    Raises: SourceError.
    """
    deadline = asyncio.get_running_loop().time() + within_s
    try:
        return await asking.check(kind=kind, source=address, channels=channels, deadline=deadline)
    except TimeoutError:
        raise TimedOut from None


def _run(*, due: Sequence[DueCheck], landed: SimpleQueue[_Landed | None]) -> None:
    try:
        asking.run_apart(_check_all(due=due, landed=landed))
    finally:
        landed.put(None)


async def _check_all(*, due: Sequence[DueCheck], landed: SimpleQueue[_Landed | None]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)
    lag = LoopLag(loop=asyncio.get_running_loop(), note=lambda _: None)
    async with open_channels() as channels:

        async def check(each: DueCheck) -> None:
            async with turns:
                result = await _check(each, channels=channels, lag=lag)
            if result is not None:
                landed.put((each, result))

        await asyncio.gather(*map(check, due))


async def _check(due: DueCheck, *, channels: Channels, lag: LoopLag) -> CheckResult | None:
    """Check one source; None where the fault is ours and says nothing of it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    error: SourceError | None = None
    with lag.measured() as meter:
        try:
            await ask_what_it_is(
                kind=due.kind, address=due.address, channels=channels, within_s=min(MOST_S, due.time_limit_s)
            )
        except NotRead:
            return None
        except TimedOut as raised:
            if out_of_time(waited_s=meter.lag_s).outcome is Outcome.FAILED:
                log.warning("check_was_late", source_id=str(due.source_id))
                return None
            error = raised
        except SourceError as raised:
            error = raised
        except Exception as fault:  # noqa: BLE001  the boundary of a check: one that breaks must not end the others
            log.error("check_broke", source_id=str(due.source_id), error=type(fault).__name__)
            return None
    return CheckResult(
        outcome=error.outcome if error else None,
        reason=error.reason if error else None,
        took_ms=round((loop.time() - began) * 1000),
    )
