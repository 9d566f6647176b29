"""What translating one large answer of a practice takes in memory, beside reading it as JSON."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Row, Table
from benchmarks.records import large_practice_record
from connectors.gp_connect.connector import GpConnect

ROUNDS, QUICK_ROUNDS = 3, 2
# The largest answer of a practice that is published has 1.33 MB.
BYTES, QUICK_BYTES = 1_350_000, 300_000
AIM = "120 MB"


def measure(*, quick: bool, answer: Path | None, say: Callable[[str], None]) -> Table:
    """Measure a synthetic answer, and another's where it is named; return the table."""
    say("  memory of one large answer")
    payloads = {"translate": large_practice_record(least_bytes=QUICK_BYTES if quick else BYTES)}
    if answer:
        payloads["translate the answer named"] = answer.read_bytes()
    connector = GpConnect()
    connector.warm_up()
    rounds = QUICK_ROUNDS if quick else ROUNDS
    rows = []
    for name, payload in payloads.items():
        connector.convert(payload=payload)  # what is imported and built once is no part of one answer
        ours = tuple(_most_mb(act=lambda payload=payload: connector.convert(payload=payload)) for _ in range(rounds))
        beside = tuple(_most_mb(act=lambda payload=payload: json.loads(payload)) for _ in range(rounds))
        rows.append(Row(name=f"{name}, {len(payload) / 1e6:.2f} MB", unit="MB", ours=ours, beside=beside, aim=AIM))
    return Table(
        title="Memory for a practice's largest answer, the most at once",
        beside="json.loads of it, all kept",
        rows=tuple(rows),
    )


def _most_mb(*, act: Callable[[], object]) -> float:
    """Return the most that Python held at once for an act, beyond what it held before."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = act()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    return most / 1e6
