"""What drives the two sides: the service, opened and followed as a page does it, and the bare loop's process."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import redis.asyncio
from django.db import connections
from django.utils import timezone

from aggregator.federation import progress
from aggregator.federation.models import Retrieval
from aggregator.federation.queries import retrieval_view
from aggregator.services.open_record import open_record
from benchmarks.loop import Driven, closed_loop
from benchmarks.records import MODELS
from benchmarks.service import Stack
from connectors.contract.outcomes import Outcome, Reason
from launcher.processes import StartError

# A retrieval that takes longer has been lost: every source has its outcome at its deadline.
LOST_AFTER_S = 90.0


@dataclass(kw_only=True)
class Service:
    """Opens records by the service and waits for the event that says done. Threads open, since the ORM blocks.

    Each slot opens one person's record again and again, or whoever's turn it is where there are `turns`.
    """

    stack: Stack
    client: redis.asyncio.Redis
    threads: ThreadPoolExecutor
    turns: Iterator[UUID] | None = None
    opened: list[UUID] = field(default_factory=list)
    opening_ms: list[float] = field(default_factory=list)

    async def drive(self, *, seconds: float, in_flight: int) -> Driven:
        """Retrieve records, so many at once."""
        self.opened, self.opening_ms = [], []
        return await closed_loop(seconds=seconds, in_flight=in_flight, act=self._retrieve)

    async def errors(self) -> int:
        """Return how many retrievals of the last round are not six whole answers."""
        loop = asyncio.get_running_loop()
        return sum([not await loop.run_in_executor(self.threads, _is_whole, one) for one in self.opened])

    async def _retrieve(self, slot: int) -> bool:
        loop = asyncio.get_running_loop()
        started = loop.time()
        world = self.stack.world
        person_id = next(self.turns) if self.turns else world.person_ids[slot]
        opening = partial(open_record, requester=world.clinician, person_id=person_id, now=timezone.now())
        retrieval_id = await loop.run_in_executor(self.threads, opening)
        self.opening_ms.append((loop.time() - started) * 1000)
        self.opened.append(retrieval_id)
        try:
            async with asyncio.timeout(LOST_AFTER_S):
                return await self._hear_the_end(retrieval_id=retrieval_id)
        except TimeoutError:
            return False

    async def _hear_the_end(self, *, retrieval_id: UUID) -> bool:
        events = progress.follow(client=self.client, retrieval_id=retrieval_id, after="0", block_ms=1000)
        async for event in events:
            if event and event.kind == progress.DONE:
                return True
        return False


@asynccontextmanager
async def service(*, stack: Stack, in_flight: int, turns: Iterator[UUID] | None = None) -> AsyncIterator[Service]:
    """Give the driver of the service, with as many threads as may open a record at once."""
    client = redis.asyncio.Redis.from_url(stack.services.redis_url, socket_timeout=None)
    with ThreadPoolExecutor(in_flight, thread_name_prefix="open") as threads:
        try:
            yield Service(stack=stack, client=client, threads=threads, turns=turns)
        finally:
            await client.aclose()
            for _ in range(in_flight):
                threads.submit(connections.close_all)


@dataclass(kw_only=True)
class Bare:
    """Tells the bare loop's process what to do."""

    stack: Stack
    judged: bool
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def drive(self, *, seconds: float, in_flight: int) -> Driven:
        """Have retrievals done there, so many at once.

        Raises: StartError when the process has ended.
        """
        told = {
            "retrievals": self.stack.retrievals,
            "seconds": seconds,
            "in_flight": in_flight,
            "judged": self.judged,
        }
        self.writer.write(json.dumps(told).encode() + b"\n")
        line = await self.reader.readline()
        if not line:
            child = self.stack.bare.child
            raise StartError(f"the bare loop ended: {child.last_words()} (more in {child.log})")
        said: dict[str, Any] = json.loads(line)
        times = tuple(math.inf if one is None else float(one) for one in said["times_ms"])
        return Driven(times_ms=times, whole_ms=said["whole_ms"])


@asynccontextmanager
async def bare(*, stack: Stack, judged: bool) -> AsyncIterator[Bare]:
    """Give the driver of the bare loop."""
    place = urlsplit(stack.bare.address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=2**22)
    try:
        yield Bare(stack=stack, judged=judged, reader=reader, writer=writer)
    finally:
        writer.close()


def _is_whole(retrieval_id: UUID) -> bool:
    asker_id = Retrieval.objects.get(id=retrieval_id).asker_id
    view = retrieval_view(retrieval_id=retrieval_id, asker_id=asker_id, now=timezone.now())
    endings = [state.ending for state in view.sources] if view else []
    # Another part may have left a source that is paused.
    asked = [ending for ending in endings if ending is None or ending.reason is not Reason.PAUSED]
    return len(asked) == len(MODELS) and all(
        ending is not None and ending.outcome is Outcome.ANSWERED and ending.item_count > 0 for ending in asked
    )
