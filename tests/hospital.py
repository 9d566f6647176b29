"""A small FHIR R4 hospital on the loopback address, in a thread: what it answers to each path is for a test to say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True, kw_only=True)
class Said:
    """One answer; `after_s` seconds pass before it. A body that is bytes is sent as it is, as HTML.

    `short_by`: so many bytes less come than the length says, and the connection is closed.
    """

    body: Any = b""
    status: int = 200
    after_s: float = 0.0
    short_by: int = 0


Answering = Callable[[str], Said]


@dataclass
class Hospital:
    """`answers` maps a path with its query, from its beginning, to what is said; the longest that fits counts."""

    answers: dict[str, Said | Answering] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str) -> Said:
        """Return what is said to a path under the base."""
        self.asked.append(path)
        fitting = [known for known in self.answers if path.startswith(known)]
        if not fitting:
            return Said(body=outcome(), status=404)
        said = self.answers[max(fitting, key=len)]
        return said(path) if callable(said) else said


@contextmanager
def running(hospital: Hospital) -> Iterator[Hospital]:
    """Serve a hospital; its address is that of its FHIR base."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            said = hospital.answer(self.path.removeprefix("/fhir/"))
            time.sleep(said.after_s)
            plain = isinstance(said.body, bytes)
            body = said.body if plain else json.dumps(said.body).encode()
            self.send_response(said.status)
            self.send_header("Content-Type", "text/html" if plain else FHIR_JSON)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - said.short_by])
            self.close_connection = self.close_connection or bool(said.short_by)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  a caller that left is no news
    hospital.address = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hospital
    finally:
        server.shutdown()
        server.server_close()


def outcome(*, code: str = "not-found") -> dict[str, Any]:
    """Return an OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}


def spine_error(code: str, /) -> dict[str, Any]:
    """Return an OperationOutcome as a GP practice sends it."""
    coding = {"system": "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1", "code": code}
    issue = {"severity": "error", "code": "invalid", "details": {"coding": [coding]}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def bundle(*resources: Mapping[str, Any], following: str = "", total: int | None = None) -> dict[str, Any]:
    """Return a searchset, with a `next` link where there is one."""
    made: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": one} for one in resources],
    }
    if following:
        made["link"] = [{"relation": "next", "url": following}]
    if total is not None:
        made["total"] = total
    return made


def statement(*types: str, everything: bool = False, unsearchable: Sequence[str] = ()) -> dict[str, Any]:
    """Return a CapabilityStatement that declares searches by patient, and types that it has no search for."""
    patient: dict[str, Any] = {"type": "Patient", "interaction": [{"code": "read"}]}
    if everything:
        patient["operation"] = [{"name": "everything"}]
    searched = [
        {"type": name, "interaction": [{"code": "search-type"}], "searchParam": [{"name": "patient"}]} for name in types
    ]
    others = [{"type": name, "interaction": [{"code": "read"}]} for name in unsearchable]
    return {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"mode": "server", "resource": [patient, *searched, *others]}],
    }
