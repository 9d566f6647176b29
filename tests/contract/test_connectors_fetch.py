"""Every connector keeps the promise over real HTTP: a Reply, or a SourceError of the right kind."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed, NotAsked, Refused, SourceError, TimedOut, UnknownPatient, Unreachable
from connectors.contract.values import Identifier
from connectors.promises.serving import serving
from tests.contract.loopback import (
    LOCAL_SYSTEM,
    LOCAL_VALUE,
    NHS_NUMBER,
    PATIENT,
    SUBJECT,
    ask,
    bundle,
    exact,
    fhir_json,
    observation,
    r4_capability,
    run,
)

ALLERGY_R4 = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "clinicalStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]
    },
    "code": {"text": "Penicillin"},
    "patient": SUBJECT,
}


class Hospital:
    """A small R4 server that remembers what it was asked."""

    def __init__(self, *, everything: bool = False, pages: int = 1, types: tuple[str, ...] = ()) -> None:
        self.everything = everything
        self.pages = pages
        self.types = types or ("AllergyIntolerance", "Observation", "MedicationRequest")
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir/")
        self.asked.append(f"{request.method} {path}?{unquote(request.query_string)}")
        self.headers.append(dict(request.headers))
        if path == "metadata":
            return fhir_json(r4_capability(*self.types, everything=self.everything))
        if path in ("Patient", "Patient/_search"):
            form = (await request.text()) if request.method == "POST" else request.query_string
            known = LOCAL_VALUE in unquote(form)
            return fhir_json(bundle(*([PATIENT] if known else [])))
        if path == "Patient/p1":
            return fhir_json(PATIENT)
        if path.startswith("Patient/p1/$everything"):
            return self._page(request, [PATIENT, ALLERGY_R4])
        if path == "AllergyIntolerance":
            return fhir_json(bundle(ALLERGY_R4))
        if path == "Observation":
            return self._page(request, [])
        if path == "MedicationRequest":
            return fhir_json({"resourceType": "OperationOutcome", "issue": []}, status=404)
        return fhir_json({"resourceType": "OperationOutcome", "issue": []}, status=404)

    def _page(self, request: web.Request, first: list[Any]) -> web.Response:
        at = int(request.query.get("page", "1"))
        following = f"{request.url.with_query(page=at + 1)}" if at < self.pages else ""
        resources = (first if at == 1 else []) + [observation(key=f"o{at}")]
        return web.Response(body=exact(bundle(*resources, following=following)), content_type="application/fhir+json")


def ids(items: Any) -> list[str]:
    return sorted(json.loads(item.resource)["id"] for item in items)


def fetch(handler: Any, *, kind: str = "fhir_r4", **options: Any) -> Any:
    async def work() -> Any:
        async with serving(handler) as base:
            return await ask(kind=kind, base=base, **options)

    return run(work())


def test_a_hospital_is_asked_type_by_type_and_every_page_is_read() -> None:
    hospital = Hospital(pages=3)
    reply = fetch(hospital)
    assert json.loads(reply.subject)["id"] == "p1"
    assert ids(reply.items) == ["a1", "o1", "o2", "o3"]
    assert {item.category for item in reply.items} == {RecordCategory.ALLERGIES, RecordCategory.RESULTS}
    assert hospital.asked[0].startswith("GET metadata")
    assert "GET Observation?patient=p1&_count=200&_revinclude=Provenance:target" in hospital.asked
    assert "MedicationRequest:medication" in " ".join(hospital.asked)


def test_a_type_that_a_hospital_declares_but_does_not_serve_is_said_and_costs_no_more() -> None:
    reply = fetch(Hospital())
    words = "It cannot be asked for prescriptions."
    said = [(notice.code, notice.category) for notice in reply.notices if notice.text == words]
    assert said == [("not-supported", RecordCategory.MEDICATIONS)]


@pytest.mark.parametrize("everything", [True, False])
def test_a_part_that_a_hospital_has_no_type_of_is_said_to_be_silent(everything: bool) -> None:
    reply = fetch(Hospital(everything=everything, types=("Observation",)))
    silent = {notice.category for notice in reply.notices if notice.code == "not-served"}
    assert {RecordCategory.ALLERGIES, RecordCategory.MEDICATIONS} <= silent
    assert not silent & {RecordCategory.RESULTS, RecordCategory.HISTORY, RecordCategory.OTHER}


def test_the_bytes_of_an_r4_entry_are_kept_as_sent() -> None:
    reply = fetch(Hospital())
    (result,) = [item for item in reply.items if item.category is RecordCategory.RESULTS]
    assert b'"value": 7.10,' in result.resource
    assert result.original is None


def test_everything_is_asked_for_where_it_is_declared() -> None:
    hospital = Hospital(everything=True, pages=2)
    reply = fetch(hospital)
    assert ids(reply.items) == ["a1", "o1", "o2"]
    assert json.loads(reply.subject)["id"] == "p1"
    assert not any(asked.startswith("GET Observation") for asked in hospital.asked)


@pytest.mark.parametrize("system", ["", "id"])
def test_an_identifier_without_a_system_is_the_logical_id(system: str) -> None:
    hospital = Hospital()
    reply = fetch(hospital, identifiers=(Identifier(system=system, value="p1"),))
    assert ids(reply.items) == ["a1", "o1"]
    assert "GET Patient/p1?" in hospital.asked


@pytest.mark.parametrize("value", ["..", ".", "../../admin", "a/b", "p1?x=1", "", "p" * 65, "p1\n"])
def test_an_id_that_could_change_the_path_is_never_sent(value: str) -> None:
    hospital = Hospital()
    with pytest.raises(UnknownPatient):
        fetch(hospital, identifiers=(Identifier(system="id", value=value),))
    assert [asked for asked in hospital.asked if "Patient" in asked] == []


def test_the_identifier_can_be_kept_out_of_the_address() -> None:
    hospital = Hospital()
    reply = fetch(
        hospital, identifiers=(Identifier(system=LOCAL_SYSTEM, value=LOCAL_VALUE),), options={"search": "post"}
    )
    assert ids(reply.items) == ["a1", "o1"]
    assert "POST Patient/_search?" in hospital.asked
    assert not any("MRN" in asked for asked in hospital.asked)


def test_a_patient_whom_no_identifier_finds_is_unknown() -> None:
    with pytest.raises(UnknownPatient):
        fetch(Hospital(), identifiers=(Identifier(system=LOCAL_SYSTEM, value="other"),))


def test_a_correlation_id_goes_out_with_every_request() -> None:
    hospital = Hospital()
    fetch(hospital)
    correlations = {headers["X-Correlation-ID"] for headers in hospital.headers}
    assert len(correlations) == 1
    assert len({headers["X-Request-ID"] for headers in hospital.headers}) == len(hospital.headers)


def test_two_people_under_one_identifier_are_nobody() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("Observation"))
        return fhir_json(bundle(PATIENT, {**PATIENT, "id": "p2"}))

    with pytest.raises(Malformed) as caught:
        fetch(handler)
    assert caught.value.reason == "ambiguous"


FLAWED = [
    {"link": 4},
    {"identifier": {"system": LOCAL_SYSTEM}},
    {"photo": [{"data": "*"}]},
    {"generalPractitioner": {}},
]


@pytest.mark.parametrize("flaw", FLAWED, ids=str)
@pytest.mark.parametrize("system", [LOCAL_SYSTEM, "id"])
def test_a_flaw_in_the_patient_costs_that_and_not_the_answer(flaw: dict[str, Any], system: str) -> None:
    patient = {**PATIENT, **flaw}
    if "identifier" in flaw and system == LOCAL_SYSTEM:
        patient["identifier"] = [*PATIENT["identifier"], 7]

    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("Observation"))
        if request.path.endswith("/Patient/p1"):
            return fhir_json(patient)
        return fhir_json(bundle(patient) if request.path.endswith("/Patient") else bundle(ALLERGY_R4))

    value = LOCAL_VALUE if system == LOCAL_SYSTEM else "p1"
    reply = fetch(handler, identifiers=(Identifier(system=system, value=value),))
    assert (len(reply.items), reply.quarantined) == (1, ())
    assert "could not be read" in " ".join(notice.text for notice in reply.notices)


@pytest.mark.parametrize(
    "entry", [{"resourceType": "Patient", "id": 7}, {"resourceType": "Patient", "id": "p1", "a": {"b": "\ud800"}}]
)
def test_a_patient_who_cannot_be_read_is_not_unknown(entry: dict[str, Any]) -> None:
    async def handler(request: web.Request) -> web.Response:
        return fhir_json(r4_capability("Observation") if request.path.endswith("metadata") else bundle(entry))

    with pytest.raises(Malformed):
        fetch(handler)


def test_an_entry_about_somebody_else_is_set_aside() -> None:
    other = {**ALLERGY_R4, "id": "a2", "patient": {"reference": "Patient/p2"}}

    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("AllergyIntolerance"))
        if request.path.endswith("/Patient"):
            return fhir_json(bundle(PATIENT))
        return fhir_json(bundle(ALLERGY_R4, other))

    reply = fetch(handler)
    assert ids(reply.items) == ["a1"]
    (aside,) = reply.quarantined
    assert (aside.reason, aside.category) == ("other-patient", RecordCategory.ALLERGIES)


class Ward(Hospital):
    """A hospital whose record refers to a nurse, who works somewhere, and to things that are not to be had."""

    ROLE = {"resourceType": "PractitionerRole", "id": "r1", "organization": {"reference": "Organization/o1"}}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir/")
        if path == "AllergyIntolerance":
            recorder = {"reference": "PractitionerRole/r1"}
            more = [{"reference": f"Practitioner/{key}"} for key in ("gone", "..", "wrong")]
            elsewhere = {"reference": "https://other.example/fhir/Practitioner/p9"}
            notes = [{"text": "x", "authorReference": one} for one in [*more, elsewhere]]
            return fhir_json(bundle({**ALLERGY_R4, "recorder": recorder, "note": notes}))
        answers: dict[str, Any] = {
            "PractitionerRole/r1": self.ROLE,
            "Organization/o1": {"resourceType": "Organization", "id": "o1", "name": "Ward 7"},
            "Practitioner/wrong": {"resourceType": "Practitioner", "id": "another"},
        }
        if path in answers:
            self.asked.append(f"read {path}")
            return fhir_json(answers[path])
        return await super().__call__(request)


def test_what_the_record_refers_to_is_read_and_what_cannot_be_is_said() -> None:
    ward = Ward(types=("AllergyIntolerance",))
    reply = fetch(ward)
    assert ids(reply.items) == ["a1", "o1", "r1"]
    (notice,) = [one for one in reply.notices if one.code == "resource-warning"]
    assert notice.category is RecordCategory.SUPPORTING
    assert notice.text.startswith("2 items")
    assert not any(".." in asked or "p9" in asked for asked in ward.asked)


# GP Connect ------------------------------------------------------------------------------------------------------

GP_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NHS_NUMBER}],
}


class Practice:
    """A GP practice that gives one answer and remembers the request."""

    def __init__(self, answer: Any, *, status: int = 200) -> None:
        self.answer = answer
        self.status = status
        self.requests: list[dict[str, Any]] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.requests.append(
            {"path": request.path, "headers": dict(request.headers), "body": json.loads(await request.read())}
        )
        return fhir_json(self.answer, status=self.status)


def outcome(code: str) -> dict[str, Any]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "invalid", "details": {"coding": [{"code": code}]}}],
    }


def test_a_practice_is_asked_once_for_every_area_with_a_token_that_names_the_user() -> None:
    practice = Practice(bundle(GP_PATIENT, kind="collection"))
    reply = fetch(practice, kind="gp_connect", options={"from_asid": "1", "to_asid": "2", "consumer_url": "https://us"})
    assert json.loads(reply.subject)["id"] == "p1"
    (request,) = practice.requests
    assert request["path"] == "/fhir/Patient/$gpc.getstructuredrecord"
    token = request["headers"]["Authorization"].removeprefix("Bearer ")
    assert token.endswith(".")
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 300
    assert claims["requesting_practitioner"]["name"][0]["family"] == "Okafor"
    assert (request["headers"]["Ssp-From"], request["headers"]["Ssp-To"]) == ("1", "2")
    assert len(request["body"]["parameter"]) == 10


def test_an_area_without_its_list_is_silence_and_said() -> None:
    reply = fetch(Practice(bundle(GP_PATIENT, kind="collection")), kind="gp_connect")
    assert {notice.code for notice in reply.notices} == {"information-not-available"}
    assert RecordCategory.ALLERGIES in {notice.category for notice in reply.notices}


@pytest.mark.parametrize(
    ("status", "code", "error", "reason"),
    [
        (404, "PATIENT_NOT_FOUND", Refused, "not-released"),
        (403, "NO_PATIENT_CONSENT", Refused, "patient-consent"),
        (403, "NO_ORGANISATION_CONSENT", Refused, "organisation-consent"),
        (403, "NO_RELATIONSHIP", Refused, "relationship"),
        (403, "ASID_CHECK_FAILED", Refused, "credentials"),
        (400, "INVALID_NHS_NUMBER", Malformed, "number-rejected"),
        (400, "INVALID_PATIENT_DEMOGRAPHICS", Malformed, "demographics-rejected"),
        (422, "INVALID_PARAMETER", Malformed, "request-rejected"),
        (501, "NOT_IMPLEMENTED", Malformed, "request-rejected"),
        (500, "INTERNAL_SERVER_ERROR", Unreachable, "status"),
        (502, "ERROR_COMMUNICATING_TO_ENDPOINT_URL", Unreachable, "gateway"),
        (404, "", Malformed, "not-fhir"),
    ],
)
def test_a_practices_refusal_is_named(status: int, code: str, error: type[SourceError], reason: str) -> None:
    practice = Practice(outcome(code), status=status)
    with pytest.raises(error) as caught:
        fetch(practice, kind="gp_connect")
    assert caught.value.reason == reason
    assert len(practice.requests) == (3 if error is Unreachable else 1)
    tokens = {request["headers"]["Authorization"] for request in practice.requests}
    traces = {request["headers"]["Ssp-TraceID"] for request in practice.requests}
    assert len(traces) == len(practice.requests) >= len(tokens)


def test_a_patient_without_nhs_number_is_not_asked_for() -> None:
    practice = Practice({})
    with pytest.raises(NotAsked) as caught:
        fetch(practice, kind="gp_connect", identifiers=(Identifier(system=LOCAL_SYSTEM, value="1"),))
    assert caught.value.reason == "no-link"
    assert practice.requests == []


# Both ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["fhir_r4", "gp_connect"])
def test_a_source_that_nobody_runs_is_unreachable(kind: str) -> None:
    with pytest.raises(Unreachable) as caught:
        run(ask(kind=kind, base="http://127.0.0.1:9/fhir", seconds=2))
    assert caught.value.reason == "connection"


@pytest.mark.parametrize("kind", ["fhir_r4", "gp_connect"])
def test_a_silent_source_times_out_at_the_deadline(kind: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    with pytest.raises(TimedOut):
        fetch(handler, kind=kind, seconds=0.3)
