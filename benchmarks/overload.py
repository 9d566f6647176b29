"""What is left of the service when twice as much is asked of it as it can do, and who is blamed for it.

First so many records at once that the service does as much as it can: the peak. Then twice as many a second as that,
whatever becomes of them, with and without the limit on what is let in. Sources have the time that they have in service.
All people's records are opened in turn, more than a worker knows again: each entry is judged, before and under load.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from uuid import UUID

from django.db import connections
from django.test.utils import override_settings
from django.utils import timezone

from aggregator.errors import TooBusy
from aggregator.federation.models import SourceOutcome
from aggregator.services.open_record import open_record
from aggregator.sources.models import Source
from benchmarks import drivers
from benchmarks.figures import Row, Table, share_below
from benchmarks.service import Judging, Say, Stack, everything_let_in, running_stack, running_worker
from connectors.contract.outcomes import Outcome, Reason
from launcher.private_services import Running

DEADLINE_S, LIMIT_S, PRACTICE_LIMIT_S = 10.0, 9.0, 3.0
PEOPLE, QUICK_PEOPLE = 300, 40
# The service does most with one of these at once; with more, the first records miss their deadlines.
PEAK_AT_ONCE, QUICK_PEAK_AT_ONCE = (4, 8, 16), (4,)
PEAK_S, QUICK_PEAK_S = 5.0, 1.0
OVERLOAD_S, QUICK_OVERLOAD_S = 25.0, 2.0
ROUNDS, QUICK_ROUNDS = 3, 1
TIMES = 2.0
OPENING_THREADS = 16
# After this every source has its outcome.
SETTLED_S = DEADLINE_S + 3.0
BLAMED = frozenset({Outcome.TIMED_OUT, Outcome.UNREACHABLE})


@dataclass(frozen=True, kw_only=True)
class Flood:
    """What became of a flood: records a second that came whole, outcomes by their names, and times in milliseconds."""

    offered: int
    whole_a_second: float
    shed: int
    outcomes: Counter[str]
    whole_ms: tuple[float, ...]
    refused_ms: tuple[float, ...]

    @property
    def blamed(self) -> int:
        """How often a source was said to have failed."""
        return sum(count for name, count in self.outcomes.items() if name.split(":")[0] in BLAMED)

    @property
    def ours(self) -> int:
        """How often the fault was said to be ours."""
        return sum(count for name, count in self.outcomes.items() if name.startswith(Outcome.FAILED))


def measure(*, folder: Path, private: Running, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table.

    Raises: StartError.
    """
    count = QUICK_PEOPLE if quick else PEOPLE
    peaks: list[float] = []
    limited: list[Flood] = []
    unlimited: list[Flood] = []
    with _as_in_service(), running_stack(folder=folder, private=private, count=count, say=say) as stack:
        Source.objects.update(time_limit_s=LIMIT_S)
        Source.objects.filter(slug="source-1").update(time_limit_s=PRACTICE_LIMIT_S)
        connections.close_all()
        turns = cycle(stack.world.person_ids)
        with running_worker(stack=stack, judging=Judging.AS_IT_IS):
            for number in range(1, (QUICK_ROUNDS if quick else ROUNDS) + 1):
                peaks.append(_peak(stack=stack, turns=turns, quick=quick))
                say(f"  overload: round {number}, peak {peaks[-1]:.1f} a second")
                for floods, is_limited in ((limited, True), (unlimited, False)):
                    flood = _flood(
                        stack=stack, turns=turns, a_second=TIMES * peaks[-1], is_limited=is_limited, quick=quick
                    )
                    floods.append(flood)
                    say(f"  overload: {'as it is' if is_limited else 'no limit'}: {_words(floods[-1])}")
    return _table(peaks=peaks, limited=limited, unlimited=unlimited)


@contextmanager
def _as_in_service() -> Iterator[None]:
    """Give retrievals and sources the time that they have in service, here and in the worker."""
    values = {"RETRIEVAL_DEADLINE_S": DEADLINE_S, "SOURCE_TIME_LIMIT_S": LIMIT_S}
    before = {name: os.environ.get(name, "") for name in values}
    os.environ.update({name: str(value) for name, value in values.items()})
    try:
        with override_settings(**values):
            yield
    finally:
        os.environ.update(before)


def _peak(*, stack: Stack, turns: Iterator[UUID], quick: bool) -> float:
    """Return how many records a second come whole at most, with so many at once as are best."""
    seconds = QUICK_PEAK_S if quick else PEAK_S
    with everything_let_in():
        return max(
            asyncio.run(_whole_a_second(stack=stack, turns=turns, at_once=at_once, seconds=seconds))
            for at_once in (QUICK_PEAK_AT_ONCE if quick else PEAK_AT_ONCE)
        )


async def _whole_a_second(*, stack: Stack, turns: Iterator[UUID], at_once: int, seconds: float) -> float:
    async with drivers.service(stack=stack, in_flight=at_once, turns=turns) as service:
        await service.drive(seconds=0, in_flight=at_once)
        driven = await service.drive(seconds=seconds, in_flight=at_once)
        whole = len(driven.times_ms) - await service.errors()
    return whole / (driven.whole_ms / 1000)


def _flood(*, stack: Stack, turns: Iterator[UUID], a_second: float, is_limited: bool, quick: bool) -> Flood:
    """Open so many records a second for a while, and return what had become of them in the end."""
    seconds = QUICK_OVERLOAD_S if quick else OVERLOAD_S
    count = max(1, round(seconds * a_second))
    opened: list[UUID] = []
    refused_ms: list[float] = []

    def open_one(person_id: UUID) -> None:
        began = time.perf_counter()
        try:
            opened.append(
                open_record(requester=stack.world.clinician, person_id=person_id, now=timezone.now(), max_age_s=0)
            )
        except TooBusy:
            refused_ms.append((time.perf_counter() - began) * 1000)

    began = time.monotonic()
    with (
        nullcontext() if is_limited else everything_let_in(),
        ThreadPoolExecutor(OPENING_THREADS, initializer=connections.close_all) as threads,
    ):
        for number in range(count):
            time.sleep(max(0.0, began + number / a_second - time.monotonic()))
            threads.submit(open_one, next(turns))
    took_s = time.monotonic() - began
    time.sleep(SETTLED_S)
    return _seen(opened=opened, refused_ms=refused_ms, offered=count, seconds=took_s)


def _seen(*, opened: Sequence[UUID], refused_ms: Sequence[float], offered: int, seconds: float) -> Flood:
    rows = SourceOutcome.objects.filter(retrieval_id__in=opened).select_related("retrieval", "joins")
    outcomes: Counter[str] = Counter()
    whole: dict[UUID, list[float]] = {}
    broken: set[UUID] = set()
    for row in rows:
        flight = row.joins or row
        name = f"{flight.outcome or Outcome.FAILED}:{flight.reason or ('' if flight.outcome else Reason.NOT_STARTED)}"
        outcomes[name] += 1
        if flight.outcome == Outcome.ANSWERED and flight.ended_at is not None:
            took = flight.ended_at - row.retrieval.created_at
            whole.setdefault(row.retrieval_id, []).append(took.total_seconds() * 1000)
        else:
            broken.add(row.retrieval_id)
    connections.close_all()
    whole_ms = tuple(max(times) for retrieval_id, times in whole.items() if retrieval_id not in broken)
    return Flood(
        offered=offered,
        whole_a_second=len(whole_ms) / seconds,
        shed=len(refused_ms),
        outcomes=outcomes,
        whole_ms=whole_ms,
        refused_ms=tuple(refused_ms),
    )


def _words(flood: Flood) -> str:
    ended = ", ".join(f"{count} {name.rstrip(':')}" for name, count in sorted(flood.outcomes.items()))
    return f"{flood.offered} asked for, {flood.shed} turned away, {flood.whole_a_second:.1f} whole a second; {ended}"


def _table(*, peaks: Sequence[float], limited: Sequence[Flood], unlimited: Sequence[Flood]) -> Table:
    def of(floods: Sequence[Flood], share: float) -> tuple[float, ...]:
        return tuple(share_below(values=flood.whole_ms, share=share) if flood.whole_ms else 0.0 for flood in floods)

    def refused(share: float) -> tuple[float, ...]:
        return tuple(share_below(values=each.refused_ms, share=share) if each.refused_ms else 0.0 for each in limited)

    return Table(
        title="Overload: twice as many records a second as the service can do",
        beside="the peak, for what comes whole; everything let in, for the rest",
        rows=(
            Row(
                name="records that come whole",
                unit="a second",
                ours=tuple(flood.whole_a_second for flood in limited),
                beside=tuple(peaks),
                aim=">= 0.8",
            ),
            Row(
                name="the same, everything let in",
                unit="a second",
                ours=tuple(flood.whole_a_second for flood in unlimited),
                beside=tuple(peaks),
            ),
            Row(
                name="outcomes for which a source is blamed",
                unit="",
                ours=tuple(float(flood.blamed) for flood in limited),
                aim="0",
            ),
            Row(
                name="the same, everything let in",
                unit="",
                ours=tuple(float(flood.blamed) for flood in unlimited),
            ),
            Row(
                name="outcomes that are our fault",
                unit="",
                ours=tuple(float(flood.ours) for flood in limited),
            ),
            Row(
                name="the same, everything let in",
                unit="",
                ours=tuple(float(flood.ours) for flood in unlimited),
            ),
            Row(
                name="turned away",
                unit="%",
                ours=tuple(100 * flood.shed / flood.offered for flood in limited),
            ),
            Row(name="turning one away, median", unit="ms", ours=refused(0.5)),
            Row(name="a record that comes whole, median", unit="ms", ours=of(limited, 0.5), beside=of(unlimited, 0.5)),
            Row(
                name="a record that comes whole, 95th percentile",
                unit="ms",
                ours=of(limited, 0.95),
                beside=of(unlimited, 0.95),
            ),
        ),
    )
