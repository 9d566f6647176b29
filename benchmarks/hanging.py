"""What a source that hangs costs the others: many records at once with it and without it, in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import median
from uuid import UUID

from django.db import connections
from django.utils import timezone

from aggregator.federation.models import SourceOutcome
from aggregator.services.open_record import open_record
from aggregator.sources.models import Source
from benchmarks.figures import Row, Table, share_below
from benchmarks.records import BASE_PATH, people
from benchmarks.service import Judging, Say, Stack, running_worker
from benchmarks.world import HANGING, add_source_more
from connectors.contract.outcomes import Outcome
from launcher import children
from launcher.processes import StartError, listening_socket

AT_ONCE, QUICK_AT_ONCE = 50, 4
ROUNDS, QUICK_ROUNDS = 3, 1
# How long the source that hangs may take: as long as the service lets one by default.
HANGS_S, QUICK_HANGS_S = 9.0, 2.0
OPENING_THREADS = 8
LOST_AFTER_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round: how many answers of the other sources came whole, and when each had landed."""

    answered: int
    landed_ms: tuple[float, ...]


def at_once(*, quick: bool) -> int:
    """Return how many records are opened at once."""
    return QUICK_AT_ONCE if quick else AT_ONCE


def measure(*, stack: Stack, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table. The verdict is left out: its CPU would hide what waiting costs.

    Raises: StartError.
    """
    count = at_once(quick=quick)
    with_it: list[Round] = []
    without: list[Round] = []
    # Nobody accepts what comes to this socket: the kernel does, and no answer follows.
    with listening_socket() as silent, running_worker(stack=stack, judging=Judging.NONE):
        add_source_more(
            slug=HANGING,
            address=children.address_of(silent) + BASE_PATH,
            known=people(count=count),
            time_limit_s=QUICK_HANGS_S if quick else HANGS_S,
        )
        source_id = Source.objects.get(slug=HANGING).id
        for number in range(1, (QUICK_ROUNDS if quick else ROUNDS) + 1):
            for rounds, hangs in ((with_it, True), (without, False)):
                began = time.monotonic()
                Source.objects.filter(id=source_id).update(enabled=hangs)
                rounds.append(_round(person_ids=stack.world.person_ids[:count], stack=stack, hanging=source_id))
                words = "with one that hangs" if hangs else "without it"
                say(f"  {count} at once, {words}: round {number}, {time.monotonic() - began:.1f} s")
    Source.objects.filter(id=source_id).update(enabled=False)
    connections.close_all()
    return _table(count=count, with_it=with_it, without=without)


def _round(*, person_ids: Sequence[UUID], stack: Stack, hanging: UUID) -> Round:
    with ThreadPoolExecutor(OPENING_THREADS) as threads:
        retrieval_ids = list(threads.map(partial(_opened, stack), person_ids))
    rows = SourceOutcome.objects.filter(retrieval_id__in=retrieval_ids)
    until = time.monotonic() + LOST_AFTER_S
    while rows.filter(outcome=None).exists():
        if time.monotonic() > until:
            raise StartError("a retrieval has no end.")
        time.sleep(0.1)
    others = [
        (outcome, ended_at - created_at)
        for outcome, ended_at, created_at in rows.exclude(source_id=hanging).values_list(
            "outcome", "ended_at", "retrieval__created_at"
        )
    ]
    return Round(
        answered=sum(outcome == Outcome.ANSWERED for outcome, _ in others),
        landed_ms=tuple(took.total_seconds() * 1000 for _, took in others),
    )


def _opened(stack: Stack, person_id: UUID) -> UUID:
    try:
        return open_record(requester=stack.world.clinician, person_id=person_id, now=timezone.now())
    finally:
        connections.close_all()


def _table(*, count: int, with_it: Sequence[Round], without: Sequence[Round]) -> Table:
    def row(figure: str, unit: str, values: Sequence[Sequence[float]], aim: str = "1 x") -> Row:
        ours, beside = (tuple(side) for side in values)
        return Row(name=f"{count} at once, the others' answers: {figure}", unit=unit, ours=ours, beside=beside, aim=aim)

    sides = (with_it, without)
    late = partial(share_below, share=0.95)
    rows = (
        row("whole", "", [[each.answered for each in side] for side in sides]),
        row("until they landed, median", "ms", [[median(each.landed_ms) for each in side] for side in sides]),
        row("until they landed, p95", "ms", [[late(values=each.landed_ms) for each in side] for side in sides]),
    )
    return Table(title="One source more, which hangs", beside="the same without it", rows=rows)
