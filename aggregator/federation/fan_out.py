"""The fan-out: every planned source at once, each in a flight of its own, each outcome recorded as it lands."""

from __future__ import annotations

import asyncio
from functools import partial
from uuid import UUID

import structlog
from django.utils import timezone

from aggregator.federation import operations
from aggregator.federation.engine import Engine
from aggregator.federation.flight import Flight, publish_landed
from aggregator.federation.lag import LagMeter

log = structlog.get_logger(__name__)


async def run_retrieval(*, retrieval_id: UUID, engine: Engine) -> None:
    """Run one planned retrieval to its end; do nothing unless it is planned in the database."""
    fan_out = await engine.in_database(partial(operations.start, retrieval_id=retrieval_id, now=timezone.now()))
    if fan_out is None:
        log.info("retrieval_not_run", retrieval_id=str(retrieval_id))
        return
    async with LagMeter() as meter:
        flights = [Flight(planned=planned, fan_out=fan_out, meter=meter, engine=engine) for planned in fan_out.flights]
        await asyncio.gather(*(flight.run() for flight in flights))
    finished = await engine.in_database(partial(operations.finish, retrieval_id=retrieval_id))
    if not flights:
        await publish_landed(landed=finished, engine=engine)  # no flight will land and say so
