"""What a signed-in page takes while passwords are guessed on thirty connections, beside the same page alone."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from django.core.management import call_command
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.services.add_user import NewUser, add_user
from benchmarks.figures import Row, Table, share_below
from benchmarks.service import Say
from benchmarks.visitor import Visitor
from launcher import children
from launcher.children import Server
from launcher.processes import Child, StartError, start, stop, wait_until

USERNAME, PASSWORD = "dr.page", "only for the benchmark 7"
CONNECTIONS = 30
ROUNDS, QUICK_ROUNDS = 3, 1
ROUND_S, QUICK_ROUND_S = 8.0, 1.0
PATIENCE_S = 60.0
MOST_MEMORY = re.compile(r"VmHWM:\s+(\d+) kB")


def measure(*, folder: Path, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table.

    Raises: StartError.
    """
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    add_user(
        requester=operator(),
        user=NewUser(
            username=USERNAME,
            password=PASSWORD,
            family="Page",
            given="A",
            organisation_ods="X9998",
            role=Role.CLINICIAN,
        ),
        now=timezone.now(),
    )
    seconds = QUICK_ROUND_S if quick else ROUND_S
    alone: list[list[float]] = []
    attacked: list[list[float]] = []
    memory: list[tuple[float, float]] = []
    with _running_web(folder=folder) as web:
        visitor = Visitor(port=web.port)
        visitor.sign_in(username=USERNAME, password=PASSWORD)
        for number in range(1, (QUICK_ROUNDS if quick else ROUNDS) + 1):
            say(f"  a page while passwords are guessed: round {number}")
            alone.append(_read(visitor=visitor, seconds=seconds))
            before = _most_memory_mib(web.child)
            # Each round's guesses come from an address that is not locked yet.
            with _guessing(web=web, own_address=f"127.0.0.{number + 1}", folder=folder):
                attacked.append(_read(visitor=visitor, seconds=seconds))
            memory.append((_most_memory_mib(web.child), before))
    return _table(alone=alone, attacked=attacked, memory=memory)


def _read(*, visitor: Visitor, seconds: float) -> list[float]:
    """Read one page again and again; return how many milliseconds each reading took."""
    times = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        page = visitor.get(path="/")
        times.append((time.perf_counter() - began) * 1000)
        if "Sign out" not in page.body:
            raise StartError("the page is not that of somebody who has signed in.")
    return times


@contextmanager
def _running_web(*, folder: Path) -> Iterator[Server]:
    web = children.start_web(environment=os.environ, logs=folder / "logs")
    try:
        wait_until(ready=lambda: web.answers("/livez"), child=web.child, within_s=PATIENCE_S)
        yield web
    finally:
        stop(children=[web.child])


@contextmanager
def _guessing(*, web: Server, own_address: str, folder: Path) -> Iterator[None]:
    log = folder / "logs" / "guesser.log"
    log.unlink(missing_ok=True)
    options = ("--web", web.address, "--own-address", own_address, "--connections", str(CONNECTIONS))
    child = start(
        name="guesser",
        command=[sys.executable, "-m", "benchmarks.guesser", *options],
        log=log,
        environment=os.environ,
        folder=children.PROJECT,
    )
    try:
        wait_until(ready=lambda: "ready" in log.read_text(), child=child, within_s=PATIENCE_S)
        yield
    finally:
        stop(children=[child])


def _most_memory_mib(child: Child) -> float:
    """Return the most memory that a process has had; 0 where the system does not say."""
    status = Path("/proc") / str(child.process.pid) / "status"
    found = MOST_MEMORY.search(status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else 0.0


def _table(*, alone: list[list[float]], attacked: list[list[float]], memory: list[tuple[float, float]]) -> Table:
    def late(values: list[float]) -> float:
        return share_below(values=values, share=0.95)

    rows = [
        Row(
            name=f"a signed-in page, {words}",
            unit="ms",
            ours=tuple(figure(values) for values in attacked),
            beside=tuple(figure(values) for values in alone),
            aim=aim,
        )
        for words, figure, aim in (("median", median, "1.5 x"), ("p95", late, ""))
    ]
    most, before = zip(*memory, strict=True)
    rows.append(Row(name="the web process's memory, most", unit="MiB", ours=most, beside=before, aim="2 x"))
    title = f"Passwords guessed on {CONNECTIONS} connections at one address"
    return Table(title=title, beside="the same without them", rows=tuple(rows))
