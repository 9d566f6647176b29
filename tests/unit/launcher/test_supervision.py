"""What dies is started again, at most three times within a minute, and the terminal says so."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launcher.processes import Child, StartError, Stopped, start, stop, stoppable
from launcher.supervision import RESTARTS, WITHIN_S, Part, supervise


def child(log: Path, code: str) -> Child:
    return start(name="web", command=[sys.executable, "-c", code], log=log)


def sleeper(log: Path) -> Child:
    return child(log, "import time; time.sleep(60)")


@contextmanager
def stopped_at_the_end(part: Part) -> Iterator[None]:
    try:
        yield
    finally:
        stop(children=[part.child])


def kill(part: Part) -> None:
    os.kill(part.child.process.pid, signal.SIGKILL)
    part.child.process.wait(10)


def test_one_that_was_killed_runs_again_and_one_line_says_so(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    part = Part(sleeper(log), lambda: sleeper(log))
    killed = part.child
    lines: list[str] = []

    def say(text: str) -> None:
        lines.append(text)
        signal.raise_signal(signal.SIGINT)

    with stopped_at_the_end(part), stoppable():
        kill(part)
        with pytest.raises(Stopped):
            supervise(parts=[part], say=say, every_s=0)
        assert part.child is not killed
        assert part.child.running()
    assert lines == [f"  web was killed by SIGKILL and was started again (log: {log}).\n"]


def test_one_that_always_dies_is_given_up_and_its_last_words_are_told(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    started: list[Child] = []

    def ending() -> Child:
        started.append(child(log, "print('no memory'); raise SystemExit(7)"))
        started[-1].process.wait(10)
        return started[-1]

    lines: list[str] = []
    with pytest.raises(StartError) as given_up:
        supervise(parts=[Part(ending(), ending)], say=lines.append, every_s=0)
    assert len(started) == 1 + RESTARTS
    assert len(lines) == RESTARTS
    assert str(given_up.value) == (
        f"web ended with exit status 7, after 3 restarts within a minute: no memory. Read {log}, then start again."
    )


def test_restarts_of_a_minute_ago_do_not_count(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    part = Part(sleeper(log), lambda: sleeper(log))
    with stopped_at_the_end(part):
        for number in range(RESTARTS + 1):
            kill(part)
            part.restart(now=number * WITHIN_S / RESTARTS)
        kill(part)
        part.restart(now=WITHIN_S * 4 / 3)
        kill(part)
        with pytest.raises(StartError):
            part.restart(now=WITHIN_S * 4 / 3)
        part.restart(now=WITHIN_S * 3)


def test_a_port_that_somebody_else_has_taken_is_told(tmp_path: Path) -> None:
    def taken() -> Child:
        raise OSError(98, "Address already in use")

    part = Part(sleeper(tmp_path / "log"), taken)
    kill(part)
    with pytest.raises(StartError, match="web could not be started again: Address already in use"):
        part.restart(now=0)
