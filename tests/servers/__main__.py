"""`python -m tests.servers [NAME...]`: read FHIR servers that others wrote; compare with raw reads of all they hold.

Each is fetched from its registry into `.cache/servers`, started on loopback, given records of the synthetic region, and
read with tokens on, behind a gateway. The exit status is 0 where every record is complete, and only the patient's.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from connectors.contract.categories import RecordCategory
from connectors.fhir_r4.capability import UNDECLARED
from launcher.processes import reserved_port, stop, stoppable, wait_until
from tests.servers.comparing import FAULTS, compare
from tests.servers.kinds import PUBLIC, SERVERS, Server
from tests.servers.raw import everything, read
from tests.servers.records import records

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "servers"
STARTS_WITHIN_S = 600


def main(arguments: Sequence[str]) -> int:
    """Try the servers that are named, or all for which this machine has the programs."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(server.name for server in SERVERS))
    parser.add_argument("--people", type=int, default=20, help="how many people's records (default 20)")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - {server.name for server in SERVERS}
    if unknown:
        parser.error(f"There is no server {', '.join(sorted(unknown))}.")
    resources = records(folder=FOLDER / "region", people=options.people)
    faulty = 0
    for server in SERVERS:
        if options.names and server.name not in options.names:
            continue
        if server.lacking:
            print(f"{server.name}: left out, for want of {', '.join(server.lacking)}")
            continue
        figures = _try(server, resources=resources)
        print("  " + ", ".join(f"{name} {count}" for name, count in figures.items()))
        faulty += any(figures[fault] for fault in FAULTS) or not figures["people"]
    return 1 if faulty else 0


def _try(server: Server, /, *, resources: list[dict[str, object]]) -> Counter[str]:
    print(f"{server.name}: {server.words}", flush=True)
    folder = FOLDER / server.name
    folder.mkdir(parents=True, exist_ok=True)
    server.fetch(folder)
    with reserved_port() as reserved:
        port = reserved.getsockname()[1]
    base = f"http://127.0.0.1:{port}{server.base}"
    if server.loads_before:
        server.load(folder, base, resources)
    child = server.start(folder=folder, port=port)
    try:
        wait_until(ready=lambda: _answers(base), child=child, within_s=STARTS_WITHIN_S, every_s=0.5)
        if not server.loads_before:
            server.load(folder, base, resources)
        types = {"Patient", *(name for category in RecordCategory for name in category.types)}
        types |= {searched.name for searched in UNDECLARED.types}
        return asyncio.run(compare(base=base, public=PUBLIC, raw=everything(base=base, public=PUBLIC, types=types)))
    finally:
        stop(children=[child])


def _answers(base: str) -> bool:
    with suppress(OSError, ValueError):
        read(f"{base}/Patient?_count=1")
        return True
    return False


if __name__ == "__main__":
    with stoppable():
        sys.exit(main(sys.argv[1:]))
