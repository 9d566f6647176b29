"""Examples of a source of each kind of ours, for the promises that every connector keeps."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from aiohttp import web

from connectors.contract.values import Identifier
from connectors.fhir_r4.connector import FhirR4
from connectors.gp_connect.connector import GpConnect
from connectors.promises.example import Example
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from tests.contract.loopback import NHS_NUMBER, PATIENT, SUBJECT, bundle, fhir_json, observation, r4_capability

TOKEN = "a-token-of-the-example"
STRANGER = {
    **PATIENT,
    "id": "p9",
    "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": "9000000017"}],
    "name": [{"family": "Stranger", "given": ["Sam"]}],
}
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "clinicalStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]
    },
    "code": {"text": "Penicillin"},
    "patient": SUBJECT,
}
ALLERGY_STU3 = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "clinicalStatus": "active",
    "verificationStatus": "unconfirmed",
    "code": {"text": "Penicillin"},
    "patient": SUBJECT,
    "assertedDate": "2020-01-01",
}
NUMBER = Identifier(system=NHS_NUMBER_SYSTEM, value=NHS_NUMBER)
NO_SUCH: dict[str, Any] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-found"}]}


def others(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "id": "x9", "patient": {"reference": "Patient/p9"}}


def broken(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "id": "b9", "code": "not what a code is", "patient": 7}


async def hospital(
    request: web.Request, *, patient: dict[str, Any] | None = PATIENT, more: tuple[dict[str, Any], ...] = ()
) -> web.StreamResponse:
    path = request.path.removeprefix("/source/")
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return fhir_json(NO_SUCH, status=401)
    if path == "metadata":
        return fhir_json(r4_capability("AllergyIntolerance", "Observation"))
    if path == "Patient":
        return fhir_json(bundle(*([patient] if patient else [])))
    if path == "AllergyIntolerance":
        return fhir_json(bundle(ALLERGY, *more))
    if path == "Observation":
        page = request.query.get("page", "1")
        following = "" if page == "2" else str(request.url.with_query(page=2))
        return fhir_json(bundle(observation(key=f"o{page}", value="7"), following=following))
    return fhir_json(NO_SUCH, status=404)


async def practice(
    request: web.Request, *, patient: dict[str, Any] | None = PATIENT, more: tuple[dict[str, Any], ...] = ()
) -> web.StreamResponse:
    if request.path.endswith("metadata"):
        return fhir_json(NO_SUCH, status=404)
    if patient is None or NHS_NUMBER not in await request.text():
        coded = {"details": {"coding": [{"code": "PATIENT_NOT_FOUND"}]}}
        return fhir_json({**NO_SUCH, "issue": [{"severity": "error", "code": "not-found", **coded}]}, status=404)
    return fhir_json(bundle(patient, ALLERGY_STU3, *more, kind="collection"))


EXAMPLES = {
    "fhir_r4": Example(
        connector=FhirR4(),
        identifiers=(NUMBER,),
        subject="Patient/p1",
        expected=frozenset({"AllergyIntolerance/a1", "Observation/o1", "Observation/o2"}),
        well=hospital,
        unknown=partial(hospital, patient=None),
        broken=partial(hospital, more=(broken(ALLERGY),)),
        mixed=partial(hospital, more=(others(ALLERGY),)),
        stranger=partial(hospital, patient=STRANGER),
        saved=json.dumps(
            bundle(PATIENT, ALLERGY, observation(key="o1", value="7"), observation(key="o2", value="7"))
        ).encode(),
        options={"auth": "token", "token_secret": "the-token"},
        secrets={"token_secret": TOKEN.encode()},
    ),
    "gp_connect": Example(
        connector=GpConnect(),
        identifiers=(NUMBER,),
        subject="Patient/p1",
        expected=frozenset({"AllergyIntolerance/a1"}),
        well=practice,
        unknown=partial(practice, patient=None),
        broken=partial(practice, more=(broken(ALLERGY_STU3),)),
        mixed=partial(practice, more=(others(ALLERGY_STU3),)),
        stranger=partial(practice, patient=STRANGER),
        saved=json.dumps(bundle(PATIENT, ALLERGY_STU3, kind="collection")).encode(),
    ),
}
