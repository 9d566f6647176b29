"""The demonstration: starts every part of the service in order, and stops them in order."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import redis
from django.db import connections

from aggregator.accounts.requester import operator
from config import database_roles
from launcher import children, demo_summary
from launcher.failing_sources import FAILING, what_to_watch
from launcher.generated_secrets import kept_values
from launcher.load_region import load_region
from launcher.private_services import Services, write_addresses
from launcher.processes import Child, listening_socket, stop, wait_until
from launcher.progress import Progress
from launcher.region import Region, written_region
from launcher.static_files import collect_if_changed
from launcher.supervision import Part, supervise
from launcher.tables import migrate_if_needed

REGION_SEED = "2026"
PREFERRED_PORT = 8000
START_TIMEOUT_S = 60.0
ACCOUNT_FILE = "account.json"


@dataclass
class Demonstration:
    """One run in a locked data folder. `private` are the private services, if any were started.

    With `faults` some sources stand behind proxies that break the connections to them, once the summary is shown.
    """

    folder: Path
    services: Services
    private: tuple[Part, ...]
    progress: Progress
    faults: bool = False
    servers: dict[str, children.Server] = field(default_factory=dict)
    proxies: dict[str, children.Server] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def run(self, *, once: bool) -> None:
        """Start everything, show one record, then keep running unless `once`.

        Raises: StartError or SettingError when a part does not start; processes.Stopped when it is stopped.
        """
        say, step = self.progress.say, self.progress.step
        with ExitStack() as running:
            shutil.rmtree(self._logs, ignore_errors=True)  # those of the last run were kept for reading
            with step("style sheet and script"):
                collect_if_changed()
            with step("tables"):
                migrate_if_needed(folder=self.folder)
            if database_roles.single_role():
                say("  One database role owns the tables and serves users: only a trigger protects the audit.\n")
            region = self._region()
            running.callback(lambda: stop(children=[part.child for part in self.parts]))
            self._start_sources(region)
            web, workers = self._start_service()
            with step(f"{len(region.sources)} sources, their people and the accounts"):
                password = self._load(region)
            self._wait_for_service(web, workers)
            write_addresses(folder=self.folder, services=self.services, more={"web": web.address})
            demo_summary.show(region=region, web=web.address, password=password, say=say)
            if self.faults:
                self._let_sources_fail(region, web=web.address)
            if not once:
                self.progress.up = True
                say("Press Ctrl-C to stop everything.\n")
                supervise(parts=[*self.private, *self.parts], say=say)

    def _region(self) -> Region:
        with self.progress.step("synthetic region"):
            return written_region(folder=self.folder / "region", seed=REGION_SEED, today=datetime.now(UTC).date())

    def _start_sources(self, region: Region) -> None:
        for source in region.sources:
            start = partial(
                children.start_simulator,
                kind=source["kind"],
                folder=region.folder / source["slug"],
                logs=self._logs,
                environment=os.environ,
            )
            self.servers[source["slug"]] = self._keep_at_its_port(start(), start)
        for slug in FAILING if self.faults else ():
            start_proxy = partial(
                children.start_proxy,
                name=slug,
                upstream=self.servers[slug].address,
                logs=self._logs,
                environment=os.environ,
            )
            start_again = partial(start_proxy, schedule=FAILING[slug].schedule)
            self.proxies[slug] = self._keep_at_its_port(start_proxy(), start_again)

    def _let_sources_fail(self, region: Region, *, web: str) -> None:
        for slug, proxy in self.proxies.items():
            children.begin_schedule(proxy=proxy, schedule=FAILING[slug].schedule)
        for line in what_to_watch(region=region, web=web):
            self.progress.say(f"{line}\n")

    def _start_service(self) -> tuple[children.Server, list[Child]]:
        """Start web, workers and clock, which get ready while the region is loaded."""
        try:
            listening = listening_socket(port=PREFERRED_PORT)
        except OSError:  # taken, perhaps by another clone's demonstration
            listening = listening_socket()
        environment = {**os.environ, "PUBLIC_URL": children.address_of(listening)}
        start_web = partial(children.start_web, environment=environment, logs=self._logs)
        web = self._keep_at_its_port(start_web(listening=listening), start_web)
        starts = {
            queue: partial(children.start_worker, environment=environment, logs=self._logs, queue=queue)
            for queue in children.WORKERS
        }
        workers = {queue: start() for queue, start in starts.items()}
        self.parts.extend(Part(workers[queue], start) for queue, start in starts.items())
        start_beat = partial(children.start_beat, environment=environment, logs=self._logs)
        self.parts.append(Part(start_beat(), start_beat))
        return web, list(workers.values())

    def _keep_at_its_port(self, server: children.Server, start: Callable[..., children.Server]) -> children.Server:
        def start_again() -> Child:
            return start(listening=listening_socket(port=server.port)).child

        self.parts.append(Part(server.child, start_again))
        return server

    def _load(self, region: Region) -> str:
        """Load the region once its sources answer; return the password of its accounts."""
        for server in (*self.servers.values(), *self.proxies.values()):
            wait_until(
                ready=partial(children.simulator_is_ready, server=server), child=server.child, within_s=START_TIMEOUT_S
            )
        account = kept_values(
            path=self.folder / ACCOUNT_FILE, make=lambda: {"password": f"demo-{secrets.token_hex(6)}"}
        )
        load_region(
            requester=operator(),
            folder=region.folder,
            addresses={
                source["slug"]: {**self.servers, **self.proxies}[source["slug"]].address + source["base_path"]
                for source in region.sources
            },
            password_for=lambda _: account["password"],
            now=datetime.now(UTC),
        )
        connections.close_all()
        return account["password"]

    def _wait_for_service(self, web: children.Server, workers: Sequence[Child]) -> None:
        with self.progress.step("web"):
            wait_until(ready=lambda: web.answers("/readyz"), child=web.child, within_s=START_TIMEOUT_S)
        with self.progress.step("workers"), redis.Redis.from_url(self.services.redis_url, socket_timeout=5) as client:
            for worker in workers:
                ready = partial(children.worker_is_ready, client=client, child=worker)
                wait_until(ready=ready, child=worker, within_s=START_TIMEOUT_S)

    @property
    def _logs(self) -> Path:
        return self.folder / "logs"
