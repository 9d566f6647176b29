"""`manage.py demo` from nothing to a patient's record, through real processes, and back to nothing."""

from __future__ import annotations

import re
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.launcher.launching import data_folder, gone, remove, started

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
    pytest.mark.xdist_group("launcher"),
]

UP = "Press Ctrl-C to stop everything"
SOURCES = 6


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = data_folder(name="demo")
    yield made
    remove(folder=made)


def test_once_shows_a_record_and_ends_with_nothing_left(folder: Path) -> None:
    with started("demo", "--once", folder=folder) as run:
        run.wait_for(words="sources have answered", within_s=120)
        processes = run.descendants()
        assert len(processes) >= SOURCES + 4
        assert run.process.wait(60) == 0, run.words()
        assert gone(processes=processes)
    assert "sign in with the password" in run.words()


def test_it_stays_up_and_a_killed_launcher_takes_all_with_it(folder: Path) -> None:
    with started("demo", folder=folder) as run:
        run.wait_for(words=UP, within_s=120)
        address = re.findall(r"http://127\.0\.0\.1:\d+", run.words())[-1]
        with urllib.request.urlopen(f"{address}/readyz", timeout=10) as answer:
            assert answer.status == 200
        with started("demo", folder=folder) as second:
            assert second.process.wait(60) == 1
            assert address in second.words()
        processes = run.descendants()
        run.process.kill()
        run.process.wait(30)
        assert gone(processes=processes)


def test_interrupted_while_starting_it_leaves_nothing_and_fails(folder: Path) -> None:
    with started("demo", folder=folder) as run:
        run.wait_for(words="tables", within_s=120)
        processes = run.descendants()
        run.process.send_signal(signal.SIGINT)
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(60) == 130, run.words()
        assert gone(processes=processes)
