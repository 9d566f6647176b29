"""The fan-out: every planned source at once, each in a flight of its own, each outcome recorded as it lands."""

from __future__ import annotations

import asyncio
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from aggregator.federation import operations
from aggregator.federation.clock import STEP_S, SteadyClock
from aggregator.federation.engine import Engine
from aggregator.federation.flight import RECORD_PAST_DEADLINE_S, Flight, publish_landed
from aggregator.federation.plan import LEAST_TO_ASK_S
from connectors.contract.outcomes import Reason

log = structlog.get_logger(__name__)


async def run_retrieval(*, retrieval_id: UUID, engine: Engine) -> None:
    """Run one planned retrieval to its end; do nothing unless it is planned in the database.

    It waits for its turn where too many are under way. One whose turn does not come ends as our fault.
    """
    engine.load.took()
    try:
        await _run_in_turn(retrieval_id, engine=engine)
    finally:
        engine.load.ended()


async def _run_in_turn(retrieval_id: UUID, *, engine: Engine) -> None:
    until = engine.loop.time() + settings.RETRIEVAL_DEADLINE_S
    if engine.closing or not await engine.retrievals.take(until=until - LEAST_TO_ASK_S):
        await _give_up(retrieval_id, engine=engine, until=until)
        return
    try:
        await _run(retrieval_id, engine=engine, until=until)
    finally:
        engine.retrievals.give_back()


async def _run(retrieval_id: UUID, *, engine: Engine, until: float) -> None:
    clock = SteadyClock()
    fan_out = await engine.begin(lambda: operations.start(retrieval_id=retrieval_id, now=clock.now()), until=until)
    if fan_out is None:
        log.info("retrieval_not_run", retrieval_id=str(retrieval_id))
        return
    try:
        await _fly(fan_out, engine=engine, clock=clock, until=until)
    finally:
        await engine.load.give_back(work_id=retrieval_id)
    if abs(clock.stepped_s) > STEP_S:
        log.warning("clock_was_set", by_s=round(clock.stepped_s, 1))


async def _fly(fan_out: operations.FanOut, /, *, engine: Engine, clock: SteadyClock, until: float) -> None:
    retrieval_id = fan_out.retrieval_id
    engine.load.began(waited_s=clock.seconds_since(fan_out.created_at))
    with engine.load.lag.measured() as meter:
        flights = [
            Flight(planned=planned, fan_out=fan_out, meter=meter, engine=engine, clock=clock)
            for planned in fan_out.flights
        ]
        await asyncio.gather(*(flight.run() for flight in flights))
    until += RECORD_PAST_DEADLINE_S
    await engine.in_database_once_back(partial(operations.finish, retrieval_id=retrieval_id), until=until)
    if not flights:  # no flight will land and say so
        over = partial(operations.told_if_over, retrieval_id=retrieval_id)
        await publish_landed(landed=await engine.in_database_once_back(over, until=until), engine=engine)


async def _give_up(retrieval_id: UUID, *, engine: Engine, until: float) -> None:
    reason = Reason.NOT_STARTED if engine.closing else Reason.OVERLOAD
    log.warning("retrieval_given_up", retrieval_id=str(retrieval_id), reason=reason)
    landed = await engine.in_database_once_back(
        lambda: operations.give_up(retrieval_id=retrieval_id, reason=reason, now=timezone.now()), until=until
    )
    if landed is None:
        return
    await engine.load.give_back(work_id=retrieval_id)
    await publish_landed(landed=landed, engine=engine)
