"""`manage.py demo` from nothing to a patient's record, through real processes, and back to nothing."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launcher.failing_sources import FAILING
from tests.door import Visitor, issues, resources
from tests.install.page import commands
from tests.integration.launcher.launching import (
    PROJECT,
    Run,
    bare_environment,
    data_folder,
    gone,
    kill,
    remove,
    started,
)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

UP = "Press Ctrl-C to stop everything"
SOURCES = 6


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = data_folder(name="demo")
    yield made
    remove(folder=made)


@pytest.fixture(scope="module")
def demonstration(folder: Path) -> Iterator[Run]:
    with started("demo", folder=folder) as run:
        run.wait_for(words=UP, within_s=120)
        yield run


@pytest.fixture
def clinician(demonstration: Run) -> Visitor:
    return clinician_of(demonstration)


def clinician_of(demonstration: Run) -> Visitor:
    password = re.search(r"sign in with the password (\S+) as", demonstration.words())
    username = re.search(r"^  (\S+) +clinician", demonstration.words(), flags=re.MULTILINE)
    assert password
    assert username
    visitor = visitor_of(demonstration)
    visitor.sign_in(username[1], password[1])
    return visitor


def visitor_of(demonstration: Run) -> Visitor:
    address = re.search(r"Open (\S+) and sign in", demonstration.words())
    assert address
    return Visitor(base=address[1])


def test_once_shows_a_record_and_ends_with_nothing_left(folder: Path) -> None:
    with started("demo", "--once", folder=folder) as run:
        run.wait_for(words="sources have answered", within_s=120)
        processes = run.descendants()
        assert len(processes) >= SOURCES + 4
        assert run.process.wait(60) == 0, run.words()
        assert gone(processes=processes)
    assert "sign in with the password" in run.words()


def test_with_faults_a_source_breaks_where_it_is_asked_and_the_words_say_what_to_watch(folder: Path) -> None:
    with started("demo", "--faults", folder=folder) as run:
        run.wait_for(words=UP, within_s=120)
        for slug, failing in FAILING.items():
            log = (folder / "logs" / f"way-to-{slug}.log").read_text()
            control = re.search(r"^control (\S+)", log, flags=re.MULTILINE)
            assert control
            assert failing.words in run.words()
            assert fault_at(control[1]) is None, "a schedule begins with the source well"
            fault_at(control[1], kind="refused")
        assert f"{visitor_of(run).base}/sources, signed in as prog.lindh" in run.words()
        answer = whole_record(clinician_of(run), nhs_number="9990000077")
    assert "Eskwith General Hospital: Could not be reached: there was no connection" in answer
    assert "Thornmere Royal Hospital: Answered" in answer


def fault_at(control: str, **described: str) -> object:
    """Return the fault in force at a proxy, or put one in force."""
    method, body = ("PUT", json.dumps(described).encode()) if described else ("GET", None)
    request = urllib.request.Request(f"{control}/fault", method=method, data=body)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read())


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


@pytest.mark.parametrize(
    ("name", "on_its_command_line"),
    [
        ("PostgreSQL", "bin/postgres"),
        ("Redis", "-server"),
        ("web", "-m config.serve"),
        ("worker", "demo-federation@"),
        ("upkeep", "demo-upkeep@"),
        ("beat", "config.beat"),
        ("source thornmere-royal", "thornmere-royal"),
    ],
)
def test_whatever_was_killed_runs_again_where_it_was(
    demonstration: Run, clinician: Visitor, name: str, on_its_command_line: str
) -> None:
    kill(processes=demonstration.descendants(), of=on_its_command_line)
    demonstration.wait_for(words=f"{name} was killed by SIGKILL and was started again")
    answer = eventually(lambda: whole_record(clinician))
    assert "Thornmere Royal Hospital: Answered" in answer


OWN_BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "resource": {
                "resourceType": "Patient",
                "id": "ada",
                "identifier": [
                    {"system": "https://mine.example/id/mrn", "value": "4711"},
                    {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990001227"},
                ],
                "name": [{"family": "Lovelock", "given": ["Ada"]}],
                "birthDate": "1952-12-10",
            }
        },
        {
            "resource": {
                "resourceType": "Condition",
                "id": "c1",
                "clinicalStatus": {
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
                },
                "code": {"text": "Lead poisoning"},
                "subject": {"reference": "Patient/ada"},
            }
        },
    ],
}


def test_one_s_own_server_is_connected_in_six_commands(demonstration: Run, folder: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "mine.json"
    bundle.write_text(json.dumps(OWN_BUNDLE))
    first, *others = commands(
        page="integrating.md", heading="Connect your own FHIR server to the demonstration"
    ).splitlines()
    assert (first, len(others)) == ("make demo", 5)
    with serving(bundle) as address:
        typed = "\n".join(others).replace("http://127.0.0.1:8080/fhir", address)
        session = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", re.sub(r"\b(people|relationships)\.csv", rf"{tmp_path}/\1.csv", typed)],
            cwd=PROJECT,
            env=bare_environment(folder=folder),
            capture_output=True,
            text=True,
            check=False,
        )
        assert session.returncode == 0, session.stderr
        password = re.search(r"dr\.mine can sign in with the password (\S+)", session.stdout)
        assert password
        clinician = visitor_of(demonstration)
        clinician.sign_in("dr.mine", password[1])
        (person,) = clinician.find(nhs_number="999 000 1227")
        answer = clinician.everything(person).json()
    assert "My hospital: Answered" in issues(answer)["My hospital"]["diagnostics"]
    assert [problem["code"]["text"] for problem in resources(answer, "Condition")] == ["Lead poisoning"]


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """Serve a bundle as a FHIR server that is none of the demonstration's."""
    command = [sys.executable, "-m", "simulator", "serve", "--kind", "fhir_r4", "--files", str(file), "--port", "0"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        address = next(line.split()[1] for line in server.stdout if line.startswith("ready"))
        try:
            yield address
        finally:
            server.terminate()


def whole_record(clinician: Visitor, *, nhs_number: str = "9990000026") -> str:
    """Return what is said of the sources, "" while something is away."""
    try:
        found = clinician.find(nhs_number=nhs_number)
        answer = clinician.everything(found[0]) if found else None
    except OSError:
        return ""
    said = [issue["diagnostics"] for issue in issues(answer.json()).values()] if answer and answer.status == 200 else []
    return "\n".join(said) if any("Royal Hospital: Answered" in words for words in said) else ""


def eventually(ask: Callable[[], str], within_s: float = 60) -> str:
    until = time.monotonic() + within_s
    while not (answer := ask()) and time.monotonic() < until:
        time.sleep(0.5)
    return answer
