"""The plugin that starts what tests need, outside the test process; loaded by `-p tests.services`.

PostgreSQL and Redis start before Django reads its settings; where DATABASE_URL is set, that server is used and nothing
is started. Each run takes a data folder that nobody else holds, so that several runs may go side by side; folders are
kept, since making one takes a second. Worker, web and simulators start at the first test that asks for them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import redis

from config.env import SettingError
from launcher import children, processes
from launcher.private_services import AlreadyRunning, embedded_services, held_folder
from launcher.processes import StartError
from launcher.region import Region, written_region

PROJECT = Path(__file__).resolve().parents[1]
FOLDERS = PROJECT / ".cache" / "test-services"
MOST_RUNS = 20  # side by side in one clone
REGION_SEED = "2026"

# Django's name for "the ORM may be used in a thread that runs a loop"; tests/browser.py says why it needs that.
ASYNC_UNSAFE = "DJANGO_ALLOW_ASYNC_UNSAFE"
NOT_FOR_PROCESSES = ("PYTEST_XDIST", ASYNC_UNSAFE)

_running = ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start the services once a run, in the process that hands out the tests; each helper takes a Redis of its own."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    helper = os.environ.get("PYTEST_XDIST_WORKER")
    if helper:
        address, _, _ = os.environ["REDIS_URL"].rpartition("/")
        os.environ["REDIS_URL"] = f"{address}/{int(helper.removeprefix('gw')) + 1}"
        return
    # Helpers must find the same tests in the same order, also those made from a set.
    os.environ.setdefault("PYTHONHASHSEED", str(secrets.randbelow(2**32)))
    if os.environ.get("DATABASE_URL") or early_config.known_args_namespace.help:
        return
    try:
        os.environ.update(_start_services())
    except StartError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Collect the static files once a run: pages name them by their hash."""
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        from launcher.static_files import collect_if_changed

        try:
            collect_if_changed()
        except SettingError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_report_header() -> str:
    """Say how to have the order of sets again."""
    return f"sets: PYTHONHASHSEED={os.environ['PYTHONHASHSEED']} with -n runs them in this order again"


def pytest_unconfigure() -> None:
    """Stop what was started."""
    _running.close()


def _start_services() -> dict[str, str]:
    for number in range(1, MOST_RUNS + 1):
        folder = FOLDERS / str(number)
        try:
            _running.enter_context(held_folder(folder=folder))
        except AlreadyRunning:
            continue
        running = _running.enter_context(embedded_services(folder=folder, durable=False))
        return running.services.as_environment()
    raise StartError(f"{MOST_RUNS} test runs hold a folder in {FOLDERS} already.")


def _environment_for_processes() -> dict[str, str]:
    """Return our environment without what only the test process itself may have."""
    return {name: value for name, value in os.environ.items() if not name.startswith(NOT_FOR_PROCESSES)}


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the processes of this session log to."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def process_environment(django_db_setup: None) -> dict[str, str]:
    """Return the environment of a process that is to see this session's test database and Redis."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    return {
        **_environment_for_processes(),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": url,
        "REDIS_URL": settings.REDIS_URL,
        "PYTHONPATH": str(PROJECT),
    }


@pytest.fixture(scope="session")
def web(process_environment: dict[str, str], logs: Path) -> Iterator[str]:
    """Run the web process; give its address. Tests that use it are `django_db(transaction=True)`."""
    server = children.start_web(environment=process_environment, logs=logs)
    try:
        processes.wait_until(ready=lambda: server.answers("/livez"), child=server.child, within_s=60)
        yield server.address
    finally:
        processes.stop(children=[server.child])


@pytest.fixture(scope="session")
def worker(process_environment: dict[str, str], logs: Path) -> Iterator[None]:
    """Run one worker for all queues, on this session's Redis."""
    child = children.start_worker(environment=process_environment, logs=logs, name="test")
    try:
        with redis.Redis.from_url(process_environment["REDIS_URL"]) as client:
            processes.wait_until(
                ready=lambda: children.worker_is_ready(client=client, child=child), child=child, within_s=60
            )
        yield
    finally:
        processes.stop(children=[child])


@pytest.fixture(scope="session")
def region() -> Region:
    """Return the demonstration region, written once for each day and state of the simulator's code."""
    return written_region(folder=PROJECT / ".cache" / "test-region", seed=REGION_SEED, today=datetime.now(UTC).date())


@pytest.fixture(scope="session")
def simulators(region: Region, logs: Path) -> Iterator[dict[str, str]]:
    """Run the region's sources; give their base addresses by slug."""
    servers: dict[str, children.Server] = {}
    environment = {**_environment_for_processes(), "PYTHONPATH": str(PROJECT)}
    try:
        for source in region.sources:
            servers[source["slug"]] = children.start_simulator(
                kind=source["kind"], folder=region.folder / source["slug"], logs=logs, environment=environment
            )
        for server in servers.values():
            ready = partial(children.simulator_is_ready, server=server)
            processes.wait_until(ready=ready, child=server.child, within_s=60)
        yield {source["slug"]: servers[source["slug"]].address + source["base_path"] for source in region.sources}
    finally:
        processes.stop(children=[server.child for server in servers.values()])
