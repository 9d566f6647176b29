"""Asks an ordinary source again and again on one event loop, alone or beside a hostile one, in a process of its own.

What is done between the last byte and the store is done: an answer is read, its items are made, and it is sealed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import uvloop

from aggregator.federation.answers import HeldAnswer
from aggregator.federation.reach import open_channels
from aggregator.federation.store import Sealer, new_wrapped_key
from aggregator.record.item import Item
from aggregator.record.received import item_of
from benchmarks.hostile_answers import GOOD, HOSTILE, NHS_NUMBER
from config.process import freeze_gc
from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.errors import SourceError
from connectors.contract.protocol import Connector
from connectors.contract.values import NOBODY, Identifier, Query, Reply, SourceAddress
from connectors.fhir_r4.connector import FhirR4
from connectors.gp_connect.connector import GpConnect
from connectors.transport.channels import LoopChannels
from connectors.transport.offload import Offload
from connectors.transport.pace import Steps, finish_paced
from fhir_data.identifiers import NHS_NUMBER_SYSTEM

CONNECTORS: dict[str, Connector] = {FhirR4.kind: FhirR4(), GpConnect.kind: GpConnect()}
MASTER_KEY = b"only for the benchmark: 32 bytes"
RETRIEVAL_ID, SOURCE_ID = UUID(int=1), UUID(int=2)
SEALER = Sealer(
    master_key=MASTER_KEY,
    wrapped_key=new_wrapped_key(master_key=MASTER_KEY, retrieval_id=RETRIEVAL_ID),
    retrieval_id=RETRIEVAL_ID,
)
ALONE_S, DEADLINE_S, PAUSE_S = 2.0, 10.0, 0.02
TICK_S = 0.002


class Watch:
    """What happens meanwhile: the loop's largest lag and the slowest ordinary answer."""

    def __init__(self) -> None:
        self.lag_ms = 0.0
        self.slowest_ms = 0.0

    async def ticks(self) -> None:
        """Note by how much a short sleep is late."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_S)
            self.lag_ms = max(self.lag_ms, (time.perf_counter() - began - TICK_S) * 1000)

    async def asks(self, *, base: str, channels: LoopChannels) -> None:
        """Ask the ordinary source again and again."""
        while True:
            began = time.perf_counter()
            await _retrieve(kind=FhirR4.kind, base=f"{base}/{GOOD}", channels=channels)
            self.slowest_ms = max(self.slowest_ms, (time.perf_counter() - began) * 1000)
            await asyncio.sleep(PAUSE_S)


async def _retrieve(*, kind: str, base: str, channels: LoopChannels) -> None:
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    query = Query(
        local_identifiers=(Identifier(system=NHS_NUMBER_SYSTEM, value=NHS_NUMBER),),
        categories=CLINICAL_CATEGORIES,
        asker=NOBODY,
        deadline=deadline,
        correlation_id=uuid4(),
    )
    source = SourceAddress(source_id=base, base_url=base, options={})
    reply = await CONNECTORS[kind].ask(source=source, query=query, channels=channels)
    items = await finish_paced(steps=_items(reply), deadline=deadline)
    await asyncio.to_thread(_seal, reply=reply, items=items)


def _items(reply: Reply, /) -> Steps[tuple[Item, ...]]:
    items = []
    for received in reply.items:
        items.append(item_of(received=received, item_id=uuid4().hex, source_id=str(SOURCE_ID)))
        yield None
    return tuple(items)


def _seal(*, reply: Reply, items: tuple[Item, ...]) -> None:
    answer = HeldAnswer(
        source_record_id=SOURCE_ID,
        received_at=datetime.now(UTC),
        subject=reply.subject,
        items=items,
        quarantined=reply.quarantined,
        notices=reply.notices,
    )
    SEALER.seal(source_id=SOURCE_ID, answers=(answer,))


async def _watched(*, base: str, channels: LoopChannels, number: int | None) -> dict[str, float]:
    """Watch while the hostile source of a number is asked; None: a while without one."""
    watch = Watch()
    watching = [
        asyncio.create_task(watch.ticks()),
        asyncio.create_task(watch.asks(base=base, channels=channels)),
    ]
    await asyncio.sleep(PAUSE_S * 5)
    if number is None:
        await asyncio.sleep(ALONE_S)
    else:
        kind = [*HOSTILE.values()][number].kind
        with suppress(SourceError):  # in whatever it ends
            await _retrieve(kind=kind, base=f"{base}/{number}", channels=channels)
    await asyncio.sleep(PAUSE_S * 5)
    for task in watching:
        task.cancel()
    for task in watching:
        with suppress(asyncio.CancelledError):
            await task
    return vars(watch)


async def _measure(*, base: str, numbers: list[int]) -> None:
    async with open_channels() as channels:
        for connector in CONNECTORS.values():
            connector.warm_up()
            channels.get(Offload).start(connector=type(connector))
        freeze_gc()
        await _retrieve(kind=FhirR4.kind, base=f"{base}/{GOOD}", channels=channels)
        await asyncio.sleep(ALONE_S)
        for number in numbers:
            alone = await _watched(base=base, channels=channels, number=None)
            beside = await _watched(base=base, channels=channels, number=number)
            print(json.dumps({"alone": alone, "beside": beside}), flush=True)
            await asyncio.sleep(ALONE_S / 4)


def main(arguments: list[str]) -> None:
    """Print a line of JSON for each hostile source."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile_worker", description=__doc__)
    parser.add_argument("--base", required=True)
    parser.add_argument("numbers", type=int, nargs="*")
    options = parser.parse_args(arguments)
    uvloop.run(_measure(base=options.base, numbers=options.numbers))


if __name__ == "__main__":
    main(sys.argv[1:])
