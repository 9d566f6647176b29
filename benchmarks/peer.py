"""A retrieval with nothing judged, beside one Celery task per source: the CPU of either's worker.

Both workers run all the time and take turns; each is read alone. Both make the same requests. Ours sorts, seals, audits
and writes to the database as well; the peer does none of that (benchmarks/task_per_source.py).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from uuid import uuid4

import redis.asyncio

from benchmarks import drivers, task_per_source
from benchmarks.figures import Row, Table
from benchmarks.loop import Driven, closed_loop
from benchmarks.records import SLOWEST_MS
from benchmarks.rounds import SETTLE_S, Meter, Round, our_round
from benchmarks.service import PATIENCE_S, Judging, Say, Stack, everything_let_in, running_stack, running_worker
from launcher import children
from launcher.private_services import Running
from launcher.processes import Child, start, stop, wait_until

IN_FLIGHT, QUICK_IN_FLIGHT = (1, 16), (1, 4)
ROUNDS, QUICK_ROUNDS = 5, 1
ROUND_S, QUICK_ROUND_S = 2.5, 0.5
# As many as there are requests at once, 6 x 16, and some to spare.
THREADS = 128
# Of the databases of our Redis, one that the service has no part in.
DATABASE = 1


@dataclass(kw_only=True)
class Peer:
    """Sends a task per source and waits until all have landed. Threads send, since Celery blocks."""

    stack: Stack
    worker: Child
    client: redis.asyncio.Redis
    threads: ThreadPoolExecutor

    async def drive(self, *, seconds: float, in_flight: int) -> Driven:
        """Retrieve records, so many at once."""
        return await closed_loop(seconds=seconds, in_flight=in_flight, act=self._retrieve)

    async def round(self, *, seconds: float, in_flight: int) -> Round:
        """Retrieve records for so long; return the round as figures."""
        meter = Meter(stack=self.stack, process=self.worker)
        driven = await self.drive(seconds=seconds, in_flight=in_flight)
        await asyncio.sleep(SETTLE_S)
        meter.stop()
        return meter.round(driven=driven, errors=driven.errors)

    async def _retrieve(self, slot: int) -> bool:
        retrieval_id, sources = uuid4().hex, self.stack.retrievals[slot]
        sending = partial(_send, retrieval_id=retrieval_id, sources=sources)
        await asyncio.get_running_loop().run_in_executor(self.threads, sending)
        name = task_per_source.landed_name(retrieval_id=retrieval_id)
        # Each answer is a name and a value, or nothing once the time is over.
        said = [await self.client.blpop([name], timeout=drivers.LOST_AFTER_S) for _ in sources]
        return all(answer and answer[1] == task_per_source.LANDED for answer in said)


def measure(*, folder: Path, private: Running, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table.

    Raises: StartError.
    """
    rows: list[Row] = []
    at_once = QUICK_IN_FLIGHT if quick else IN_FLIGHT
    with everything_let_in(), running_stack(folder=folder, private=private, count=max(at_once), say=say) as stack:
        task_per_source.app.conf.update(broker_url=_address(stack))
        with running_worker(stack=stack, judging=Judging.NONE) as ours, _running_peer(stack) as beside:
            for in_flight in at_once:
                rounds = asyncio.run(
                    _rounds(stack=stack, ours=ours, beside=beside, in_flight=in_flight, quick=quick, say=say)
                )
                rows += _rows(in_flight=in_flight, rounds=rounds)
    return Table(
        title=f"Nothing judged: six sources of about 200 KB, the slowest answering in {SLOWEST_MS} ms",
        beside="one Celery task per source, threads, http.client, the same GETs, bodies in Redis as they came",
        rows=tuple(rows),
    )


async def _rounds(
    *, stack: Stack, ours: Child, beside: Child, in_flight: int, quick: bool, say: Say
) -> list[tuple[Round, Round]]:
    """Return each round of ours with the peer's that followed."""
    seconds, count = (QUICK_ROUND_S, QUICK_ROUNDS) if quick else (ROUND_S, ROUNDS)
    rounds: list[tuple[Round, Round]] = []
    async with (
        drivers.service(stack=stack, in_flight=in_flight) as service,
        _peer(stack=stack, worker=beside, in_flight=in_flight) as peer,
    ):
        # Every connection and thread that a round needs is made before the first.
        await service.drive(seconds=0, in_flight=in_flight)
        await peer.drive(seconds=0, in_flight=in_flight)
        for number in range(1, count + 1):
            began = time.monotonic()
            mine = await our_round(service=service, worker=ours, seconds=seconds, in_flight=in_flight)
            rounds.append((mine, await peer.round(seconds=seconds, in_flight=in_flight)))
            say(f"  a task per source, {in_flight} at once: round {number}, {time.monotonic() - began:.1f} s")
    return rounds


def _rows(*, in_flight: int, rounds: Sequence[tuple[Round, Round]]) -> Iterator[Row]:
    def row(figure: str, unit: str, value: Callable[[Round], float], aim: str = "") -> Row:
        ours, beside = (tuple(value(each) for each in side) for side in zip(*rounds, strict=True))
        name = f"no verdict, {in_flight} at once: {figure}, beside a task per source"
        return Row(name=name, unit=unit, ours=ours, beside=beside, aim=aim)

    yield row("CPU of worker, each", "ms", lambda each: each.cpu_ms, "0.45 x")
    yield row("over slowest, median", "ms", lambda each: median(each.over_ms))
    yield row("requests, each", "", lambda each: each.requests, "1 x")


@asynccontextmanager
async def _peer(*, stack: Stack, worker: Child, in_flight: int) -> AsyncIterator[Peer]:
    client = redis.asyncio.Redis.from_url(_address(stack), socket_timeout=None)
    with ThreadPoolExecutor(in_flight, thread_name_prefix="send") as threads:
        try:
            yield Peer(stack=stack, worker=worker, client=client, threads=threads)
        finally:
            await client.aclose()


@contextmanager
def _running_peer(stack: Stack) -> Iterator[Child]:
    """Run the peer's worker, started by the command by which ours is."""
    log = stack.folder / "logs" / "task-per-source.log"
    log.unlink(missing_ok=True)
    worker = start(
        name="the peer's worker",
        command=[
            *(sys.executable, "-m", "celery", "--app", "benchmarks.task_per_source", "--quiet", "worker"),
            *("--pool", "threads", "--concurrency", str(THREADS), "--queues", task_per_source.QUEUE),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        log=log,
        environment={**os.environ, "CELERY_BROKER_URL": _address(stack)},
        folder=children.PROJECT,
    )
    try:
        ready = partial(children.simulator_is_ready, server=children.Server(worker, ""))
        wait_until(ready=ready, child=worker, within_s=PATIENCE_S)
        yield worker
    finally:
        stop(children=[worker])


def _send(*, retrieval_id: str, sources: Sequence[Sequence[str]]) -> None:
    for number, addresses in enumerate(sources, start=1):
        task_per_source.retrieve.delay(retrieval_id=retrieval_id, source=number, addresses=addresses)


def _address(stack: Stack) -> str:
    """Return where the peer's Redis is, which serves as its queue, too."""
    return f"{stack.services.redis_url.rpartition('/')[0]}/{DATABASE}"
