"""A region written once for the tests of this process, its servers on the loopback address, and questions to them."""

from __future__ import annotations

import atexit
import base64
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from aiohttp import web

from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from simulator.gp_server import gp_app
from simulator.organisations import GP_CONNECT
from simulator.r4_server import r4_app
from simulator.records import Records, read_folder
from simulator.region import write_region
from simulator.serving import Desk
from simulator.wire import decode

SEED, PEOPLE = 7, 60
TODAY = datetime.now(tz=UTC).date()
ALL_AREAS: tuple[dict[str, Any], ...] = (
    {"name": "includeAllergies", "part": [{"name": "includeResolvedAllergies", "valueBoolean": True}]},
    {"name": "includeMedication"},
    {"name": "includeConsultations"},
    {"name": "includeProblems"},
    {"name": "includeImmunisations"},
    {"name": "includeUncategorisedData"},
    {"name": "includeInvestigations"},
    {"name": "includeReferrals"},
    {"name": "includeDiaryEntries"},
)


@cache
def region_folder() -> Path:
    """Return a region that is written once and removed when the process ends."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    write_region(folder=Path(folder.name), seed=SEED, people=PEOPLE, today=TODAY)
    return Path(folder.name)


@cache
def region_description() -> dict[str, Any]:
    """Return what region.json says."""
    found: dict[str, Any] = json.loads((region_folder() / "region.json").read_text(encoding="utf-8"))
    return found


def story(slug: str) -> dict[str, Any]:
    """Return one story of region.json."""
    found: dict[str, Any] = next(one for one in region_description()["stories"] if one["slug"] == slug)
    return found


def record(source: str, local_id: str) -> list[dict[str, Any]]:
    """Return the resources of one person's record at one source."""
    bundle = decode(text=(region_folder() / source / "records" / f"{local_id}.json").read_bytes())
    return [entry["resource"] for entry in bundle["entry"]]


@dataclass(frozen=True, kw_only=True)
class Got:
    """An answer over HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        """Return the body as JSON."""
        found: dict[str, Any] = decode(text=self.body)
        return found

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Return the resources of the Bundle."""
        return [entry["resource"] for entry in self.json.get("entry", ())]


@dataclass(frozen=True, kw_only=True)
class Client:
    """Speaks to one running server."""

    session: aiohttp.ClientSession
    root: str
    base: str
    desk: Desk

    async def get(self, path: str, **headers: str) -> Got:
        """Ask for a path under the base, or for a whole address."""
        return await self.send("GET", path if path.startswith("http") else f"{self.base}/{path}", headers=headers)

    async def send(self, method: str, url: str, **options: Any) -> Got:
        """Send a request and read the whole answer."""
        async with self.session.request(method, url, **options) as response:
            return Got(status=response.status, body=await response.read(), headers=dict(response.headers))

    async def put_fault(self, **described: Any) -> None:
        """Put a fault up by the operator's address."""
        got = await self.send("POST", f"{self.root}/_simulator/faults", json=described)
        assert got.status == 201, got.body

    async def ask_practice(self, number: str, *areas: dict[str, Any], **changed: str) -> Got:
        """Ask for a structured record as the specification says, but for the headers that are `changed`."""
        headers = {**practice_headers(base=self.base, records=self.desk.records), **changed}
        return await self.send(
            "POST",
            f"{self.base}/Patient/$gpc.getstructuredrecord",
            data=parameters(number, *areas),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )


@asynccontextmanager
async def serving(source: str = "", *, records: Records | None = None, latency_ms: int = 0) -> AsyncIterator[Client]:
    """Serve a source of the region (or other records) on a free port, in this process."""
    held = records or read_folder(folder=region_folder() / source)
    desk = Desk(records=held, latency_ms=latency_ms, seed=SEED)
    app = gp_app(desk=desk) if held.settings.kind == GP_CONNECT else r4_app(desk=desk)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    root = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            yield Client(session=session, root=root, base=f"{root}{held.settings.base_path}", desk=desk)
    finally:
        await runner.cleanup()


def parameters(number: str, *areas: dict[str, Any]) -> bytes:
    """Return the body of a question about one NHS number."""
    asked = {"name": "patientNHSNumber", "valueIdentifier": {"system": NHS_NUMBER_SYSTEM, "value": number}}
    return json.dumps({"resourceType": "Parameters", "parameter": [asked, *areas]}).encode()


def claims(*, base: str, now: int) -> dict[str, Any]:
    """Return the claims of a token as the specification has them."""
    return {
        "iss": "https://consumer.example",
        "sub": "user-1",
        "aud": base,
        "iat": now,
        "exp": now + 300,
        "reason_for_request": "directcare",
        "requested_scope": "patient/*.read",
        "requesting_device": {
            "resourceType": "Device",
            "identifier": [{"system": "https://consumer.example/device", "value": "1"}],
            "model": "Viewer",
            "version": "1.0",
        },
        "requesting_organization": {
            "resourceType": "Organization",
            "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "RZX"}],
            "name": "Thornmere Royal Hospital",
        },
        "requesting_practitioner": {
            "resourceType": "Practitioner",
            "id": "user-1",
            "identifier": [
                {"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "UNK"},
                {"system": "https://fhir.nhs.uk/Id/sds-role-profile-id", "value": "UNK"},
                {"system": "https://consumer.example/user", "value": "user-1"},
            ],
            "name": [{"family": "Raman", "given": ["Asha"], "prefix": ["Dr"]}],
        },
    }


def token(held: Mapping[str, Any], *, header: Mapping[str, str] | None = None, signature: str = "") -> str:
    """Return claims as a token."""
    parts = [header or {"alg": "none", "typ": "JWT"}, held]
    written = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*written, signature])


def practice_headers(*, base: str, records: Records) -> dict[str, str]:
    """Return the headers of a question to a practice."""
    return {
        "Accept": "application/fhir+json;charset=utf-8",
        "Content-Type": "application/fhir+json;charset=utf-8",
        "Ssp-TraceID": str(uuid.uuid4()),
        "Ssp-From": "999000000001",
        "Ssp-To": records.settings.options.get("to_asid", "1"),
        "Ssp-InteractionID": "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1",
        "Authorization": f"Bearer {token(claims(base=base, now=int(time.time())))}",
    }
