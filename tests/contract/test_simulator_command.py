"""The simulator as the launcher starts it: a process with a socket handed over, that says when it is ready and ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.simulator.served import region_folder

COMMAND = (sys.executable, "-m", "simulator")


@contextmanager
def started(*arguments: str, pass_fds: tuple[int, ...] = ()) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    with subprocess.Popen(
        [*COMMAND, "serve", *arguments], stdout=subprocess.PIPE, text=True, pass_fds=pass_fds
    ) as process:
        try:
            assert process.stdout is not None
            said: list[str] = []
            while not said or not said[-1].startswith("ready "):
                line = process.stdout.readline()
                assert line, "it ended before it was ready"
                said.append(line.strip())
            yield process, said
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_socket_that_listens_is_served_until_a_signal(how: signal.Signals) -> None:
    folder = str(region_folder() / "larkbeck-mental-health")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        arguments = ("--kind", "fhir_r4", "--folder", folder, "--fd", str(listening.fileno()), "--latency-ms", "0")
        with started(*arguments, pass_fds=(listening.fileno(),)) as (process, said):
            assert said == [f"ready http://127.0.0.1:{port}/r4"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/r4/metadata") as answer:
                assert answer.status == 200
            process.send_signal(how)
            assert process.wait(timeout=5) == 0


def test_files_are_served_and_their_people_named() -> None:
    folder = str(region_folder() / "millbeck-surgery" / "records")
    with started("--kind", "gp_connect", "--files", folder, "--port", "0") as (_, said):
        assert "9990000018: Ellwood, Katherine Anne, born 1956-04-12" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--kind", "fhir_r4", "--folder", "nowhere", "--port", "0"),
        ("--kind", "gp_connect", "--files", "README.md", "--port", "0"),
    ],
)
def test_nothing_to_serve_ends_with_one_line_and_an_error(arguments: tuple[str, ...]) -> None:
    ended = subprocess.run([*COMMAND, "serve", *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert len(ended.stderr.strip().splitlines()) == 1


def test_the_region_command_writes_a_region_and_counts_its_people(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*COMMAND, "region", "--out", str(tmp_path), "--people", "5"], capture_output=True, text=True, check=True
    )
    assert "millbeck-surgery: " in ended.stdout
    assert (tmp_path / "region.json").exists()
