"""Starts `manage.py` commands as a user would, and finds what they leave behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launcher.installation import fallback_folder

PROJECT = Path(__file__).resolve().parents[3]
NAMED_SERVICES = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "HELD_REDIS_URL"}
GONE_WITHIN_S = 15.0


@dataclass
class Run:
    """A command that runs, and the file that its words go to."""

    process: subprocess.Popen[bytes]
    log: Path

    def words(self) -> str:
        """Return what it has said so far."""
        return self.log.read_text(errors="replace")

    def wait_for(self, *, words: str, times: int = 1, within_s: float = 60.0) -> None:
        """Wait until it has said something so many times.

        Raises: AssertionError when it ends first or takes too long.
        """
        until = time.monotonic() + within_s
        while self.words().count(words) < times:
            assert self.process.poll() is None, self.words()
            assert time.monotonic() < until, self.words()
            time.sleep(0.05)

    def descendants(self) -> set[int]:
        """Return every process that it started, directly or not."""
        parents = dict(_parents())
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}


@contextmanager
def started(*command: str, folder: Path, **settings: str) -> Iterator[Run]:
    """Run `manage.py command` on a data folder; end it, at the latest, with the block."""
    environment = {**bare_environment(folder=folder), **settings}
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"said-{time.monotonic_ns()}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Run(process, log)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def bare_environment(*, folder: Path) -> dict[str, str]:
    """Return the environment of somebody in a terminal, who uses a data folder and has named no services."""
    kept = {name: value for name, value in os.environ.items() if name not in NAMED_SERVICES}
    return {
        **{name: value for name, value in kept.items() if not name.startswith(("PYTEST", "MAKE"))},
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DATA_FOLDER": str(folder),
    }


def kill(*, processes: set[int], of: str) -> None:
    """Kill the one process of these on whose command line something stands.

    What it has forked bears the same words, and has another parent.
    """
    parents = dict(_parents())
    named = {pid for pid in processes if of in _command_line(pid)}
    (first,) = {pid for pid in named if parents.get(pid) not in named}
    os.kill(first, signal.SIGKILL)


def _command_line(pid: int, /) -> str:
    """Return a process's command line; "" for one that has ended since it was seen."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def gone(*, processes: set[int]) -> bool:
    """Return whether all these end soon."""
    return _soon(lambda: not processes & set(dict(_parents())))


def data_folder(*, name: str) -> Path:
    """Return a folder of the clone that is not there yet; the test removes it again with `remove`."""
    folder = PROJECT / ".cache" / "test-launcher" / f"{name}-{os.getpid()}"
    remove(folder=folder)
    return folder


def remove(*, folder: Path) -> None:
    """Remove a data folder, and what stands in for it elsewhere."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(fallback_folder(folder=folder), ignore_errors=True)


def _soon(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + GONE_WITHIN_S
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _parents() -> Iterator[tuple[int, int]]:
    """Yield every living process and its parent; one that has ended and was not waited for is not living."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything.
            fields = re.sub(r"\(.*\)", "name", status.read_text(), flags=re.DOTALL).split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[2] != "Z":
            yield int(fields[0]), int(fields[3])
