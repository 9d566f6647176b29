"""Starts PostgreSQL and Redis before Django reads its settings; loaded by `-p tests.services`.

Where DATABASE_URL is set, that server is used and nothing is started. Each run takes a data folder that nobody else
holds, so that several runs may go side by side; folders are kept, since making one takes a second.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.embedded import AlreadyRunning, embedded_services, held_folder
from config.processes import StartError

FOLDERS = Path(__file__).resolve().parents[1] / ".cache" / "test-services"
MOST_RUNS = 20  # side by side in one clone

_running = ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start the services once a run, in the process that hands out the tests; each helper takes a Redis of its own."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        address, _, _ = os.environ["REDIS_URL"].rpartition("/")
        os.environ["REDIS_URL"] = f"{address}/{int(worker.removeprefix('gw')) + 1}"
        return
    if os.environ.get("DATABASE_URL") or early_config.known_args_namespace.help:
        return
    try:
        os.environ.update(_start())
    except StartError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_unconfigure() -> None:
    """Stop what was started."""
    _running.close()


def _start() -> dict[str, str]:
    for number in range(1, MOST_RUNS + 1):
        folder = FOLDERS / str(number)
        try:
            _running.enter_context(held_folder(folder=folder))
        except AlreadyRunning:
            continue
        return _running.enter_context(embedded_services(folder=folder, durable=False)).as_environment()
    raise StartError(f"{MOST_RUNS} test runs hold a folder in {FOLDERS} already.")
