"""The service's own processes, as the demonstration and the tests start them."""

from __future__ import annotations

import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import redis

from launcher.processes import Child, listening_socket, start

PROJECT = Path(__file__).resolve().parents[1]
# They only hand tasks over to the worker's loop.
# Tasks of retrievals are over at once; those of the other queue may each wait for somebody else.
WORKER_THREADS = {"federation": 4, "upkeep": 8}


# What workers of each queue are called, on the screen and in their log's name.
WORKERS = {"federation": "worker", "upkeep": "upkeep"}

# What only `manage.py migrate` may have.
OWNER_ADDRESS = "DATABASE_OWNER_URL"


@dataclass(frozen=True)
class Server:
    """A child that answers HTTP at `address`."""

    child: Child
    address: str

    @property
    def port(self) -> int:
        """The port at which it listens."""
        return int(self.address.rpartition(":")[2])

    def answers(self, path: str = "/") -> bool:
        """Return whether it answers at all, whatever the answer is."""
        try:
            urllib.request.urlopen(self.address + path, timeout=5).close()  # noqa: S310 (our own address)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


def start_web(*, environment: Mapping[str, str], logs: Path, listening: socket.socket | None = None) -> Server:
    """Start the web process on loopback, on the given listening socket or on a free port."""
    with listening or listening_socket() as server_socket:
        child = start(
            name="web",
            command=[sys.executable, "-m", "config.serve", "--fd", str(server_socket.fileno())],
            log=logs / "web.log",
            environment=_without_owner(environment),
            pass_fds=[server_socket.fileno()],
            folder=PROJECT,
        )
        return Server(child, address_of(server_socket))


def start_worker(*, environment: Mapping[str, str], logs: Path, name: str = "demo", queue: str = "federation") -> Child:
    """Start one worker of a queue; `worker_is_ready` says when it accepts tasks."""
    return start(
        name=WORKERS[queue],
        command=[
            *(sys.executable, "-m", "celery", "--app", "config", "--quiet", "worker"),
            *("--pool", "threads", "--concurrency", str(WORKER_THREADS[queue]), "--queues", queue),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", "--hostname", f"{name}-{queue}@%h"),
        ],
        log=logs / f"{WORKERS[queue]}.log",
        environment=_without_owner(environment),
        folder=PROJECT,
    )


def start_beat(*, environment: Mapping[str, str], logs: Path) -> Child:
    """Start the clock, which puts on the queue `upkeep` what is due."""
    return start(
        name="beat",
        command=[sys.executable, "-m", "celery", "--app", "config.beat", "--quiet", "beat"],
        log=logs / "beat.log",
        environment=_without_owner(environment),
        folder=PROJECT,
    )


def worker_is_ready(*, client: redis.Redis, child: Child) -> bool:
    """Return whether this worker has announced that it is ready (see config/worker.py)."""
    return any(client.get(key) == str(child.process.pid).encode() for key in client.scan_iter("worker:ready:*"))


def start_simulator(
    *, kind: str, folder: Path, logs: Path, environment: Mapping[str, str], listening: socket.socket | None = None
) -> Server:
    """Start the server of one source of the region; it prints a line that begins with "ready" when it answers."""
    with listening or listening_socket() as server_socket:
        log = logs / f"source-{folder.name}.log"
        if listening is None:
            log.unlink(missing_ok=True)  # what it says first is waited for
        child = start(
            name=f"source {folder.name}",
            command=[
                *(sys.executable, "-m", "simulator", "serve", "--kind", kind),
                *("--folder", folder, "--fd", str(server_socket.fileno())),
            ],
            log=log,
            environment=environment,
            pass_fds=[server_socket.fileno()],
            folder=PROJECT,
        )
        return Server(child, address_of(server_socket))


def simulator_is_ready(*, server: Server) -> bool:
    """Return whether a simulator has said that it is ready."""
    return any(line.startswith("ready") for line in server.child.log.read_text(errors="replace").splitlines())


def start_proxy(
    *,
    name: str,
    upstream: str,
    logs: Path,
    environment: Mapping[str, str],
    schedule: str = "",
    listening: socket.socket | None = None,
) -> Server:
    """Start a proxy before a source that breaks the connection to it; it says when it is ready as a simulator does."""
    with listening or listening_socket() as server_socket:
        log = logs / f"way-to-{name}.log"
        log.unlink(missing_ok=True)  # what it says first is waited for, and says where it is controlled
        child = start(
            name=f"way to {name}",
            command=[
                *(sys.executable, "-m", "simulator", "proxy", "--upstream", upstream),
                *("--fd", str(server_socket.fileno()), *(["--schedule", schedule] if schedule else [])),
            ],
            log=log,
            environment=environment,
            pass_fds=[server_socket.fileno()],
            folder=PROJECT,
        )
        return Server(child, address_of(server_socket))


def control_of(*, proxy: Server) -> str:
    """Return the address at which a proxy that is ready is told which faults are in force."""
    lines = proxy.child.log.read_text(errors="replace").splitlines()
    return next(line.removeprefix("control ") for line in lines if line.startswith("control "))


def begin_schedule(*, proxy: Server, schedule: str) -> None:
    """Have a proxy's faults come and go by a schedule from now on."""
    address = f"{control_of(proxy=proxy)}/schedule"
    request = urllib.request.Request(address, method="PUT", data=schedule.encode())  # noqa: S310 (ours)
    urllib.request.urlopen(request, timeout=5).close()  # noqa: S310


def _without_owner(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != OWNER_ADDRESS}


def address_of(listening: socket.socket) -> str:
    """Return the address at which a listening socket is reached."""
    return f"http://127.0.0.1:{listening.getsockname()[1]}"
