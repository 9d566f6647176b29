"""What a small share of answers that come late costs: the same records with it and without it, in turn."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import drivers
from benchmarks.figures import Row, Table, share_below
from benchmarks.service import Judging, Say, Stack, running_worker
from benchmarks.source import SLOW_PATH

AT_ONCE, QUICK_AT_ONCE = 8, 2
ROUNDS, QUICK_ROUNDS = 3, 1
ROUND_S, QUICK_ROUND_S = 15.0, 1.0
# One record in so many takes so much longer.
ONE_IN, SLOW_S = 100, 5


@dataclass(frozen=True, kw_only=True)
class Round:
    """How long each record took, in milliseconds, and how many requests a record cost."""

    times_ms: tuple[float, ...]
    requests: float


def measure(*, stack: Stack, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table. The verdict is left out: its CPU would hide what waiting costs.

    Raises: StartError.
    """
    with running_worker(stack=stack, judging=Judging.NONE):
        with_it, without = asyncio.run(_rounds(stack=stack, quick=quick, say=say))
    rows = (
        Row(
            name="one record, p95",
            unit="ms",
            ours=tuple(share_below(values=one.times_ms, share=0.95) for one in with_it),
            beside=tuple(share_below(values=one.times_ms, share=0.95) for one in without),
            aim="at most 1.25 x",
        ),
        Row(
            name="requests, each",
            unit="",
            ours=tuple(one.requests for one in with_it),
            beside=tuple(one.requests for one in without),
            aim="at most 1.05 x",
        ),
    )
    title = f"One answer in {ONE_IN} comes {SLOW_S} s late, {QUICK_AT_ONCE if quick else AT_ONCE} records at once"
    return Table(title=title, beside="the same, and none comes late", rows=rows)


async def _rounds(*, stack: Stack, quick: bool, say: Say) -> tuple[list[Round], list[Round]]:
    at_once, seconds = (QUICK_AT_ONCE, QUICK_ROUND_S) if quick else (AT_ONCE, ROUND_S)
    with_it: list[Round] = []
    without: list[Round] = []
    async with drivers.service(stack=stack, in_flight=at_once) as service:
        _set_slow(stack=stack, one_in=0)
        await service.drive(seconds=seconds / 2, in_flight=at_once)  # the worker learns how long each source takes
        for number in range(1, (QUICK_ROUNDS if quick else ROUNDS) + 1):
            for rounds, one_in in ((with_it, ONE_IN), (without, 0)):
                began = time.monotonic()
                _set_slow(stack=stack, one_in=one_in)
                rounds.append(await _round(service=service, seconds=seconds, in_flight=at_once))
                words = f"one in {one_in} late" if one_in else "none late"
                say(f"  {at_once} at once, {words}: round {number}, {time.monotonic() - began:.1f} s")
    return with_it, without


async def _round(*, service: drivers.Service, seconds: float, in_flight: int) -> Round:
    before = service.stack.calls()
    driven = await service.drive(seconds=seconds, in_flight=in_flight)
    times: Sequence[float] = driven.times_ms
    return Round(times_ms=tuple(times), requests=(service.stack.calls() - before) / len(times))


def _set_slow(*, stack: Stack, one_in: int) -> None:
    """Tell every source to answer one record in so many late; 0 for none."""
    for source in stack.sources:
        address = f"{source.address}{SLOW_PATH}?one_in={one_in}&seconds={SLOW_S}"
        urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 (ours)
