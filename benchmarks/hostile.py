"""What an ordinary source's answers feel of a hostile source that is asked by the same event loop.

Each hostile answer is asked for once per round, after a while without one; both are watched in the same way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread

from benchmarks.cpu import memory_mb
from benchmarks.figures import Row, Table
from benchmarks.hostile_answers import HOSTILE, LARGE, LARGE_MB
from benchmarks.service import PATIENCE_S, start_part
from launcher import children
from launcher.processes import Child, StartError, stop, wait_until

ROUNDS, QUICK_ROUNDS = 3, 1
QUICK_NUMBERS = (0, 5)
MOST_MEMORY_MB = 600.0
LOOK_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one process measured: for each hostile source the figures alone and beside it; and its peak of memory."""

    figures: list[dict[str, dict[str, float]]]
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class LargeAnswer:
    """What a worker was measured at that reads one large answer, and one that reads none."""

    with_it: Round
    without: Round


def measure(*, folder: Path, quick: bool, say: Callable[[str], None]) -> list[Table]:
    """Run all rounds and return their table.

    Raises: StartError.
    """
    numbers, count = (QUICK_NUMBERS, QUICK_ROUNDS) if quick else (range(len(HOSTILE)), ROUNDS)
    rounds: list[Round] = []
    large: list[LargeAnswer] = []
    started: list[Child] = []
    say("  hostile answers")
    try:
        server = start_part(
            name="hostile sources", module="benchmarks.hostile_source", options=(), folder=folder, started=started
        )
        wait_until(ready=partial(children.simulator_is_ready, server=server), child=server.child, within_s=PATIENCE_S)
        for at in range(count):
            rounds.append(_round(base=server.address, numbers=numbers))
            say(f"  beside hostile sources: round {at + 1} of {count}")
            with_it = _round(base=server.address, numbers=[[*HOSTILE].index(LARGE)])
            large.append(LargeAnswer(with_it=with_it, without=_round(base=server.address, numbers=[])))
    finally:
        stop(children=started)
    return [_table(numbers=numbers, rounds=rounds), _table_of_large(large)]


def _round(*, base: str, numbers: Sequence[int]) -> Round:
    command = [sys.executable, "-m", "benchmarks.hostile_worker", "--base", base, *map(str, numbers)]
    peak_mb, lines = 0.0, list[str]()
    with subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        reading = Thread(target=lambda: lines.extend(worker.stdout or ()))
        reading.start()
        while worker.poll() is None:
            peak_mb = max(peak_mb, memory_mb(pid=worker.pid))
            time.sleep(LOOK_S)
        reading.join()
    if worker.returncode:
        raise StartError(f"{command[2]} ended with status {worker.returncode}")
    return Round(figures=[json.loads(line) for line in lines], peak_mb=peak_mb)


def _table(*, numbers: Sequence[int], rounds: Sequence[Round]) -> Table:
    names = [*HOSTILE]
    lags = [
        Row(
            name=names[number],
            unit="ms",
            ours=tuple(each.figures[at]["beside"]["lag_ms"] for each in rounds),
            beside=tuple(each.figures[at]["alone"]["lag_ms"] for each in rounds),
            aim="100 ms more",
        )
        for at, number in enumerate(numbers)
    ]
    slowest, alone = (
        tuple(max(figures[when]["slowest_ms"] for figures in each.figures) for each in rounds)
        for when in ("beside", "alone")
    )
    memory = tuple(each.peak_mb for each in rounds)
    bound = (MOST_MEMORY_MB,) * len(rounds)
    return Table(
        title="Beside a hostile source: the largest lag of the loop",
        beside="the same without it; of the memory, what a worker may use",
        rows=(
            *lags,
            Row(name="the slowest ordinary answer beside any", unit="ms", ours=slowest, beside=alone),
            Row(name="the most memory, all processes", unit="MB", ours=memory, beside=bound, aim="1 x"),
        ),
    )


def _table_of_large(rounds: Sequence[LargeAnswer], /) -> Table:
    memory = tuple(each.with_it.peak_mb - each.without.peak_mb for each in rounds)
    slowest, alone = (
        tuple(each.with_it.figures[0][when]["slowest_ms"] for each in rounds) for when in ("beside", "alone")
    )
    return Table(
        title=f"Beside {LARGE}",
        beside="the answer itself; the same without it",
        rows=(
            Row(name="memory, all processes", unit="MB", ours=memory, beside=(LARGE_MB,) * len(rounds), aim="6 x"),
            Row(name="the slowest ordinary answer", unit="ms", ours=slowest, beside=alone, aim="50 ms more"),
        ),
    )
