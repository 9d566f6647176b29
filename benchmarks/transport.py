"""What our client of HTTP adds to a call: the same GETs of 200 KB by aiohttp alone, on the same loop, in turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import aiohttp
import uvloop

from benchmarks.figures import Row, Table
from benchmarks.records import BASE_PATH, fake_sources, people, write_record
from benchmarks.service import PATIENCE_S, Say, start_part
from connectors.transport.addresses import Reach
from connectors.transport.client import HttpTransport
from launcher import children
from launcher.processes import Child, stop, wait_until

ROUNDS, QUICK_ROUNDS = 7, 1
TIMES, QUICK_TIMES = 300, 20


def measure(*, folder: Path, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table.

    Raises: StartError.
    """
    say("  transport")
    rounds, times = (QUICK_ROUNDS, QUICK_TIMES) if quick else (ROUNDS, TIMES)
    started: list[Child] = []
    fake = fake_sources()[0]
    record = folder / "records" / "transport.ndjson"
    write_record(fake=fake, path=record)
    options = ("--number", 1, "--record", record, "--people", 1, "--delay-ms", 0)
    try:
        server = start_part(
            name="a source", module="benchmarks.source", options=options, folder=folder, started=started
        )
        wait_until(ready=lambda: children.simulator_is_ready(server=server), child=server.child, within_s=PATIENCE_S)
        patient_id = fake.patient(person=people(count=1)[0])["id"]
        url = f"{server.address}{BASE_PATH}/Patient/{patient_id}/$everything"
        ours, beside = uvloop.run(_rounds(url=url, rounds=rounds, times=times))
    finally:
        stop(children=started)
    added = tuple(own - alone for own, alone in zip(ours, beside, strict=True))
    rows = (
        Row(name="a call, kept alive, one at a time", unit="ms", ours=ours, beside=beside),
        Row(name="what ours adds", unit="ms", ours=added, aim="at most 0.6"),
    )
    return Table(title="One GET of 200 KB, CPU of the client", beside="aiohttp alone, the same loop", rows=rows)


async def _rounds(*, url: str, rounds: int, times: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    transport = HttpTransport(reach=Reach.of(networks=("127.0.0.0/8",), plain_http=True))
    headers = {"Accept": "application/fhir+json"}

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def own() -> None:
            answer = await transport.request(
                method="GET",
                url=url,
                headers=headers,
                source_id="bench",
                deadline=asyncio.get_running_loop().time() + 30,
                correlation_id=uuid4(),
                repeatable=True,
                may_hedge=True,
            )
            assert answer.status == 200, answer.status

        async def alone() -> None:
            async with session.get(url, headers=headers) as response:
                await response.read()
                assert response.status == 200, response.status

        try:
            found = [(await _each_ms(own, times), await _each_ms(alone, times)) for _ in range(rounds)]
        finally:
            await transport.close()
    ours, beside = zip(*found, strict=True)
    return ours, beside


async def _each_ms(act: Callable[[], Awaitable[None]], times: int) -> float:
    await act()
    began = time.process_time()
    for _ in range(times):
        await act()
    return (time.process_time() - began) * 1000 / times
