"""The bound: asyncio, aiohttp and uvloop in one process, the same GETs as the service's, nothing stored.

With the verdict it splits each page and judges every entry by the service's own code, giving way as the service does.
It is told over a socket what to do, a line of JSON each, and answers with a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import socket
import sys
from collections.abc import Sequence
from typing import Any

import aiohttp
import uvloop

from benchmarks.loop import Driven, closed_loop
from config.process import freeze_gc
from connectors.reading import split_answer
from connectors.transport.pace import Steps, finish_paced
from fhir_data.releases import Release
from fhir_data.verdict import RefusedEntry, verdict

HEADERS = {"Accept": "application/fhir+json"}
# One source: the addresses to ask, one after the other. One retrieval: its sources.
Retrieval = Sequence[Sequence[str]]


async def retrieve(*, session: aiohttp.ClientSession, retrieval: Retrieval, judged: bool) -> bool:
    """Ask every source at once; return whether all answered and, where judged, all entries were accepted."""
    asked = (_ask(session=session, addresses=addresses, judged=judged) for addresses in retrieval)
    return all(await asyncio.gather(*asked))


async def _ask(*, session: aiohttp.ClientSession, addresses: Sequence[str], judged: bool) -> bool:
    pages: list[bytes] = []
    for address in addresses:
        async with session.get(address, headers=HEADERS) as response:
            pages.append(await response.read())
            if response.status != 200:
                return False
    return not judged or await finish_paced(steps=_judge(pages=pages), deadline=math.inf) == 0


def _judge(*, pages: Sequence[bytes]) -> Steps[int]:
    """Return how many entries were refused."""
    refused = 0
    for page in pages:
        for entry in split_answer(payload=page).entries:
            judged = entry.resource is not None and verdict(entry=entry.resource, release=Release.R4)
            accepted = judged and not isinstance(judged, RefusedEntry)
            refused += not accepted
            yield
    return refused


async def _drive(*, session: aiohttp.ClientSession, told: dict[str, Any]) -> Driven:
    retrievals: list[Retrieval] = told["retrievals"]

    async def act(slot: int) -> bool:
        try:
            return await retrieve(session=session, retrieval=retrievals[slot], judged=told["judged"])
        except (aiohttp.ClientError, OSError):
            return False

    return await closed_loop(seconds=told["seconds"], in_flight=told["in_flight"], act=act)


async def _serve(listening: socket.socket) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                driven = await _drive(session=session, told=json.loads(line))
                times = [None if math.isinf(one) else one for one in driven.times_ms]
                writer.write(json.dumps({"times_ms": times, "whole_ms": driven.whole_ms}).encode() + b"\n")
                freeze_gc()  # as a worker does when it is up; the first line that comes is the warm-up

        server = await asyncio.start_server(talk, sock=listening, limit=2**22)
        print("ready", flush=True)
        async with server:
            await server.serve_forever()


def main(arguments: list[str]) -> None:
    """Serve on a socket that listens already."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bare", description=__doc__)
    parser.add_argument("--fd", type=int, required=True)
    uvloop.run(_serve(socket.socket(fileno=parser.parse_args(arguments).fd)))


if __name__ == "__main__":
    main(sys.argv[1:])
