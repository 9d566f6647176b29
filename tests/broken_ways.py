"""Two sources of the synthetic region that know one person, and any number of ways to each that break on demand.

Each way is a proxy by TLS with an address of its own, so that it can be registered as a source of its own. All of it
runs in a process of its own (`python -m tests.broken_ways`), which takes orders in JSON, a line each, so that it does
not slow down who is tested.
"""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web
from joserfc import jwk

from launcher.processes import listening_socket
from simulator.certificates import make_authority, server_context
from simulator.connection_faults import ConnectionFault, read_connection_fault
from simulator.gp_server import gp_app
from simulator.organisations import GP_CONNECT
from simulator.proxy import FaultProxy
from simulator.r4_server import r4_app
from simulator.records import ServerSettings, read_folder
from simulator.serving import Desk
from simulator.smart_tokens import TokenGiver
from tests.signing import ec_key
from tests.unit.simulator.served import region_folder, story

PRACTICE, HOSPITAL, HOSPITAL_WITH_TOKENS = "practice", "hospital", "hospital-with-tokens"
SLUGS = {PRACTICE: "ferrygate-medical", HOSPITAL: "thornmere-royal", HOSPITAL_WITH_TOKENS: "thornmere-royal"}
STORY = "moved"  # its person has a short record at both
PAGE_SIZE = 15
CLIENT_ID = "longview"
# The names of the secrets that the options of a source name.
AUTHORITY_SECRET, KEY_SECRET = "authority", "client-key"
KEYS, CERTIFICATE, STRANGERS_CERTIFICATE = "client-keys.json", "good-server.pem", "stranger-server.pem"


@dataclass(frozen=True, kw_only=True)
class BrokenWays:
    """The ways, as whoever opens and breaks them sees them. `secrets` is the folder of the secrets of sources."""

    secrets: Path
    process: subprocess.Popen[str]

    def add(self, *, name: str, source: str) -> str:
        """Open a further way to a source; return the source's base address by it."""
        address: str = self._order(add=name, source=source)
        return address

    def put(self, faults: Mapping[str, ConnectionFault | None]) -> None:
        """Put a fault in force at each of these ways; None: no fault any more."""
        self._order(put={name: fault.as_json() if fault else None for name, fault in faults.items()})

    def close_all(self) -> None:
        """Close every way."""
        self._order(close=True)

    def _order(self, **order: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def broken_ways(*, folder: Path) -> Iterator[BrokenWays]:
    """Run the servers, as yet without a way to them. Certificates and secrets are written into a folder."""
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / AUTHORITY_SECRET).write_bytes(make_authority(folder, name="good").trusted.read_bytes())
    make_authority(folder, name="stranger")
    (secrets / KEY_SECRET).write_text(json.dumps(ec_key().as_dict(private=True)))
    (folder / KEYS).write_text(json.dumps({"keys": [ec_key().as_dict(private=False)]}))
    command = [sys.executable, "-m", "tests.broken_ways", str(folder), str(region_folder())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        try:
            yield BrokenWays(secrets=secrets, process=process)
        finally:
            process.stdin.close()  # which ends it


def settings_of(source: str) -> ServerSettings:
    """Return how a source behaves."""
    return read_folder(folder=region_folder() / SLUGS[source]).settings


def options_of(source: str) -> dict[str, str]:
    """Return the options with which a source is asked."""
    options = {**settings_of(source).options, "ca_secret": AUTHORITY_SECRET}
    if source == HOSPITAL_WITH_TOKENS:
        options |= {"auth": "smart", "client_id": CLIENT_ID, "key_secret": KEY_SECRET}
    return options


def lines_of(source: str, name: str) -> list[str]:
    """Return the lines about the person in one of a source's files, with its heading."""
    local_id = story(STORY)["sources"][SLUGS[source]]
    with (region_folder() / SLUGS[source] / name).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if row["local_id"] == local_id]
    heading = list(reader.fieldnames or ())
    return [",".join(heading), *(",".join(row[column] for column in heading) for row in rows)]


# The process


@dataclass(kw_only=True)
class _Servers:
    folder: Path
    region: Path
    roots: dict[str, tuple[str, str]] = field(default_factory=dict)  # of each source: its address, and its base path
    proxies: dict[str, FaultProxy] = field(default_factory=dict)

    async def start(self) -> None:
        keys = jwk.KeySet.import_key_set(json.loads((self.folder / KEYS).read_text()))
        for source, slug in SLUGS.items():
            held = read_folder(folder=self.region / slug)
            settings = replace(held.settings, page_size=PAGE_SIZE, everything=True)
            desk = Desk(records=replace(held, settings=settings, faults=()), latency_ms=0, seed=7)
            giver = TokenGiver(client_id=CLIENT_ID, keys=keys) if source == HOSPITAL_WITH_TOKENS else None
            app = gp_app(desk=desk) if settings.kind == GP_CONNECT else r4_app(desk=desk, giver=giver)
            runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.roots[source] = (f"http://127.0.0.1:{runner.addresses[0][1]}", settings.base_path)

    async def obey(self, order: Mapping[str, Any]) -> Any:
        if name := order.get("add"):
            return await self._add(name, source=order["source"])
        if order.get("close"):
            await asyncio.gather(*(proxy.close() for proxy in self.proxies.values()))
            self.proxies.clear()
        for name, described in order.get("put", {}).items():
            fault = read_connection_fault(described=described) if described else None
            await self.proxies[name].put(fault=fault)
        return None

    async def _add(self, name: str, *, source: str) -> str:
        root, base_path = self.roots[source]
        proxy = self.proxies[name] = FaultProxy(
            upstream=root,
            listening=listening_socket(),
            tls=server_context(certificate=self.folder / CERTIFICATE),
            wrong_tls=server_context(certificate=self.folder / STRANGERS_CERTIFICATE),
        )
        await proxy.start()
        return proxy.address + base_path


async def _run(*, folder: Path, region: Path) -> None:
    servers = _Servers(folder=folder, region=region)
    await servers.start()
    while line := await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(json.dumps(await servers.obey(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_run(folder=Path(sys.argv[1]), region=Path(sys.argv[2])))
