"""A retrieval with nothing judged, beside one Celery task per source: the CPU of either's worker.

The workers run all the time and take turns; each is read alone. All make the same requests. Ours sorts, seals, audits
and writes to the database as well; the peer does none of that (benchmarks/task_per_source.py). So a third does what the
peer does in the shape that is ours, one task for all sources (benchmarks/task_per_retrieval.py).
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

from benchmarks import drivers, task_per_retrieval, task_per_source
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
Send = Callable[[str, Sequence[Sequence[str]]], None]


@dataclass(kw_only=True)
class Peer:
    """Sends a retrieval's tasks and waits until all sources have landed. Threads send, since Celery blocks."""

    stack: Stack
    worker: Child
    send: Send
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
        await asyncio.get_running_loop().run_in_executor(self.threads, self.send, retrieval_id, sources)
        name = task_per_source.landed_name(retrieval_id=retrieval_id)
        # Each answer is a name and a value, or nothing once the time is over.
        said = [await self.client.blpop([name], timeout=drivers.LOST_AFTER_S) for _ in sources]
        return all(answer and answer[1] == task_per_source.LANDED for answer in said)


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The service's worker, one of its shape alone, and the peer's."""

    ours: Child
    shape: Child
    beside: Child


def measure(*, folder: Path, private: Running, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table.

    Raises: StartError.
    """
    rows: list[Row] = []
    at_once = QUICK_IN_FLIGHT if quick else IN_FLIGHT
    with everything_let_in(), running_stack(folder=folder, private=private, count=max(at_once), say=say) as stack:
        for app in (task_per_source.app, task_per_retrieval.app):
            app.conf.update(broker_url=_address(stack))
        with (
            running_worker(stack=stack, judging=Judging.NONE) as ours,
            _running(stack, app="benchmarks.task_per_retrieval", queue=task_per_retrieval.QUEUE) as shape,
            _running(stack, app="benchmarks.task_per_source", queue=task_per_source.QUEUE) as beside,
        ):
            for in_flight in at_once:
                workers = Workers(ours=ours, shape=shape, beside=beside)
                rounds = asyncio.run(_rounds(stack=stack, workers=workers, in_flight=in_flight, quick=quick, say=say))
                rows += _rows(in_flight=in_flight, rounds=rounds)
    return Table(
        title=f"Nothing judged: six sources of about 200 KB, the slowest answering in {SLOWEST_MS} ms",
        beside="one Celery task per source, threads, http.client, the same GETs, bodies in Redis as they came",
        rows=tuple(rows),
    )


async def _rounds(
    *, stack: Stack, workers: Workers, in_flight: int, quick: bool, say: Say
) -> list[tuple[Round, Round, Round]]:
    """Return each round of ours, with those of its shape alone and of the peer that followed."""
    seconds, count = (QUICK_ROUND_S, QUICK_ROUNDS) if quick else (ROUND_S, ROUNDS)
    rounds: list[tuple[Round, Round, Round]] = []
    async with (
        drivers.service(stack=stack, in_flight=in_flight) as service,
        _peer(stack=stack, worker=workers.shape, send=_send_one, in_flight=in_flight) as shape,
        _peer(stack=stack, worker=workers.beside, send=_send_each, in_flight=in_flight) as peer,
    ):
        # Every connection and thread that a round needs is made before the first.
        for driver in (service, shape, peer):
            await driver.drive(seconds=0, in_flight=in_flight)
        for number in range(1, count + 1):
            began = time.monotonic()
            mine = await our_round(service=service, worker=workers.ours, seconds=seconds, in_flight=in_flight)
            alone = await shape.round(seconds=seconds, in_flight=in_flight)
            rounds.append((mine, alone, await peer.round(seconds=seconds, in_flight=in_flight)))
            say(f"  a task per source, {in_flight} at once: round {number}, {time.monotonic() - began:.1f} s")
    return rounds


def _rows(*, in_flight: int, rounds: Sequence[tuple[Round, Round, Round]]) -> Iterator[Row]:
    ours, shape, beside = zip(*rounds, strict=True)

    def row(side: Sequence[Round], name: str, figure: str, unit: str, value: Callable[[Round], float], aim: str) -> Row:
        mine, theirs = (tuple(value(each) for each in one) for one in (side, beside))
        return Row(name=f"{name}, {in_flight} at once: {figure}", unit=unit, ours=mine, beside=theirs, aim=aim)

    for side, name in ((ours, "a whole retrieval, no verdict"), (shape, "a task per retrieval, fetching and keeping")):
        yield row(side, name, "CPU of worker, each", "ms", lambda each: each.cpu_ms, "0.45 x")
        yield row(side, name, "over slowest, median", "ms", lambda each: median(each.over_ms), "")
        yield row(side, name, "requests, each", "", lambda each: each.requests, "1 x")


@asynccontextmanager
async def _peer(*, stack: Stack, worker: Child, send: Send, in_flight: int) -> AsyncIterator[Peer]:
    client = redis.asyncio.Redis.from_url(_address(stack), socket_timeout=None)
    with ThreadPoolExecutor(in_flight, thread_name_prefix="send") as threads:
        try:
            yield Peer(stack=stack, worker=worker, send=send, client=client, threads=threads)
        finally:
            await client.aclose()


@contextmanager
def _running(stack: Stack, *, app: str, queue: str) -> Iterator[Child]:
    """Run a worker of a queue, started by the command by which ours is."""
    log = stack.folder / "logs" / f"{queue}.log"
    log.unlink(missing_ok=True)
    worker = start(
        name=f"the worker of {queue}",
        command=[
            *(sys.executable, "-m", "celery", "--app", app, "--quiet", "worker"),
            *("--pool", "threads", "--concurrency", str(THREADS), "--queues", queue),
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


def _send_each(retrieval_id: str, sources: Sequence[Sequence[str]]) -> None:
    for number, addresses in enumerate(sources, start=1):
        task_per_source.retrieve.delay(retrieval_id=retrieval_id, source=number, addresses=addresses)


def _send_one(retrieval_id: str, sources: Sequence[Sequence[str]]) -> None:
    task_per_retrieval.retrieve.delay(retrieval_id=retrieval_id, sources=sources)


def _address(stack: Stack) -> str:
    """Return where the peer's Redis is, which serves as its queue, too."""
    return f"{stack.services.redis_url.rpartition('/')[0]}/{DATABASE}"
