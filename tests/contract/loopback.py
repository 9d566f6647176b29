"""Real HTTP servers on the loopback address for the contract tests: an R4 hospital, a GP practice, and hostile ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from aiohttp import web

from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.protocol import Connector
from connectors.contract.values import Identifier, Query, Reply, SourceAddress
from connectors.fhir_r4.connector import FhirR4
from connectors.gp_connect.connector import GpConnect
from connectors.promises.serving import LOOPBACK
from connectors.promises.stage import ASKER
from connectors.transport.addresses import Reach
from connectors.transport.channels import LoopChannels
from connectors.transport.client import HttpTransport
from connectors.transport.limits import TransportLimits
from fhir_data.identifiers import NHS_NUMBER_SYSTEM

Result = TypeVar("Result")

NHS_NUMBER = "9000000009"
LOCAL_SYSTEM = "https://hospital.example/mrn"
LOCAL_VALUE = "MRN/42"
CORRELATION = UUID("6f1c2f0e-2c4b-4f7e-9a53-3d0a0f6a9f10")
FHIR_JSON = "application/fhir+json"

CONNECTORS: Mapping[str, Connector] = {"fhir_r4": FhirR4(), "gp_connect": GpConnect()}


def run(work: Coroutine[Any, Any, Result], /) -> Result:
    """Run one coroutine on a loop of its own."""
    return asyncio.run(work)


def query(*, seconds: float = 5.0, identifiers: tuple[Identifier, ...] | None = None) -> Query:
    """Return a query for everything; call it on the loop that will run it."""
    return Query(
        local_identifiers=identifiers
        or (
            Identifier(system=NHS_NUMBER_SYSTEM, value=NHS_NUMBER),
            Identifier(system=LOCAL_SYSTEM, value=LOCAL_VALUE),
        ),
        categories=CLINICAL_CATEGORIES,
        asker=ASKER,
        deadline=asyncio.get_running_loop().time() + seconds,
        correlation_id=CORRELATION,
    )


async def ask(
    *,
    kind: str,
    base: str,
    seconds: float = 5.0,
    options: Mapping[str, str] | None = None,
    limits: TransportLimits | None = None,
    identifiers: tuple[Identifier, ...] | None = None,
    reach: Reach = LOOPBACK,
    secrets: Mapping[str, Path] | None = None,
) -> Reply:
    """Ask one source with a transport of its own, by a connector that is warmed up as a worker's is."""
    _warm_up(kind)
    address = SourceAddress(source_id="source-1", base_url=base, options=options or {}, secrets=secrets or {})
    async with LoopChannels(HttpTransport(limits=limits, reach=reach)) as channels:
        asked = query(seconds=seconds, identifiers=identifiers)
        return await CONNECTORS[kind].ask(source=address, query=asked, channels=channels)


@cache
def _warm_up(kind: str, /) -> None:
    CONNECTORS[kind].warm_up()


def fhir_json(body: Any, /, *, status: int = 200) -> web.Response:
    """Return a response of FHIR JSON."""
    return web.Response(body=json.dumps(body).encode(), status=status, content_type=FHIR_JSON)


def bundle(*resources: Mapping[str, Any], kind: str = "searchset", following: str = "") -> dict[str, Any]:
    """Return a Bundle of resources, with a `next` link where there is one."""
    made: dict[str, Any] = {"resourceType": "Bundle", "type": kind, "entry": [{"resource": one} for one in resources]}
    if following:
        made["link"] = [{"relation": "next", "url": following}]
    return made


PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [
        {"system": NHS_NUMBER_SYSTEM, "value": NHS_NUMBER},
        {"system": LOCAL_SYSTEM, "value": LOCAL_VALUE},
    ],
    "name": [{"family": "Testcase", "given": ["Tess"]}],
    "birthDate": "1970-01-02",
}
SUBJECT = {"reference": "Patient/p1"}


def r4_capability(*types: str, everything: bool = False) -> dict[str, Any]:
    """Return a CapabilityStatement that declares searches by patient."""
    resources: list[dict[str, Any]] = [
        {
            "type": name,
            "interaction": [{"code": "search-type"}, {"code": "read"}],
            "searchParam": [{"name": "patient", "type": "reference"}],
            "searchRevInclude": ["Provenance:target"],
            "searchInclude": [f"{name}:medication"] if name.startswith("Medication") else [],
        }
        for name in types
    ]
    patient: dict[str, Any] = {"type": "Patient", "interaction": [{"code": "search-type"}, {"code": "read"}]}
    if everything:
        patient["operation"] = [
            {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}
        ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": [patient, *resources]}],
    }


def observation(*, key: str, value: str = "7.10", category: str = "laboratory") -> dict[str, Any]:
    """Return an R4 Observation; `value` is put in by `exact`."""
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}
        ],
        "code": {"text": "Haemoglobin"},
        "subject": SUBJECT,
        "effectiveDateTime": "2026-02-03",
        "valueQuantity": {"value": f"@{value}@", "unit": "g/L"},
    }


def exact(body: Any, /) -> bytes:
    """Return JSON in which the marked numbers stand as they were written."""
    return json.dumps(body).replace('"@', "").replace('@"', "").encode()
