"""A connector in a distribution of its own is built, installed and declared by a setting; no code of ours changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from aggregator.services.open_record import open_record
from aggregator.services.view_record import RecordView, view_record
from aggregator.sources import catalogue
from connectors.contract.categories import RecordCategory
from connectors.transport.offload import OffloadLimits
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from tests.factories import allergy
from tests.hospital import Hospital, Said, running
from tests.one_hospital import JOAN, load
from tests.own_worker import own_worker
from tests.world import JOAN_NUMBER, make_world

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "ward_book"
DECLARED = "ward_book=ward_book.connector.WardBook"
# More than a worker reads on its loop: the process that reads what is large must find the connector too.
WEIGHTS = 2000

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example's wheel is installed; it is built without a network, by the locked installer."""
    folder = tmp_path_factory.mktemp("distribution")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    uv = [sys.executable, "-m", "uv", "--offline", "--no-cache"]
    build = [*uv, "build", "--wheel", "--python", sys.executable, "--out-dir", folder / "dist", folder / "source"]
    install = [*uv, "pip", "install", "--no-deps", "--python", sys.executable, "--target", folder / "installed"]
    for command in (build, install):
        wheels = list((folder / "dist").glob("*.whl")) if command is install else []
        done = subprocess.run([*command, *wheels], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    shutil.rmtree(folder / "source")
    return folder / "installed"


@pytest.fixture
def declared(process_environment: dict[str, str], installed: Path) -> dict[str, str]:
    """The environment of a process in whose installation the connector is, and is declared."""
    path = os.pathsep.join([process_environment["PYTHONPATH"], str(installed)])
    return {**process_environment, "PYTHONPATH": path, "OTHER_CONNECTORS": DECLARED}


@pytest.fixture
def declared_here(installed: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    """The same for this process, which stands for the web's."""
    monkeypatch.syspath_prepend(str(installed))
    settings.CONNECTORS = {**settings.CONNECTORS, "ward_book": "ward_book.connector.WardBook"}
    catalogue.connector_for.cache_clear()
    yield
    catalogue.connector_for.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "ward_book"]:
        del sys.modules[name]


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def ward_book() -> Hospital:
    """A ward book that knows Joan: an allergy, and many weights."""
    weights = [
        {
            "resourceType": "Observation",
            "id": f"w{number}",
            "status": "final",
            "code": {"text": "Weight"},
            "subject": {"reference": "Patient/1"},
            "effectiveDateTime": "2026-02-03",
            "valueQuantity": {"value": number, "unit": "kg"},
        }
        for number in range(WEIGHTS)
    ]
    resources = [JOAN, allergy(id="a1", patient={"reference": "Patient/1"}), *weights]
    body = b"\n".join(json.dumps(resource).encode() for resource in resources)
    assert len(body) > OffloadLimits().loop_bytes
    return Hospital(answers={"about": Said(body=b'{"ward-book": 1}'), f"patients/{JOAN_NUMBER}": Said(body=body)})


def wait_for(world: Any, retrieval_id: Any) -> RecordView:
    until = time.monotonic() + 20
    while True:
        view = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
        if view.complete or time.monotonic() > until:
            return view
        time.sleep(0.05)


def test_a_connector_of_another_distribution_is_asked_by_a_worker(
    declared: dict[str, str], declared_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = manage(declared, "check")
    assert checked.returncode == 0, checked.stderr
    with (
        running(ward_book()) as served,
        own_worker(environment=declared, logs=tmp_path, database=60, monkeypatch=monkeypatch),
    ):
        world = make_world()
        options = ["--kind", "ward_book", "--ods", "X99103", "--organisation", "The Ward", "--name", "The Ward"]
        options += ["--identifier-system", NHS_NUMBER_SYSTEM]
        added = manage(declared, "add_source", "ward", served.address, *options)
        assert added.stdout == "ward is registered: a ward book.\n", added.stderr
        load((f"1,{JOAN_NUMBER}", f"{JOAN_NUMBER},{JOAN_NUMBER}"), source="ward")
        view = wait_for(world, open_record(requester=world.clinician, person_id=world.joan, now=timezone.now()))
    ended = {status.name: (status.outcome, status.reason) for status in view.sources}
    counts = {status.name: status.item_count for status in view.sources}
    assert counts["The Ward"] == 1 + WEIGHTS
    assert ended["The Ward"] == ("answered", "")
    (shown,) = view.record.section(RecordCategory.ALLERGIES).entries
    assert "patients/" + JOAN_NUMBER in served.asked
    assert shown
    assert ended["The Surgery"] == ("unreachable", "connection")


def test_where_it_is_not_installed_the_check_names_it(process_environment: dict[str, str]) -> None:
    refused = manage({**process_environment, "OTHER_CONNECTORS": DECLARED}, "check")
    assert refused.returncode == 1
    assert "(sources.E001) CONNECTORS['ward_book'] cannot be imported" in refused.stderr


@pytest.mark.parametrize("module", ["config.serve", "celery"])
def test_where_it_is_not_installed_nothing_that_would_ask_it_starts(
    process_environment: dict[str, str], module: str
) -> None:
    arguments = ["--app", "config", "worker", "--queues", "federation"] if module == "celery" else ["--port", "1"]
    environment = {**process_environment, "OTHER_CONNECTORS": DECLARED}
    environment.pop("DATABASE_OWNER_URL", None)
    started = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert started.returncode == 1
    assert "CONNECTORS['ward_book'] cannot be imported: ModuleNotFoundError" in started.stderr


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        ("ward_book", "must list connectors such as"),
        ("Ward=ward_book.connector.WardBook", "must list connectors such as"),
        ("ward_book=WardBook", "must list connectors such as"),
        ("ward_book=ward_book.connector:WardBook", "must list connectors such as"),
        ("fhir_r4=ward_book.connector.WardBook", "of which there is a connector already"),
        (f"{DECLARED}, {DECLARED}", "of which there is a connector already"),
    ],
)
def test_a_declaration_that_cannot_be_read_stops_every_process(
    process_environment: dict[str, str], declaration: str, words: str
) -> None:
    refused = manage({**process_environment, "OTHER_CONNECTORS": declaration}, "check")
    assert refused.returncode == 1
    assert refused.stderr.startswith("OTHER_CONNECTORS ")
    assert words in refused.stderr
