"""Everything that a retrieval needs, started as the demonstration starts it, and the CPU of its processes."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from urllib.parse import quote

import redis
from django.core.management import call_command
from django.db import connections

from aggregator.federation import load
from benchmarks.bare import Retrieval as Addresses
from benchmarks.cpu import cpu_ms
from benchmarks.records import BASE_PATH, DELAYS_MS, FakeSource, fake_sources, people, write_record
from benchmarks.source import CALLS_PATH
from benchmarks.world import World, load_world
from launcher import children
from launcher.private_services import Running, Services
from launcher.processes import Child, listening_socket, start, stop, wait_until
from simulator.people import Person

PATIENCE_S = 60.0
Say = Callable[[str], None]


class Judging(StrEnum):
    """How a worker judges entries, as words for a row: as the service does, or to measure what that costs."""

    settings: str

    def __new__(cls, words: str, settings: str) -> Judging:
        member = str.__new__(cls, words)
        member._value_ = words
        member.settings = settings
        return member

    NONE = "no verdict", "benchmarks.unjudged_settings"
    ANEW = "every entry judged", "benchmarks.forgetful_settings"
    AS_IT_IS = "read before", "config.settings.local"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """All that runs but the worker. `retrievals` are the addresses that a person's retrieval asks, for the bound."""

    folder: Path
    services: Services
    private: tuple[Child, ...]
    sources: tuple[children.Server, ...]
    bare: children.Server
    world: World
    retrievals: tuple[Addresses, ...]

    def calls(self) -> int:
        """Return how many requests the sources have had."""
        total = 0
        for source in self.sources:
            with urllib.request.urlopen(source.address + CALLS_PATH, timeout=5) as answer:  # noqa: S310 (ours)
                total += json.load(answer)
        return total

    def cpu_so_far(self, *, asking: Child) -> dict[str, float]:
        """Return the CPU milliseconds used so far by the process that asks the sources, and by each other part."""
        sources = [source.child for source in self.sources]
        asking_ms, *others = cpu_ms(pids=[child.process.pid for child in (asking, *self.private, *sources)])
        private = dict(zip((child.name for child in self.private), others, strict=False))
        return {"asking": asking_ms, **private, "sources": sum(others[len(private) :])}


@contextmanager
def running_stack(*, folder: Path, private: Running, count: int, say: Say) -> Iterator[Stack]:
    """Start the sources and the bound beside the private services, and load `count` people; stop all in the end.

    Raises: StartError.
    """
    started: list[Child] = []
    known = people(count=count)
    say("  tables, six sources and their people")
    call_command("migrate", interactive=False, verbosity=0)
    fakes = fake_sources()
    try:
        sources = tuple(
            _start_source(folder=folder, number=at, fake=fake, count=count, started=started)
            for at, fake in enumerate(fakes, start=1)
        )
        bare = _start_bare(folder=folder, started=started)
        addresses = [source.address + BASE_PATH for source in sources]
        world = load_world(sources=fakes, addresses=addresses, known=known)
        connections.close_all()
        for server in (*sources, bare):
            ready = partial(children.simulator_is_ready, server=server)
            wait_until(ready=ready, child=server.child, within_s=PATIENCE_S)
        yield Stack(
            folder=folder,
            services=private.services,
            private=private.children,
            sources=sources,
            bare=bare,
            world=world,
            retrievals=tuple(_asked(fakes=fakes, addresses=addresses, person=person) for person in known),
        )
    finally:
        stop(children=started)


@contextmanager
def everything_let_in() -> Iterator[None]:
    """Let in whatever this process opens, however much is under way: what is measured is what becomes of that."""
    take_place = load.take_place
    load.take_place = lambda **_: True
    try:
        yield
    finally:
        load.take_place = take_place


@contextmanager
def running_worker(*, stack: Stack, judging: Judging) -> Iterator[Child]:
    """Run one worker, as the service does but for how it judges."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": judging.settings}
    worker = children.start_worker(environment=environment, logs=stack.folder / "logs", name="bench")
    try:
        with redis.Redis.from_url(stack.services.redis_url, socket_timeout=5) as client:
            ready = partial(children.worker_is_ready, client=client, child=worker)
            wait_until(ready=ready, child=worker, within_s=PATIENCE_S)
        yield worker
    finally:
        stop(children=[worker])


def _start_source(*, folder: Path, number: int, fake: FakeSource, count: int, started: list[Child]) -> children.Server:
    record = folder / "records" / f"{number}.ndjson"
    write_record(fake=fake, path=record)
    options = ("--number", number, "--record", record, "--people", count, "--delay-ms", DELAYS_MS[number - 1])
    return start_part(
        name=f"source {number}", module="benchmarks.source", options=options, folder=folder, started=started
    )


def _start_bare(*, folder: Path, started: list[Child]) -> children.Server:
    return start_part(name="bare loop", module="benchmarks.bare", options=(), folder=folder, started=started)


def start_part(
    *, name: str, module: str, options: Sequence[object], folder: Path, started: list[Child]
) -> children.Server:
    """Start a module of the benchmark that serves on a socket which it is given.

    Raises: StartError.
    """
    log = folder / "logs" / f"{name.replace(' ', '-')}.log"
    log.unlink(missing_ok=True)
    with listening_socket() as listening:
        child = start(
            name=name,
            command=[*(sys.executable, "-m", module), *map(str, options), "--fd", str(listening.fileno())],
            log=log,
            environment=os.environ,
            pass_fds=[listening.fileno()],
            folder=children.PROJECT,
        )
        started.append(child)
        return children.Server(child, children.address_of(listening))


def _asked(*, fakes: Sequence[FakeSource], addresses: Sequence[str], person: Person) -> Addresses:
    """Return what the connector asks of each source: a search for the person, then everything."""
    asked = []
    for fake, address in zip(fakes, addresses, strict=True):
        token = f"{quote(fake.source.identifier_system, safe='')}%7C{quote(person.key, safe='')}"
        patient_id = fake.patient(person=person)["id"]
        asked.append(
            (f"{address}/Patient?identifier={token}", f"{address}/Patient/{patient_id}/$everything?_count=200")
        )
    return asked
