"""The private PostgreSQL and Redis start again after anything, are found by others, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest

from launcher.private_services import running_services
from tests.integration.launcher.launching import data_folder, gone, kill, remove, started

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

UP = "Press Ctrl-C to stop them"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = data_folder(name="services")
    yield made
    remove(folder=made)


@pytest.mark.parametrize(
    "signals", [[signal.SIGINT], [signal.SIGINT, signal.SIGINT, signal.SIGTERM], [signal.SIGTERM], [signal.SIGHUP]]
)
def test_being_told_to_stop_leaves_nothing(folder: Path, signals: list[signal.Signals]) -> None:
    with started("services", folder=folder) as run:
        run.wait_for(words=UP)
        processes = run.descendants()
        assert len(processes) >= 2
        for each in signals:
            run.process.send_signal(each)
        assert run.process.wait(30) == 0, run.words()
        assert gone(processes=processes)
    assert running_services(folder=folder) is None


def test_being_killed_leaves_nothing_and_the_next_start_is_clean(folder: Path) -> None:
    for _ in range(2):
        with started("services", folder=folder) as run:
            run.wait_for(words=UP)
            processes = run.descendants()
            run.process.kill()
            run.process.wait(30)
            assert gone(processes=processes)
    assert running_services(folder=folder) is None


@pytest.mark.parametrize("part", ["bin/postgres", "-server"])
def test_a_killed_part_is_started_again_where_it_was_and_given_up_the_fourth_time(folder: Path, part: str) -> None:
    with started("services", folder=folder) as run:
        run.wait_for(words=UP)
        services = running_services(folder=folder)
        for restarts in range(3):
            kill(processes=run.descendants(), of=part)
            run.wait_for(words="was killed by SIGKILL and was started again", times=restarts + 1)
        assert running_services(folder=folder) == services
        with started("migrate", "--skip-checks", "--plan", folder=folder) as found:
            assert found.process.wait(60) == 0, found.words()
        processes = run.descendants()
        kill(processes=processes, of=part)
        assert run.process.wait(30) == 1
        assert "after 3 restarts within a minute" in run.words()
        assert gone(processes=processes)


def test_a_second_start_says_that_the_first_runs(folder: Path) -> None:
    with started("services", folder=folder) as first:
        first.wait_for(words=UP)
        with started("services", folder=folder) as second:
            assert second.process.wait(30) == 1
            assert "already running" in second.words()
            assert "Traceback" not in second.words()
        assert first.process.poll() is None


def test_other_commands_find_them_and_say_what_to_do_without(folder: Path) -> None:
    with started("services", folder=folder) as run:
        run.wait_for(words=UP)
        with started("migrate", "--skip-checks", "--plan", folder=folder) as found:
            assert found.process.wait(60) == 0, found.words()
    with started("migrate", "--skip-checks", "--plan", folder=folder) as lost:
        assert lost.process.wait(60) == 1
        assert lost.words().startswith("No PostgreSQL is configured")
        assert len(lost.words().splitlines()) == 1


def test_secrets_are_for_their_owner_only_and_not_on_a_command_line(folder: Path) -> None:
    with started("services", folder=folder) as run:
        run.wait_for(words=UP)
        files = [folder / name for name in ("services.json", "passwords.json", "keys.json")]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        passwords = json.loads((folder / "passwords.json").read_text()).values()
        shown = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
        assert not [password for password in passwords if password in shown]


def test_logs_are_for_their_owner_only_and_hold_no_value_of_a_row(folder: Path) -> None:
    number = "9990000018"
    log = folder / "logs" / "postgresql.log"
    with started("services", folder=folder) as run:
        run.wait_for(words=UP)
        log.chmod(0o644)
        services = running_services(folder=folder)
        assert services
        with closing(psycopg2.connect(services.database_owner_url)) as session, session.cursor() as cursor:
            session.autocommit = True
            cursor.execute("CREATE TABLE IF NOT EXISTS people (number text PRIMARY KEY)")
            for _ in range(2):
                with suppress(psycopg2.errors.UniqueViolation):
                    cursor.execute("INSERT INTO people VALUES (%s)", [number])
            with pytest.raises(psycopg2.errors.InvalidTextRepresentation):
                cursor.execute("SELECT %s::text::int FROM people", ["NHS " + number])
    assert number not in log.read_text()
    with started("services", folder=folder) as run:
        run.wait_for(words=UP)
        assert {stat.S_IMODE(path.stat().st_mode) for path in (folder / "logs").iterdir()} == {0o600}


def test_a_wrong_password_is_refused(folder: Path) -> None:
    with started("services", folder=folder) as run:
        run.wait_for(words=UP)
        services = running_services(folder=folder)
        assert services
        user, _, rest = services.database_url.partition("@")
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(f"{user}x@{rest}")


def test_a_half_made_folder_is_made_again(folder: Path) -> None:
    with started("services", folder=folder) as run:
        run.wait_for(words=UP)
    (folder / "ready").unlink()
    with started("services", folder=folder) as run:
        run.wait_for(words=UP)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account for PostgreSQL")
def test_root_can_start_them_in_a_folder_that_is_closed_to_others() -> None:
    closed = data_folder(name="closed")
    closed.mkdir(parents=True)
    closed.chmod(0o700)
    inner = closed / "data"
    try:
        with started("services", folder=inner) as run:
            run.wait_for(words=UP)
            processes = run.descendants()
        assert gone(processes=processes)
    finally:
        remove(folder=inner)
        remove(folder=closed)


def test_two_folders_run_side_by_side(folder: Path) -> None:
    other = data_folder(name="beside")
    try:
        with started("services", folder=folder) as one, started("services", folder=other) as two:
            one.wait_for(words=UP)
            two.wait_for(words=UP)
    finally:
        remove(folder=other)


def test_a_folder_in_which_others_may_write_is_refused() -> None:
    shared = data_folder(name="shared")
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    try:
        with started("services", folder=shared) as run:
            assert run.process.wait(30) == 1
            assert "DATA_FOLDER" in run.words()
        assert stat.S_IMODE(shared.stat().st_mode) == 0o777
    finally:
        remove(folder=shared)
