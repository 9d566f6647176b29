"""What `manage.py demo` does: everything that the service is made of, started in order and stopped in order."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import redis
from django.db import connections

from aggregator.accounts.requester import operator
from aggregator.services.load_region import load_region
from config import children, demo_summary, roles
from config.adopt import adopt_public_url, adopt_services
from config.assets import collect_if_changed
from config.embedded import Services, embedded_services, held_folder, write_addresses
from config.env import SettingError, read_environment
from config.kept import kept_values
from config.processes import Child, end_with_parent, listening_socket, stop, wait_until, watch
from config.region import Region, written_region
from config.tables import migrate_if_needed

REGION_SEED = "2026"
PREFERRED_PORT = 8000
PATIENCE_S = 60.0
ACCOUNT_FILE = "account.json"


@dataclass
class Demonstration:
    """One run. `say` shows a text at once, without adding a line end."""

    folder: Path
    say: Callable[[str], None]
    servers: dict[str, children.Server] = field(default_factory=dict)
    private: tuple[Child, ...] = ()
    up: bool = False

    def run(self, *, once: bool) -> None:
        """Start everything, show one record, then stay up unless `once`.

        Raises: StartError or SettingError when a part does not start; processes.Stopped when told to stop.
        """
        _end_with_make()
        with held_folder(folder=self.folder), ExitStack() as running:
            shutil.rmtree(self._logs, ignore_errors=True)  # of the last run, for whoever wanted to read them
            services = self._services(running)
            adopt_services(services=services)
            with self._step("style sheet and script"):
                collect_if_changed()
            with self._step("tables"):
                migrate_if_needed(folder=self.folder)
            if roles.single_role():
                self.say("  One database role owns and serves: the audit's trigger is then its only guard.\n")
            region = self._region()
            self._start_sources(region, running)
            web, worker = self._start_service(running)
            with self._step(f"{len(region.sources)} sources, their people and the accounts"):
                password = self._load(region)
            self._wait_for_service(web, worker, services)
            write_addresses(folder=self.folder, services=services, more={"web": web.address})
            demo_summary.show(region=region, web=web.address, password=password, say=self.say)
            if not once:
                self.up = True
                self.say("Ctrl-C stops everything.\n")
                watch(children=[*self.private, web.child, worker, *(one.child for one in self.servers.values())])

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self.say(f"  {what} ...")
        started = time.monotonic()
        try:
            yield
        except BaseException:
            self.say("\n")
            raise
        self.say(f" {time.monotonic() - started:.1f} s\n")

    def _services(self, running: ExitStack) -> Services:
        """Return the services that are named, or start private ones."""
        named = read_environment()
        database_url, redis_url = named.database_url.get_secret_value(), named.redis_url.get_secret_value()
        if bool(database_url) != bool(redis_url):
            raise SettingError("Set both DATABASE_URL and REDIS_URL to use yours, or neither for private ones.")
        if database_url:
            return Services(database_url, named.database_owner_url.get_secret_value(), redis_url)
        with self._step("PostgreSQL and Redis"):
            private = running.enter_context(embedded_services(folder=self.folder))
        self.private = private.children
        return private.services

    def _region(self) -> Region:
        with self._step("synthetic region"):
            return written_region(folder=self.folder / "region", seed=REGION_SEED, today=datetime.now(UTC).date())

    def _start_sources(self, region: Region, running: ExitStack) -> None:
        running.callback(lambda: stop(children=[server.child for server in self.servers.values()]))
        for source in region.sources:
            self.servers[source["slug"]] = children.start_simulator(
                kind=source["kind"],
                folder=region.folder / source["slug"],
                logs=self._logs,
                environment=os.environ,
            )

    def _start_service(self, running: ExitStack) -> tuple[children.Server, Child]:
        """Start worker and web; they get ready while the region is loaded."""
        web = self._start_web()
        running.callback(stop, children=[web.child])
        worker = children.start_worker(environment=os.environ, logs=self._logs)
        running.callback(stop, children=[worker, web.child])
        return web, worker

    def _start_web(self) -> children.Server:
        try:
            listening = listening_socket(port=PREFERRED_PORT)
        except OSError:  # taken, perhaps by another clone's demonstration
            listening = listening_socket()
        adopt_public_url(address=children.address_of(listening))
        return children.start_web(environment=os.environ, logs=self._logs, listening=listening)

    def _load(self, region: Region) -> str:
        """Load the region once its sources answer; return the password of its accounts."""
        for server in self.servers.values():
            wait_until(
                ready=partial(children.simulator_is_ready, server=server), child=server.child, within_s=PATIENCE_S
            )
        account = kept_values(
            path=self.folder / ACCOUNT_FILE, make=lambda: {"password": f"demo-{secrets.token_hex(6)}"}
        )
        load_region(
            requester=operator(),
            folder=region.folder,
            addresses={
                source["slug"]: self.servers[source["slug"]].address + source["base_path"] for source in region.sources
            },
            password_for=lambda _: account["password"],
            now=datetime.now(UTC),
        )
        connections.close_all()
        return account["password"]

    def _wait_for_service(self, web: children.Server, worker: Child, services: Services) -> None:
        with self._step("web"):
            wait_until(ready=lambda: web.answers("/readyz"), child=web.child, within_s=PATIENCE_S)
        with self._step("worker"), redis.Redis.from_url(services.redis_url, socket_timeout=5) as client:
            ready = partial(children.worker_is_ready, client=client, child=worker)
            wait_until(ready=ready, child=worker, within_s=PATIENCE_S)

    @property
    def _logs(self) -> Path:
        return self.folder / "logs"


def _end_with_make() -> None:
    """Be told when the `make` that started this is killed, so that its children end too."""
    if os.environ.get("MAKELEVEL"):
        end_with_parent(stop_signal=signal.SIGTERM, parent=os.getppid())
