"""The small world of `tests.world` whose surgery is a real HTTP server that says what a test wants it to say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.load_identities import load_identities
from aggregator.services.open_record import open_record
from aggregator.services.view_record import RecordView, view_record
from tests.contract.loopback import bundle, r4_capability
from tests.factories import allergy
from tests.world import IDENTITIES, JOAN_NUMBER, SOURCE_SLUG, World, make_world

NHS = "https://fhir.nhs.uk/Id/nhs-number"
JOAN: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "1",
    "identifier": [{"system": NHS, "value": JOAN_NUMBER}],
    "name": [{"use": "official", "family": "Ferris", "given": ["Joan"]}],
    "birthDate": "1951-05-04",
    "gender": "female",
}


@dataclass
class Hospital:
    """A FHIR R4 server of one patient, who has one allergy; `patients` maps an id to what is said of who it is, and
    `beside` is what else the answer holds."""

    patients: dict[str, dict[str, Any]] = field(default_factory=lambda: {"1": dict(JOAN)})
    beside: list[dict[str, Any]] = field(default_factory=list)
    base: str = ""

    def answer(self, path: str, query: dict[str, list[str]]) -> Any:
        if path.endswith("/metadata"):
            return r4_capability("AllergyIntolerance")
        if "/Patient/" in path:
            return self.patients.get(path.rsplit("/", 1)[1])
        asked = query.get("patient", query.get("subject", ["1"]))[0].rpartition("/")[2]
        return bundle(allergy(id=f"a{asked}", patient={"reference": f"Patient/{asked}"}), *self.beside)


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    served = Hospital()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(served.answer(parts.path, parse_qs(parts.query)))

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(served.answer(urlsplit(self.path).path, parse_qs(form)))

        def _answer(self, found: Any) -> None:
            body = json.dumps(found or {"resourceType": "OperationOutcome", "issue": []}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served.base = f"http://127.0.0.1:{server.server_port}/fhir"
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def world(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    yield make_world(base_url=hospital.base)
    close_engine()


def opened(world: World) -> RecordView:
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    return run(world, retrieval_id)


def run(world: World, retrieval_id: UUID) -> RecordView:
    engine().start(run_retrieval(retrieval_id=retrieval_id, engine=engine()), within_s=5).result()
    return view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())


def load(*changes: tuple[str, str], source: str = SOURCE_SLUG) -> None:
    lines = IDENTITIES
    for before, after in changes:
        lines = lines.replace(before, after)
    load_identities(requester=operator(), source_slug=source, lines=lines.splitlines(), now=timezone.now())


def add_clinic(base_url: str) -> None:
    add_source(
        requester=operator(),
        source=NewSource(
            slug="clinic",
            name="The Clinic",
            kind="fhir_r4",
            base_url=base_url,
            organisation_ods="X99103",
            organisation_name="The Clinic",
            freshness_s=0,
        ),
        check=False,
    )
