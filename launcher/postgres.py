"""The private PostgreSQL: its folder, its roles and its process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from launcher.installation import Installation
from launcher.processes import Child, StartError, reserved_port, start, stop, wait_until

SUPERUSER = "postgres"
OWNER_ROLE = "owner"
APP_ROLE = "app"
DATABASE = "longview"
START_ATTEMPTS = 4
START_TIMEOUT_S = 30.0

# No statement, detail or error may reach the server's log, since each may repeat a value. What fails is logged by the
# service, by its class; what ends a session or the server is still logged here.
SETTINGS = (
    "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "shared_buffers=64MB",
    "log_min_messages=fatal", "log_error_verbosity=terse", "log_min_error_statement=panic", "log_statement=none",
    "log_min_duration_statement=-1", "timezone=UTC",
)  # fmt: skip
# Losing a test database does no harm.
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Cluster:
    """A private cluster in a data folder. `passwords`: of the three roles. `durable`: a crash must lose nothing."""

    folder: Path
    installation: Installation
    passwords: dict[str, str]
    durable: bool

    def start(self) -> tuple[Child, int]:
        """Create what is missing and start the server; return it and its port once it answers.

        Raises: StartError.
        """
        if not self._mark.exists():
            self._make_folder()
        child, port = self._start_server()
        try:
            if not self._mark.exists():
                self._make_roles(port)
                self._mark.touch()
        except BaseException:
            stop(children=[child])
            raise
        return child, port

    def start_again(self, *, port: int) -> Child:
        """Start the server of a whole cluster again on the port that it had.

        Raises: StartError.
        """
        child, _ = self._start_server(port)
        return child

    def url(self, *, role: str, port: int) -> str:
        """Return the address of the database as seen by `role`."""
        return f"postgresql://{role}:{quote(self.passwords[role], safe='')}@127.0.0.1:{port}/{DATABASE}"

    @property
    def _mark(self) -> Path:
        """Exists once the cluster is complete; without it, initdb or the creation of roles was interrupted."""
        return self.folder / "ready"

    def _program(self, name: str) -> Path:
        return self.installation.postgres / "bin" / name

    def _make_folder(self) -> None:
        shutil.rmtree(self.installation.data, ignore_errors=True)
        self.installation.data.mkdir(mode=0o700)
        secret = self.installation.data.with_name("superuser-password")
        secret.unlink(missing_ok=True)
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.passwords[SUPERUSER])
        account = self.installation.account
        if account:
            os.chown(self.installation.data, account.uid, account.gid)
            os.chown(secret, account.uid, account.gid)
        try:
            initdb = subprocess.run(
                [
                    self._program("initdb"),
                    "--pgdata",
                    self.installation.data,
                    "--username",
                    SUPERUSER,
                    "--auth",
                    "scram-sha-256",
                    "--pwfile",
                    secret,
                    "--encoding",
                    "UTF8",
                    "--locale-provider",
                    "builtin",
                    "--locale",
                    "C.UTF-8",
                    "--no-sync",
                    "--no-instructions",
                ],
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                env=self.installation.environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            secret.unlink()
        if initdb.returncode != 0:
            message = (initdb.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise StartError(f"PostgreSQL's data folder {self.installation.data} could not be created: {message}")

    def _start_server(self, port: int = 0) -> tuple[Child, int]:
        """Start the server, on a free port unless one is named. Retry if somebody else took it, and to give the server
        of a launcher that was killed, or what is left of a server that was, time to stop."""
        for attempt in range(START_ATTEMPTS):
            try:
                return self._start_once(port)
            except StartError:
                if attempt + 1 == START_ATTEMPTS:
                    raise
                time.sleep(0.5 * (attempt + 1))
        raise AssertionError("the loop returns or raises")

    def _start_once(self, port: int) -> tuple[Child, int]:
        with reserved_port(port=port) as reserved:
            port = reserved.getsockname()[1]
            settings = SETTINGS if self.durable else SETTINGS + NOT_DURABLE
            child = start(
                name="PostgreSQL",
                command=[
                    self._program("postgres"),
                    "-D",
                    self.installation.data,
                    "-p",
                    str(port),
                    *(part for setting in settings for part in ("-c", setting)),
                ],
                log=self.folder / "logs" / "postgresql.log",
                environment=self.installation.environment(),
                stop_signal=signal.SIGINT,  # ends sessions; SIGTERM would wait for them
                account=self.installation.account,
            )
            try:
                wait_until(ready=lambda: self._answers(port), child=child, within_s=START_TIMEOUT_S)
            except BaseException:
                stop(children=[child])
                raise
        return child, port

    def _answers(self, port: int) -> bool:
        try:
            self._connect(port).close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StartError(
                    f"The passwords in {self.folder} do not fit {self.installation.data}: remove both (`make clean`)."
                ) from None
            return False
        return True

    def _connect(self, port: int) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host="127.0.0.1",
            port=port,
            user=SUPERUSER,
            password=self.passwords[SUPERUSER],
            dbname="postgres",
            connect_timeout=5,
        )

    def _make_roles(self, port: int) -> None:
        connection = self._connect(port)
        connection.autocommit = True  # a database cannot be created in a transaction
        with connection.cursor() as cursor:
            for role, rights in ((OWNER_ROLE, "LOGIN CREATEDB"), (APP_ROLE, "LOGIN")):
                cursor.execute(
                    sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(
                        sql.Identifier(role), sql.SQL(rights), sql.Literal(self.passwords[role])
                    )
                )
            cursor.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE))
            )
        connection.close()
