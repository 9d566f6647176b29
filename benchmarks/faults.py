"""What a source whose connection is broken costs the others: one record at a time with each fault and without it.

A seventh source stands behind the proxy of the simulator. With a fault and without one, in turn, the same is asked of
all seven, and what is counted is when the other six had landed.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from statistics import median
from uuid import UUID

from django.db import connections
from django.utils import timezone

from aggregator.federation.connections import client_for_threads
from aggregator.federation.guard import forget
from aggregator.federation.models import SourceOutcome
from aggregator.services.open_record import open_record
from aggregator.sources.models import Source
from benchmarks.figures import Row, Table
from benchmarks.records import BASE_PATH, fake_sources, people
from benchmarks.service import PATIENCE_S, Judging, Say, Stack, running_worker
from benchmarks.world import BREAKING, add_source_more
from connectors.contract.outcomes import Outcome
from launcher import children
from launcher.processes import StartError, stop, wait_until
from simulator.connection_faults import ConnectionFault, Kind

ROUNDS, QUICK_ROUNDS = 7, 1
PEOPLE = 4
LIMIT_S = 2.0  # of the source that breaks, so that one that never answers is soon over
LOST_AFTER_S = 90.0
# All that a proxy without TLS can do; a delay that is not too long would be no fault.
KINDS = tuple(kind for kind in Kind if not kind.needs_tls and kind not in (Kind.LATENCY, Kind.JITTER))


def measure(*, stack: Stack, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table. The verdict is left out: its CPU would hide what waiting costs.

    Raises: StartError.
    """
    rows: list[Row] = []
    proxy = children.start_proxy(
        name="bench", upstream=stack.sources[0].address, logs=stack.folder / "logs", environment=os.environ
    )
    try:
        ready = partial(children.simulator_is_ready, server=proxy)
        wait_until(ready=ready, child=proxy.child, within_s=PATIENCE_S)
        add_source_more(
            slug=BREAKING,
            address=proxy.address + BASE_PATH,
            known=people(count=PEOPLE),
            time_limit_s=LIMIT_S,
            identifier_system=fake_sources()[0].source.identifier_system,
        )
        breaking = Source.objects.get(slug=BREAKING).id
        with running_worker(stack=stack, judging=Judging.NONE):
            turns = cycle(stack.world.person_ids[:PEOPLE])
            _landed_ms(stack=stack, person_id=next(turns), breaking=breaking, is_well=True)  # what a worker does once
            for kind in KINDS[:2] if quick else KINDS:
                ours, beside = [], []
                for _ in range(QUICK_ROUNDS if quick else ROUNDS):
                    for values, fault in ((ours, ConnectionFault(kind=kind)), (beside, None)):
                        _put(proxy=proxy, fault=fault)
                        person_id, is_well = next(turns), fault is None
                        values.append(_landed_ms(stack=stack, person_id=person_id, breaking=breaking, is_well=is_well))
                say(f"  {kind}: the others {median(ours) - median(beside):+.1f} ms")
                rows.append(_row(kind=kind, ours=ours, beside=beside))
    finally:
        Source.objects.filter(slug=BREAKING).update(enabled=False)
        stop(children=[proxy.child])
        connections.close_all()
    return Table(
        title="One source more, whose connection breaks", beside="the same without the fault", rows=tuple(rows)
    )


def _row(*, kind: Kind, ours: Sequence[float], beside: Sequence[float]) -> Row:
    name = f"{kind}: until the six others had landed, median of them"
    return Row(name=name, unit="ms", ours=tuple(ours), beside=tuple(beside), aim="+ 50 ms")


def _landed_ms(*, stack: Stack, person_id: UUID, breaking: UUID, is_well: bool) -> float:
    """Ask once; return the median of when the others had landed. `is_well`: the seventh has no fault, either.

    Raises: StartError where one that is well has not answered whole.
    """
    forget(client=client_for_threads(), source_id=breaking)  # or it would rest, and not be asked
    retrieval_id = open_record(requester=stack.world.clinician, person_id=person_id, now=timezone.now())
    rows = SourceOutcome.objects.filter(retrieval_id=retrieval_id)
    until = time.monotonic() + LOST_AFTER_S
    while rows.filter(outcome=None).exists():
        if time.monotonic() > until:
            raise StartError("a retrieval has no end.")
        time.sleep(0.02)
    asked = rows.filter(source__enabled=True)  # another part may have left one that is paused
    others = list(asked.exclude(source_id=breaking).values_list("outcome", "ended_at", "retrieval__created_at"))
    ends = {outcome for outcome, _, _ in others}
    if is_well:
        ends |= set(rows.filter(source_id=breaking).values_list("outcome", flat=True))
    if ends != {Outcome.ANSWERED}:
        raise StartError("a source that is well did not answer whole.")
    return median((ended_at - created_at).total_seconds() * 1000 for _, ended_at, created_at in others)


def _put(*, proxy: children.Server, fault: ConnectionFault | None) -> None:
    method, body = ("PUT", json.dumps(fault.as_json()).encode()) if fault else ("DELETE", None)
    address = f"{children.control_of(proxy=proxy)}/fault"
    request = urllib.request.Request(address, method=method, data=body)  # noqa: S310 (ours)
    urllib.request.urlopen(request, timeout=5).close()  # noqa: S310
