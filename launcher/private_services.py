"""A private PostgreSQL and Redis (Valkey) from their wheels, for the demonstration and the tests.

Not for patient data: there is no TLS. They listen on loopback, require generated passwords, and stop with the process
that started them.
The data folder holds: `lock` (held while they run), `services.json` (where they are), `passwords.json` and `keys.json`
(all three for their owner only), `ready` (the mark of a whole database), `postgres/`, `logs/`.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import redis

from config.private_services import ADDRESS_FILE, LOCK_FILE, addresses, read_addresses
from launcher.generated_secrets import kept_values, make_private
from launcher.installation import Installation, find_installation
from launcher.postgres import APP_ROLE, OWNER_ROLE, SUPERUSER, Cluster
from launcher.processes import Child, StartError, reserved_port, start, stop, wait_until
from launcher.supervision import Part

PASSWORD_FILE = "passwords.json"  # noqa: S105 (a name)
REDIS_ROLE = "redis"
REDIS_TIMEOUT_S = 15.0
REDIS_ATTEMPTS = 4

REDIS_SETTINGS = (
    "bind 127.0.0.1", "protected-mode yes", "databases 64", 'save ""', "appendonly no", "maxmemory-policy noeviction",
    "slowlog-log-slower-than -1", "daemonize no",
)  # fmt: skip


class AlreadyRunning(StartError):
    """The services of this data folder are already running, for another process."""


@dataclass(frozen=True)
class Services:
    """Where the services are."""

    database_url: str
    database_owner_url: str
    redis_url: str

    def as_environment(self) -> dict[str, str]:
        """Return them as environment variables."""
        return {name.upper(): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Running:
    """Running services and their processes."""

    services: Services
    parts: tuple[Part, ...]

    @property
    def children(self) -> tuple[Child, ...]:
        """The processes that run now."""
        return tuple(part.child for part in self.parts)


def running_services(*, folder: Path) -> Services | None:
    """Return where the services of this data folder run, or None when they do not."""
    running = addresses(folder=folder)
    return Services(**running["services"]) if running else None


def write_addresses(*, folder: Path, services: Services, more: dict[str, str] | None = None) -> None:
    """Write all addresses to the owner-only file in the data folder; `more` are addresses that people open."""
    path = folder / ADDRESS_FILE
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"services": asdict(services), "addresses": more or {}}, file)
    draft.replace(path)


@contextmanager
def held_folder(*, folder: Path) -> Iterator[None]:
    """Lock the data folder.

    Raises: AlreadyRunning, saying where, when another process has locked it; StartError when others can write to it.
    """
    make_private(folder=folder)
    if folder.stat().st_mode & stat.S_IWOTH:
        raise StartError(f"Other users can write to {folder}: set DATA_FOLDER to a folder of your own.")
    with (folder / LOCK_FILE).open("a") as file:
        _lock(file.fileno(), folder)
        try:
            yield
        finally:
            (folder / ADDRESS_FILE).unlink(missing_ok=True)


@contextmanager
def embedded_services(
    *, folder: Path, durable: bool = True, say: Callable[[str], None] = lambda _: None
) -> Iterator[Running]:
    """Start both in a locked folder, write their addresses, and stop them at the end: Redis, then PostgreSQL.

    Raises: StartError.
    """
    parts: list[Part] = []
    installation = find_installation(folder=folder)
    passwords = kept_values(path=folder / PASSWORD_FILE, make=_new_passwords)
    cluster = Cluster(folder=folder, installation=installation, passwords=passwords, durable=durable)
    try:
        say("PostgreSQL")
        postgres, port = cluster.start()
        parts.append(Part(postgres, partial(cluster.start_again, port=port)))
        say("Redis")
        start_redis = partial(_start_redis, folder, installation, passwords[REDIS_ROLE])
        server, redis_port = start_redis()
        parts.append(Part(server, lambda: start_redis(port=redis_port)[0]))
        services = Services(
            database_url=cluster.url(role=APP_ROLE, port=port),
            database_owner_url=cluster.url(role=OWNER_ROLE, port=port),
            redis_url=_redis_url(redis_port, passwords[REDIS_ROLE]),
        )
        write_addresses(folder=folder, services=services)
        yield Running(services, tuple(parts))
    finally:
        for part in reversed(parts):
            stop(children=[part.child])


def _new_passwords() -> dict[str, str]:
    return {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER_ROLE, APP_ROLE, REDIS_ROLE)}


def _redis_url(port: int, password: str) -> str:
    return f"redis://:{password}@127.0.0.1:{port}/0"


def _start_redis(folder: Path, installation: Installation, password: str, *, port: int = 0) -> tuple[Child, int]:
    """Start it on a free port, or again on the one that it had."""
    for attempt in range(REDIS_ATTEMPTS):
        try:
            return _start_redis_once(folder, installation, password, port)
        except StartError:
            if attempt + 1 == REDIS_ATTEMPTS:
                raise
            time.sleep(0.2)
    raise AssertionError("the loop returns or raises")


def _start_redis_once(folder: Path, installation: Installation, password: str, port: int) -> tuple[Child, int]:
    with reserved_port(port=port) as reserved:
        port = reserved.getsockname()[1]
        # By standard input: every user of the machine can read command lines.
        settings = "\n".join((*REDIS_SETTINGS, f"port {port}", f"requirepass {password}", ""))
        child = start(
            name="Redis",
            command=[installation.redis_server, "-"],
            log=folder / "logs" / "redis.log",
            environment=installation.environment(),
            account=installation.account,
            say=settings,
        )
        with redis.Redis.from_url(_redis_url(port, password), socket_timeout=1, retry=None) as client:
            try:
                wait_until(ready=lambda: _answers(client), child=child, within_s=REDIS_TIMEOUT_S)
            except BaseException:
                stop(children=[child])
                raise
    return child, port


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.AuthenticationError:
        return False  # somebody else's server has the port; ours stops by itself
    except redis.RedisError:
        return False


def _lock(descriptor: int, folder: Path) -> None:
    """Take the lock; a reader of `running_services` may hold it for a moment."""
    for _ in range(5):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return
    open_at = (read_addresses(folder=folder) or {}).get("addresses", {})
    where = f" at {open_at['web']}" if "web" in open_at else ""
    raise AlreadyRunning(
        f"It is already running{where}, started elsewhere (data folder {folder}). Stop that one first."
    )
