"""How a ward book answers, and what must come of it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from aiohttp import web
from ward_book.connector import WardBook

from connectors.contract.values import Identifier
from connectors.promises.example import Example
from fhir_data.identifiers import NHS_NUMBER_SYSTEM

NUMBER, OTHER_NUMBER, TOKEN = "9000000009", "9000000017", "a-token-of-the-example"


def patient(*, key: str = "p1", number: str = NUMBER) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": key,
        "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": number}],
        "name": [{"family": "Testcase", "given": ["Tess"]}],
        "birthDate": "1970-01-02",
    }


def allergy(*, key: str = "a1", of: str = "p1") -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    return {
        "resourceType": "AllergyIntolerance",
        "id": key,
        "clinicalStatus": {"coding": [{"system": system, "code": "active"}]},
        "code": {"text": "Penicillin"},
        "patient": {"reference": f"Patient/{of}"},
    }


def weight() -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"text": "Weight"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-02-03",
        "valueQuantity": {"value": 71, "unit": "kg"},
    }


def lines(*resources: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(resource).encode() for resource in resources)


WHOLE = (patient(), allergy(), weight())


async def book(request: web.Request, *, resources: tuple[dict[str, Any], ...] = WHOLE) -> web.Response:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return web.Response(status=401)
    if request.path.endswith("/about"):
        return web.json_response({"ward-book": 1})
    if not resources or not request.path.endswith(f"/patients/{NUMBER}"):
        return web.json_response({"known": False}, status=404)
    return web.Response(body=lines(*resources), content_type="application/fhir+ndjson")


EXAMPLE = Example(
    connector=WardBook(),
    identifiers=(Identifier(system=NHS_NUMBER_SYSTEM, value=NUMBER),),
    subject="Patient/p1",
    expected=frozenset({"AllergyIntolerance/a1", "Observation/o1"}),
    well=book,
    unknown=partial(book, resources=()),
    broken=partial(book, resources=(*WHOLE, {**allergy(key="b9"), "patient": 7, "code": "not what a code is"})),
    mixed=partial(book, resources=(*WHOLE, allergy(key="x9", of="p9"))),
    stranger=partial(book, resources=(patient(key="p9", number=OTHER_NUMBER), allergy(of="p9"))),
    saved=lines(*WHOLE),
    options={"auth": "token", "token_secret": "the-token"},
    secrets={"token_secret": TOKEN.encode()},
)
