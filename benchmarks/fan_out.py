"""A retrieval the whole way, from the call of the service to the event that says it is done, beside the bare loop.

Both ask the same six sources for the same pages. Rounds of the one and of the other alternate; the first of each is
thrown away. What ends in any way but six whole answers is an error, and makes the round's figures infinite.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import drivers, faults, hanging, tail
from benchmarks.figures import Row, Table, share_below
from benchmarks.records import SLOWEST_MS
from benchmarks.rounds import SETTLE_S, Meter, Round, our_round
from benchmarks.service import Judging, Say, Stack, everything_let_in, running_stack, running_worker
from launcher.private_services import Running
from launcher.processes import Child

IN_FLIGHT, QUICK_IN_FLIGHT = (1, 8, 16), (1, 4)
# With more at once, one worker's processor is what they wait for.
MOST_WITH_AIM = 8
ROUNDS, QUICK_ROUNDS = 5, 1
# A round goes on for so long, and until what has begun has ended.
ROUND_S, QUICK_ROUND_S = 2.5, 0.5
APART = ("publisher", "PostgreSQL", "Redis", "sources")
BESIDE = "bare asyncio + aiohttp + uvloop in one process, the same GETs, no Celery, nothing stored"


@dataclass(frozen=True, kw_only=True)
class Block:
    """The rounds with so many in flight. The bound judges every entry anew where ours judges at all."""

    judging: Judging
    in_flight: int
    ours: list[Round] = field(default_factory=list)
    bare: list[Round] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Return what was measured."""
        return f"{self.judging}, {self.in_flight} at once"

    @property
    def judged(self) -> bool:
        """Return whether entries are judged at all."""
        return self.judging is not Judging.NONE


def measure(*, folder: Path, private: Running, quick: bool, say: Say) -> list[Table]:
    """Run all rounds and return their tables.

    Raises: StartError.
    """
    blocks: list[Block] = []
    at_once = QUICK_IN_FLIGHT if quick else IN_FLIGHT
    count = max(*at_once, hanging.at_once(quick=quick))
    with everything_let_in(), running_stack(folder=folder, private=private, count=count, say=say) as stack:
        for judging in Judging:
            say(f"  a worker: {judging}")
            with running_worker(stack=stack, judging=judging) as worker:
                for in_flight in at_once:
                    block = Block(judging=judging, in_flight=in_flight)
                    asyncio.run(_run(block=block, stack=stack, worker=worker, quick=quick, say=say))
                    blocks.append(block)
        beside_others = [part.measure(stack=stack, quick=quick, say=say) for part in (tail, hanging, faults)]
    return [_main_table(blocks=blocks), _apart_table(blocks=blocks), *beside_others]


async def _run(*, block: Block, stack: Stack, worker: Child, quick: bool, say: Say) -> None:
    """Run a block's rounds, one of ours and one of the bare loop's in turn."""
    at_once, rounds = block.in_flight, QUICK_ROUNDS if quick else ROUNDS
    seconds = QUICK_ROUND_S if quick else ROUND_S
    async with (
        drivers.service(stack=stack, in_flight=at_once) as service,
        drivers.bare(stack=stack, judged=block.judged) as bare,
    ):
        # Every connection and thread that a round needs is made before the first.
        await service.drive(seconds=0, in_flight=at_once)
        await bare.drive(seconds=0, in_flight=at_once)
        for number in range(1, rounds + 1):
            began = time.monotonic()
            block.ours.append(await our_round(service=service, worker=worker, seconds=seconds, in_flight=at_once))
            block.bare.append(await _bare_round(bare=bare, seconds=seconds, in_flight=at_once))
            say(f"  {block.words}: round {number} of {rounds}, {time.monotonic() - began:.1f} s")


async def _bare_round(*, bare: drivers.Bare, seconds: float, in_flight: int) -> Round:
    meter = Meter(stack=bare.stack, process=bare.stack.bare.child)
    driven = await bare.drive(seconds=seconds, in_flight=in_flight)
    await asyncio.sleep(SETTLE_S)
    meter.stop()
    return meter.round(driven=driven, errors=driven.errors)


def _main_table(*, blocks: Sequence[Block]) -> Table:
    rows = tuple(row for block in blocks for row in _rows(block=block))
    title = f"Fan-out: six sources of about 200 KB, the slowest answering in {SLOWEST_MS} ms"
    return Table(title=title, beside=BESIDE, rows=rows)


def _rows(*, block: Block) -> Iterator[Row]:
    def row(figure: str, unit: str, value: Callable[[Round], float], aim: str = "") -> Row:
        ours, bare = (tuple(value(one) for one in rounds) for rounds in (block.ours, block.bare))
        return Row(name=f"{block.words}: {figure}", unit=unit, ours=ours, beside=bare, aim=aim)

    has_aim = block.judged and block.in_flight <= MOST_WITH_AIM
    yield row("over slowest, median", "ms", lambda one: median(one.over_ms), "bound + 25" if has_aim else "")
    # A round has too few for a p95 of its own.
    late = [_late(rounds=rounds) for rounds in (block.ours, block.bare)]
    yield Row(name=f"{block.words}: over slowest, p95 of all", unit="ms", ours=(late[0],), beside=(late[1],))
    yield row("CPU of worker, each", "ms", lambda one: one.cpu_ms, "1.6 x, + 15" if block.judged else "")
    yield row("retrievals", "/s", lambda one: one.a_second)
    yield row("requests, each", "", lambda one: one.requests, "1 x")


def _late(*, rounds: Sequence[Round]) -> float:
    values = [value for one in rounds for value in one.over_ms]
    return math.inf if math.inf in values else share_below(values=values, share=0.95)


def _apart_table(*, blocks: Sequence[Block]) -> Table:
    rows: list[Row] = []
    for block in blocks:
        opening = tuple(median(one.opening_ms) for one in block.ours)
        rows.append(Row(name=f"{block.words}: until open_record returns", unit="ms", ours=opening))
        for name in APART:
            ours, bare = (tuple(one.apart_ms[name] for one in rounds) for rounds in (block.ours, block.bare))
            beside = bare if name == "sources" else ()  # the bound has no part in the others
            rows.append(Row(name=f"{block.words}: CPU of {name}, each", unit="ms", ours=ours, beside=beside))
    title = "The same rounds: what is in those times, and the CPU of the other processes (the publisher follows, too)"
    return Table(title=title, beside=BESIDE, rows=tuple(rows))
