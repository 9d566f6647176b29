"""A bare machine in a folder: PostgreSQL and Redis with passwords on loopback, and stand-ins for what only root may do.

Packages, accounts and owners of files are taken as done, and so is the proxy: the caller says what a proxy would. What
`systemctl` starts is started here as the unit file says, all else runs as it is typed, with the paths and ports of the
page exchanged for those of the folder.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import pytest

from launcher import postgres
from launcher.installation import find_installation
from launcher.processes import Child, reserved_port, start, stop

PROJECT = Path(__file__).resolve().parents[2]
HOST = "record.example.nhs.uk"
STANDING_IN = ("apt-get", "adduser", "chown", "nginx")
# What this process was told about its own services is not for the machine.
OURS = re.compile(r"DATABASE_|REDIS_|DJANGO_|PYTEST|COV_|COVERAGE|PYTHON|MAKE|MFLAGS|VIRTUAL_ENV|PROVE|PG")
SESSION_S = 300

SUDO = """#!/bin/sh
# sudo -u ACCOUNT COMMAND...: as the superuser of PostgreSQL, on the machine's own port
shift 2
{libraries} PATH={programs}:$PATH PGHOST=127.0.0.1 PGPORT={port} PGUSER=postgres PGPASSWORD={password} exec "$@"
"""
SYSTEMCTL = """#!/bin/sh
# leaves a request for the one who waits for this session, and waits until it is done
request=$(mktemp {requests}/XXXXXXXX)
echo "$@" >"$request"
mv "$request" "$request.ask"
until [ -e "$request.done" ]; do sleep 0.05; done
exit "$(cat "$request.done")"
"""


@dataclass
class Machine:
    """The folder, its ports, and what runs. `said` is what each session printed."""

    folder: Path
    superuser: str
    database_port: int
    redis_port: int
    web_port: int
    programs: Path
    libraries: Path | None
    redis_server: Path
    running: dict[str, Child] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "opt" / "longview"

    @property
    def settings(self) -> Path:
        return self.folder / "etc" / "longview"

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    def run(self, typed: str, **environment: str) -> str:
        """Type commands into a shell that stops at the first that fails; return what it printed.

        Raises: AssertionError with its last lines when one failed.
        """
        log = self.folder / "session.log"
        with log.open("w") as out:
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**self._environment(), **environment},
                text=True,
            )
            assert shell.stdin
            shell.stdin.write(self.here(typed))
            shell.stdin.close()
            until = time.monotonic() + SESSION_S
            while shell.poll() is None and time.monotonic() < until:
                self._answer_requests()
                time.sleep(0.02)
            shell.kill()
            shell.wait()
        said = log.read_text()
        assert shell.returncode == 0, said[-3000:]
        return said

    def here(self, text: str) -> str:
        """Return a text of the page with its paths, ports and addresses exchanged for those of this machine."""
        for path in ("/opt/longview", "/etc/longview", "/etc/redis", "/etc/systemd", "/etc/nginx", "/var/backups"):
            text = re.sub(rf"(?<![\w./]){path}\b", f"{self.folder}{path}", text)
        text = text.replace("https://git.example/longview.git", str(self.folder / "published"))
        text = text.replace(":5432/", f":{self.database_port}/").replace(":6379/", f":{self.redis_port}/")
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{self.web_port}")
        text = text.replace("--port 8000", f"--port {self.web_port}")
        return text.replace("SOURCE_NETWORKS=10.0.0.0/8", "SOURCE_NETWORKS=127.0.0.0/8")

    def _environment(self) -> dict[str, str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        return {**kept, "PATH": path, "LONGVIEW_ETC": str(self.settings)}

    def _answer_requests(self) -> None:
        for request in (self.folder / "requests").glob("*.ask"):
            asked = shlex.split(request.read_text())
            request.unlink()
            status = self._systemctl(asked)
            draft = request.with_suffix(".answer")
            draft.write_text(str(status))
            draft.replace(request.with_suffix(".done"))

    def _systemctl(self, asked: list[str]) -> int:
        verb, names = asked[0], [name for name in asked[1:] if not name.startswith("--")]
        if verb in ("stop", "restart"):
            stop(children=[self.running.pop(name) for name in names if name in self.running])
        if verb in ("start", "restart", "enable"):
            for name in names:
                self.running[name] = self._start(name)
        return 0 if verb in ("start", "stop", "restart", "enable", "daemon-reload", "reload") else 1

    def _start(self, name: str) -> Child:
        log = self.folder / "logs" / f"{name}.log"
        if name == "redis-server":
            command = [str(self.redis_server), str(self.folder / "etc" / "redis" / "redis.conf")]
            return start(name=name, command=command, log=log, environment={"PATH": os.environ["PATH"]})
        unit = self.here((self.folder / "etc" / "systemd" / "system" / f"{name}.service").read_text())
        environment = {"PATH": os.environ["PATH"]}
        for line in [*values(unit, "Environment"), *self._files(unit)]:
            environment.update([line.split("=", 1)])
        (command_line,), (folder,) = values(unit, "ExecStart"), values(unit, "WorkingDirectory")
        return start(name=name, command=shlex.split(command_line), log=log, environment=environment, folder=folder)

    def _files(self, unit: str) -> list[str]:
        named = [Path(path).read_text().splitlines() for path in values(unit, "EnvironmentFile")]
        return [line for lines in named for line in lines if line.strip()]


def values(unit: str, name: str) -> list[str]:
    """Return the values of a setting in a unit file."""
    return re.findall(rf"^{name}=(.*)$", unit, flags=re.MULTILINE)


@contextmanager
def bare_machine(*, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Make a machine on which nothing of ours is installed; stop everything that runs on it at the end."""
    # As it is where nobody has said anything about logs.
    bare = tuple(setting for setting in postgres.SETTINGS if not setting.startswith("log_"))
    monkeypatch.setattr(postgres, "SETTINGS", bare)
    for name in ("bin", "requests", "logs", "etc/redis", "etc/systemd/system", "etc/nginx/conf.d", "var"):
        (folder / name).mkdir(parents=True)
    _publish(folder / "published")
    installation = find_installation(folder=folder)
    passwords = dict.fromkeys((postgres.SUPERUSER, postgres.OWNER_ROLE, postgres.APP_ROLE), "bare-machine")
    cluster = postgres.Cluster(folder=folder, installation=installation, passwords=passwords, durable=False)
    with ExitStack() as leaving:
        server, port = cluster.start()
        leaving.callback(stop, children=[server])
        _make_bare(port, passwords[postgres.SUPERUSER])
        with reserved_port() as redis_port, reserved_port() as web_port:
            machine = Machine(
                folder=folder,
                superuser=passwords[postgres.SUPERUSER],
                database_port=port,
                redis_port=redis_port.getsockname()[1],
                web_port=web_port.getsockname()[1],
                programs=installation.postgres / "bin",
                libraries=installation.libraries,
                redis_server=installation.redis_server,
            )
        leaving.callback(lambda: stop(children=list(machine.running.values())))
        (folder / "etc/redis/redis.conf").write_text(f"bind 127.0.0.1\nport {machine.redis_port}\n")
        _make_stand_ins(machine)
        yield machine


def _make_bare(port: int, password: str) -> None:
    session = psycopg2.connect(host="127.0.0.1", port=port, user="postgres", password=password, dbname="postgres")
    session.autocommit = True
    with session.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {postgres.DATABASE}")
        cursor.execute(f"DROP ROLE {postgres.OWNER_ROLE}, {postgres.APP_ROLE}")
    session.close()


def _make_stand_ins(machine: Machine) -> None:
    programs = dict.fromkeys(STANDING_IN, "#!/bin/sh\nexit 0\n")
    programs["sudo"] = SUDO.format(
        libraries=f"LD_LIBRARY_PATH={machine.libraries}" if machine.libraries else "",
        programs=machine.programs,
        port=machine.database_port,
        password=machine.superuser,
    )
    programs["systemctl"] = SYSTEMCTL.format(requests=machine.folder / "requests")
    for name, text in programs.items():
        path = machine.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)
    # The Python that this project was set up with, not its virtual environment.
    (machine.folder / "bin" / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")


def _publish(folder: Path) -> None:
    """Make a repository of the project as it stands here, committed or not."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(listing, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for path in filter(None, listed.split("\0")):
        if (PROJECT / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / path, folder / path)
    commit(folder, "as it stands")


def commit(folder: Path, words: str) -> None:
    """Commit everything in a folder, which becomes a repository."""
    git = ["git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all"],
        ["commit", "--quiet", "-m", words],
    ):
        subprocess.run([*git, *command], cwd=folder, check=True, capture_output=True)
