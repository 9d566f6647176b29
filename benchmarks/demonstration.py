"""The CPU of web, worker and PostgreSQL for a record of the demonstration region that a clinician opens and is shown.

Everything is started as the demonstration starts it, but for the clock and for the worker that has no part in records.
The people of the stories are opened one after the other, save the one who has opted out. The form asks every source
anew, as the page's own button does, or answers that are still fresh would be used again.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import redis
from django.core.management import call_command
from django.db import connections

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.federation.connections import client_for_threads
from aggregator.federation.guard import forget
from aggregator.sources.models import Source
from benchmarks.cpu import cpu_ms
from benchmarks.figures import Row, Table
from benchmarks.rounds import SETTLE_S
from benchmarks.service import PATIENCE_S, Say
from benchmarks.visitor import Visitor
from launcher import children
from launcher.demonstration import REGION_SEED
from launcher.load_region import load_region
from launcher.private_services import Running
from launcher.processes import Child, StartError, stop, wait_until
from launcher.region import Region, written_region
from launcher.static_files import collect_if_changed

PASSWORD = "only for the benchmark 7"
ROUNDS, QUICK_ROUNDS = 3, 1
QUICK_PEOPLE = 2
MAX_ATTEMPTS = 3
IDLE_S, QUICK_IDLE_S = 5.0, 0.5
TOGETHER = ("web", "worker", "PostgreSQL")
APART = (*TOGETHER, "Redis", "sources")
# The benchmark's own, which cut nothing off: here web and worker have the service's.
OUR_LIMITS = frozenset({"RETRIEVAL_DEADLINE_S", "SOURCE_TIME_LIMIT_S"})
# One clinician opens all records, and waits for nobody.
OPENINGS_PER_MINUTE = "1000"
# What a region calls the fault of a source that never answers. Without one it is this machine that is too slow.
HANGS = "hang"
NOT_IN_TIME, OUR_FAULT = "did not answer in time", "fault on our side"
USED_AGAIN = "held already"
PERSON = re.compile(r'action="/people/([0-9a-f-]{36})/record"')
TICKET = re.compile(r'sse-connect="(/live/[^"]+)"')
SUMMARY = re.compile(r'<p class="app-completeness[^>]*><a href="#sources">([^<]*)</a>')
LANDED = "landed"
# The page fetches its content at most so often while sources answer (record.jinja).
THROTTLE_S = 0.25

Processes = dict[str, list[Child]]


@dataclass(frozen=True, kw_only=True)
class Patient:
    """The person of a story, and how many of their sources never answer."""

    story: str
    person_id: str
    silent: int


@dataclass(frozen=True, kw_only=True)
class Round:
    """The CPU milliseconds that each part used per record, and how long a record took. Infinite with an error."""

    cpu_ms: dict[str, float]
    seconds: float

    @property
    def together_ms(self) -> float:
        """Return what web, worker and PostgreSQL used."""
        return sum(self.cpu_ms[name] for name in TOGETHER)


def measure(*, folder: Path, private: Running, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table.

    Raises: StartError.
    """
    shown: list[Round] = []
    drawn: list[Round] = []
    call_command("migrate", interactive=False, verbosity=0)
    collect_if_changed()
    say("  the demonstration region, its sources, web and a worker")
    region = written_region(folder=folder / "region", seed=REGION_SEED, today=datetime.now(UTC).date())
    with _running(region=region, folder=folder, private=private) as (web, processes):
        visitor = Visitor(port=web.port)
        visitor.sign_in(username=_clinician(region), password=PASSWORD)
        people = _people(region=region, visitor=visitor)
        if quick:  # of those for whom no source is waited for until it is out of time
            people = [patient for patient in people if not patient.silent][:QUICK_PEOPLE]
        for number in range((QUICK_ROUNDS if quick else ROUNDS) + 1):
            for rounds, draws in ((shown, False), (drawn, True)):
                rounds.append(_whole_round(visitor=visitor, people=people, processes=processes, draws=draws))
            say(f"  {len(people)} records: round {number}, {shown[-1].together_ms:.0f} ms of CPU each")
        idle_ms = _idle_ms_a_second(processes=processes, seconds=QUICK_IDLE_S if quick else IDLE_S)
    return _table(shown=shown[1:], drawn=drawn[1:], idle_ms=idle_ms)


def _whole_round(*, visitor: Visitor, people: Sequence[Patient], processes: Processes, draws: bool) -> Round:
    """Return a round without an error, or the last of several: a busy machine may be too slow for a source's limit."""
    for _ in range(MAX_ATTEMPTS - 1):
        tried = _round(visitor=visitor, people=people, processes=processes, draws=draws)
        if not math.isinf(tried.together_ms):
            return tried
    return _round(visitor=visitor, people=people, processes=processes, draws=draws)


def _round(*, visitor: Visitor, people: Sequence[Patient], processes: Processes, draws: bool) -> Round:
    """Open everybody's record once; the figures are one record's share."""
    with client_for_threads() as client:
        for source in Source.objects.all():  # or one that is silent would rest after some rounds, and not be asked
            forget(client=client, source_id=source.id)
    connections.close_all()
    before, began = _used_ms(processes), time.monotonic()
    wholes = [
        _is_whole(patient=patient, page=_opened(visitor=visitor, patient=patient, draws=draws)) for patient in people
    ]
    time.sleep(SETTLE_S)
    seconds = time.monotonic() - began
    used = {name: after - before[name] if all(wholes) else math.inf for name, after in _used_ms(processes).items()}
    return Round(cpu_ms={name: value / len(people) for name, value in used.items()}, seconds=seconds / len(people))


def _opened(*, visitor: Visitor, patient: Patient, draws: bool) -> str:
    """Open a record, follow it until it is complete, and return it as it is then shown.

    With `draws` its content is fetched again as answers land and at the end, as a browser does; otherwise its page is
    fetched again at the end only.
    Raises: StartError where it is not opened, or nobody is asked.
    """
    place = visitor.post(path=f"/people/{patient.person_id}/record", form={"again": "all"}).location
    ticket = TICKET.search(visitor.get(path=place).body) if place else None
    if ticket is None:
        raise StartError(f"the record of the story {patient.story} was not opened, or nobody was asked.")
    drawn_at = -math.inf
    for kind in visitor.events(path=ticket[1]):
        if draws and kind == LANDED and time.monotonic() - drawn_at >= THROTTLE_S:
            drawn_at = time.monotonic()
            visitor.get(path=f"{place}/part")
    return visitor.get(path=f"{place}/part" if draws else place).body


def _is_whole(*, patient: Patient, page: str) -> bool:
    """Return whether a record is complete, of answers that were all fetched for it and all came in time."""
    summary = SUMMARY.search(page)
    return (
        summary is not None
        and "app-completeness--waiting" not in page
        and USED_AGAIN not in summary[1]
        # On a busy machine the service takes the blame for a source that never answers; its work is the same.
        and summary[1].count(NOT_IN_TIME) + summary[1].count(OUR_FAULT) == patient.silent
    )


def _people(*, region: Region, visitor: Visitor) -> list[Patient]:
    """Find the people of the stories by NHS number, without the one who has opted out, whom nobody may open."""
    found: list[Patient] = []
    for story in region.description["stories"]:
        if story["opt_out"]:
            continue
        visitor.get(path="/")
        person = PERSON.search(visitor.post(path="/", form={"nhs_number": story["nhs_number"]}).body)
        if person is None:
            raise StartError(f"the clinician does not find the person of the story {story['slug']}.")
        silent = list(story["faults"].values()).count(HANGS)
        found.append(Patient(story=story["slug"], person_id=person[1], silent=silent))
    return found


def _clinician(region: Region) -> str:
    accounts = region.description["accounts"]
    return next(str(account["username"]) for account in accounts if account["role"] == Role.CLINICIAN)


def _used_ms(processes: Processes) -> dict[str, float]:
    """Return the CPU milliseconds used so far by each part."""
    return {name: sum(cpu_ms(pids=[child.process.pid for child in own])) for name, own in processes.items()}


def _idle_ms_a_second(*, processes: Processes, seconds: float) -> float:
    """Return the CPU milliseconds that web, worker and PostgreSQL use in a second with nothing to do."""
    before = _used_ms(processes)
    time.sleep(seconds)
    after = _used_ms(processes)
    return sum(after[name] - before[name] for name in TOGETHER) / seconds


def _table(*, shown: Sequence[Round], drawn: Sequence[Round], idle_ms: float) -> Table:
    together = " and ".join((", ".join(TOGETHER[:-1]), TOGETHER[-1]))

    def row(figure: str, values: Iterator[float], aim: str = "") -> Row:
        return Row(name=figure, unit="ms", ours=tuple(values), aim=aim)

    return Table(
        title="A record of the demonstration region, opened, followed and shown whole: CPU of one record",
        beside="nothing",
        rows=(
            row(f"opened and shown: CPU of {together} together", (each.together_ms for each in shown), "90 ms"),
            *(row(f"opened and shown: CPU of {name}", (each.cpu_ms[name] for each in shown)) for name in APART),
            row(f"of it what {together} use with nothing to do", (each.seconds * idle_ms for each in shown)),
            row(f"drawn again as answers land: CPU of {together} together", (each.together_ms for each in drawn)),
        ),
    )


@contextmanager
def _running(*, region: Region, folder: Path, private: Running) -> Iterator[tuple[children.Server, Processes]]:
    """Start the region's sources, web and a worker, and load the region; stop all in the end.

    Raises: StartError.
    """
    logs = folder / "logs"
    kept = {name: value for name, value in os.environ.items() if name not in OUR_LIMITS}
    environment = {**kept, "OPENINGS_PER_MINUTE": OPENINGS_PER_MINUTE}
    started: list[Child] = []
    try:
        sources = {
            source["slug"]: children.start_simulator(
                kind=source["kind"], folder=region.folder / source["slug"], logs=logs, environment=environment
            )
            for source in region.sources
        }
        started += [server.child for server in sources.values()]
        web = children.start_web(environment=environment, logs=logs)
        worker = children.start_worker(environment=environment, logs=logs, name="bench")
        started += [web.child, worker]
        load_region(
            requester=operator(),
            folder=region.folder,
            addresses={
                source["slug"]: sources[source["slug"]].address + source["base_path"] for source in region.sources
            },
            password_for=lambda _: PASSWORD,
            now=datetime.now(UTC),
        )
        connections.close_all()
        for server in sources.values():
            answers = partial(children.simulator_is_ready, server=server)
            wait_until(ready=answers, child=server.child, within_s=PATIENCE_S)
        wait_until(ready=lambda: web.answers("/readyz"), child=web.child, within_s=PATIENCE_S)
        with redis.Redis.from_url(private.services.redis_url, socket_timeout=5) as client:
            takes_tasks = partial(children.worker_is_ready, client=client, child=worker)
            wait_until(ready=takes_tasks, child=worker, within_s=PATIENCE_S)
        yield (
            web,
            {
                "web": [web.child],
                "worker": [worker],
                **{child.name: [child] for child in private.children},
                "sources": [server.child for server in sources.values()],
            },
        )
    finally:
        stop(children=started)
