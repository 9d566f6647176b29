"""The simulated practices keep GP Connect's promises, over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator.gp_errors import ERRORS, SPINE_SYSTEM
from simulator.records import read_files
from simulator.stu3_writer import ENDED_ALLERGIES, PRIMARY_LISTS
from tests.unit.simulator.served import (
    ALL_AREAS,
    TODAY,
    Client,
    Got,
    claims,
    practice_headers,
    record,
    region_folder,
    serving,
    story,
    token,
)

MILLBECK, FERRYGATE = "millbeck-surgery", "ferrygate-medical"
NUMBER = "9990000018"
MEDICATION, PROBLEMS, CONSULTATIONS = ({"name": f"include{n}"} for n in ("Medication", "Problems", "Consultations"))
Steps = Callable[[Client], Awaitable[Any]]


def against(source: str, steps: Steps) -> Any:
    async def run() -> Any:
        async with serving(source) as client:
            return await steps(client)

    return asyncio.run(run())


def asked(*areas: dict[str, Any], number: str = NUMBER, source: str = MILLBECK) -> Got:
    async def steps(client: Client) -> Got:
        return await client.ask_practice(number, *areas)

    got: Got = against(source, steps)
    return got


def spine_code(got: Got) -> str:
    coding = got.json["issue"][0]["details"]["coding"][0]
    assert coding["system"] == SPINE_SYSTEM
    return str(coding["code"])


def of_kind(got: Got, kind: str) -> list[dict[str, Any]]:
    return [r for r in got.entries if r["resourceType"] == kind]


def list_codes(got: Got) -> list[str]:
    return [r["code"]["coding"][0]["code"] for r in of_kind(got, "List")]


def test_the_answer_is_a_collection_named_by_the_trace_id_without_addresses() -> None:
    trace = str(uuid.uuid4())

    async def steps(client: Client) -> Got:
        return await client.ask_practice(NUMBER, *ALL_AREAS, Ssp_TraceID=trace)

    got = against(MILLBECK, steps)
    assert (got.status, got.json["type"], got.json["id"]) == (200, "collection", trace)
    assert got.headers["Cache-Control"] == "no-store"
    assert all("fullUrl" not in entry for entry in got.json["entry"])


def test_the_operation_may_be_written_percent_encoded() -> None:
    async def steps(client: Client) -> int:
        got = await client.send("POST", f"{client.base}/Patient/%24gpc.getstructuredrecord", data=b"{}")
        return got.status

    assert against(MILLBECK, steps) == 400  # the headers are refused, so it was found


def test_every_area_that_is_asked_for_has_its_list_and_no_other_has() -> None:
    every = asked(*ALL_AREAS)
    codes = set(list_codes(every))
    assert codes >= {code for code, _, _ in PRIMARY_LISTS.values()} | {ENDED_ALLERGIES[0]}
    one = asked(MEDICATION)
    assert list_codes(one) == [PRIMARY_LISTS["medications"][0]]
    assert not of_kind(one, "AllergyIntolerance")


def test_an_empty_list_says_so() -> None:
    number = story("moved")["nhs_number"]
    got = asked({"name": "includeImmunisations"}, number=number, source=FERRYGATE)
    [listed] = of_kind(got, "List")
    assert "entry" not in listed
    assert listed["emptyReason"]["coding"][0]["code"] == "no-content-recorded"
    assert "Information not available" in listed["note"][0]["text"]


def test_every_reference_leads_somewhere_in_the_answer() -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(references, value)) if value else set()
        if not isinstance(value, dict):
            return set()
        held = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return held.union(*map(references, value.values())) if value else held

    for areas in (ALL_AREAS, (MEDICATION,), (PROBLEMS,), (CONSULTATIONS,)):
        got = asked(*areas)
        held = {f"{r['resourceType']}/{r.get('id')}" for r in got.entries}
        pointed = {one for one in references(got.entries) if not one.startswith("#")}
        assert pointed <= held, areas


def test_issues_come_unless_they_are_not_wanted() -> None:
    without = {**MEDICATION, "part": [{"name": "includePrescriptionIssues", "valueBoolean": False}]}
    intents = [r["intent"] for r in of_kind(asked(MEDICATION), "MedicationRequest")]
    assert "order" in intents
    assert {r["intent"] for r in of_kind(asked(without), "MedicationRequest")} == {"plan"}


def test_resolved_allergies_come_contained_and_only_when_wanted() -> None:
    number = next(
        path.stem
        for path in (region_folder() / MILLBECK / "records").glob("*.json")
        if any("contained" in r for r in record(MILLBECK, path.stem) if r["resourceType"] == "List")
    )
    wanted, unwanted = (
        {"name": "includeAllergies", "part": [{"name": "includeResolvedAllergies", "valueBoolean": value}]}
        for value in (True, False)
    )
    ended = next(r for r in of_kind(asked(wanted, number=number), "List") if "contained" in r)
    assert all(allergy["clinicalStatus"] == "resolved" for allergy in ended["contained"])
    assert ended["entry"][0]["item"]["reference"] == f"#{ended['contained'][0]['id']}"
    assert ENDED_ALLERGIES[0] not in list_codes(asked(unwanted, number=number))


def test_problems_bring_their_medicines_by_a_secondary_list_only() -> None:
    got = asked(PROBLEMS)
    assert of_kind(got, "MedicationStatement")
    assert "problems-medications-related-to-problems" in list_codes(got)
    assert PRIMARY_LISTS["medications"][0] not in list_codes(got)


def test_consultations_bring_their_tree_and_can_be_limited() -> None:
    most_recent = {**CONSULTATIONS, "part": [{"name": "includeNumberOfMostRecent", "valueInteger": 1}]}
    every, one = asked(CONSULTATIONS), asked(most_recent)
    assert len(of_kind(every, "Encounter")) > len(of_kind(one, "Encounter")) == 1
    assert (
        max(r["period"]["start"] for r in of_kind(every, "Encounter"))
        == of_kind(one, "Encounter")[0]["period"]["start"]
    )
    assert list_codes(one).count("325851000000107") == 1
    assert list_codes(one).count("25851000000105") == 1


def test_a_period_narrows_its_own_area_only() -> None:
    since = {"name": "investigationSearchPeriod", "valuePeriod": {"start": str(TODAY - timedelta(days=1))}}
    got = asked({"name": "includeInvestigations", "part": [since]}, MEDICATION)
    assert not of_kind(got, "DiagnosticReport")
    assert of_kind(got, "MedicationStatement")


def test_medicines_that_ended_before_a_date_are_left_out() -> None:
    since = {**MEDICATION, "part": [{"name": "medicationSearchFromDate", "valueDate": str(TODAY)}]}
    statements = of_kind(asked(since), "MedicationStatement")
    assert statements
    assert all("end" not in r["effectivePeriod"] for r in statements)


def test_an_area_that_is_not_known_is_answered_with_a_warning() -> None:
    got = asked(*ALL_AREAS, number=story("moved")["nhs_number"], source=FERRYGATE)
    [warning] = of_kind(got, "OperationOutcome")
    assert got.status == 200
    assert warning["issue"][0]["severity"] == "warning"
    assert warning["issue"][0]["diagnostics"] == "includeDiaryEntries"


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_each_error_of_the_table_can_be_had(code: str) -> None:
    async def steps(client: Client) -> Got:
        await client.put_fault(local_id=NUMBER, mode="spine-error", code=code)
        return await client.ask_practice(NUMBER, MEDICATION)

    got = against(MILLBECK, steps)
    assert (got.status, got.json["issue"][0]["code"], spine_code(got)) == (*ERRORS[code], code)


def test_a_patient_whom_the_practice_does_not_release_is_not_found() -> None:
    assert spine_code(asked(MEDICATION, number=story("moved")["nhs_number"])) == "PATIENT_NOT_FOUND"


def test_an_unverified_number_is_not_found() -> None:
    async def run() -> Got:
        records = read_files(paths=[region_folder() / MILLBECK / "records" / f"{NUMBER}.json"], kind="gp_connect")
        holder = records.holders[NUMBER]
        object.__setattr__(holder, "verified", False)
        async with serving(records=records) as client:
            return await client.ask_practice(NUMBER, MEDICATION)

    assert spine_code(asyncio.run(run())) == "PATIENT_NOT_FOUND"


def test_headers_token_and_body_are_checked_on_the_wire() -> None:
    async def steps(client: Client) -> list[tuple[int, str]]:
        expired = token(claims(base=client.base, now=int(time.time()) - 3600))
        answers = [
            await client.ask_practice(NUMBER, MEDICATION, Ssp_To="999000000999"),
            await client.ask_practice(NUMBER, MEDICATION, Authorization=f"Bearer {expired}"),
            await client.ask_practice(NUMBER, MEDICATION, Accept="application/xml"),
            await client.ask_practice(NUMBER, {"name": "includeAllergies"}),
            await client.ask_practice("9990000019", MEDICATION),
            await client.send("GET", f"{client.base}/Patient/1"),
        ]
        return [(got.status, spine_code(got)) for got in answers]

    assert against(MILLBECK, steps) == [
        (403, "ASID_CHECK_FAILED"),
        (400, "BAD_REQUEST"),
        (400, "BAD_REQUEST"),
        (422, "INVALID_PARAMETER"),
        (400, "INVALID_NHS_NUMBER"),
        (501, "NOT_IMPLEMENTED"),
    ]


def test_the_capability_statement_names_the_operation() -> None:
    async def steps(client: Client) -> dict[str, Any]:
        return (await client.get("metadata")).json

    statement = against(MILLBECK, steps)
    assert statement["fhirVersion"] == "3.0.1"
    assert statement["rest"][0]["operation"][0]["name"] == "gpc.getstructuredrecord"


def test_a_file_is_served_under_the_number_of_its_name(tmp_path: Path) -> None:
    patient = {
        "resourceType": "Patient",
        "id": "A1",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "1234567890"}],
        "name": [{"family": "Ahl", "given": ["Bo"]}],
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]}
    (tmp_path / f"{NUMBER}_Ahl.json").write_text(json.dumps(bundle), encoding="utf-8")

    async def run() -> Got:
        async with serving(records=read_files(paths=[tmp_path], kind="gp_connect")) as client:
            return await client.ask_practice(NUMBER, MEDICATION)

    got = asyncio.run(run())
    assert of_kind(got, "Patient")[0]["identifier"][0]["value"] == NUMBER
    assert list_codes(got) == [PRIMARY_LISTS["medications"][0]]


def test_a_report_says_what_the_laboratory_and_the_practice_made_of_it() -> None:
    got = asked({"name": "includeInvestigations"})
    held = {f"{r['resourceType']}/{r['id']}": r for r in got.entries if "id" in r}
    for report in of_kind(got, "DiagnosticReport"):
        results = [held[result["reference"]] for result in report["result"]]
        outside = [r["code"]["coding"][-1]["display"] for r in results if "interpretation" in r]
        assert report["conclusion"] == (
            f"Outside the reference range: {', '.join(outside)}." if outside else "Within the reference range."
        )
        assert [r["comment"] for r in results if r["code"]["coding"][0]["code"] == "37331000000100"] == [
            "Abnormal but expected: repeat in 3 months." if outside else "Normal: no further action."
        ]
        assert {held[r["specimen"]["reference"]]["id"] for r in results if "specimen" in r} == {
            held[report["specimen"][0]["reference"]]["id"]
        }


def test_a_flag_is_that_of_the_range() -> None:
    flagged = 0
    for result in of_kind(asked({"name": "includeInvestigations"}), "Observation"):
        bounds = next(iter(result.get("referenceRange", ())), {})
        value = result.get("valueQuantity", {}).get("value")
        flag = result.get("interpretation", {}).get("text", "")[:2]
        if value is not None:
            high = "high" in bounds and value > bounds["high"]["value"]
            low = "low" in bounds and value < bounds["low"]["value"]
            assert flag == ("HI" if high else "LO" if low else "")
            flagged += bool(flag)
    assert flagged


def test_a_consultation_holds_its_questionnaire_and_its_letter() -> None:
    got = asked(CONSULTATIONS)
    [response] = of_kind(got, "QuestionnaireResponse")
    answers = [item["answer"][0]["valueReference"]["reference"] for item in response["item"][:2]]
    assert set(answers) <= {f"Observation/{r['id']}" for r in of_kind(got, "Observation")}
    [letter] = of_kind(got, "DocumentReference")
    assert letter["content"][0]["attachment"]["contentType"] == "application/pdf"
    assert not of_kind(got, "Binary")


def document(**changed: str) -> tuple[dict[str, Any], Got]:
    """Ask for the one letter of a record, and then for its content with the headers that are `changed`."""

    async def steps(client: Client) -> tuple[dict[str, Any], Got]:
        [letter] = of_kind(await client.ask_practice(NUMBER, CONSULTATIONS), "DocumentReference")
        attachment = letter["content"][0]["attachment"]
        base = attachment["url"].rpartition("/Binary/")[0]
        headers = practice_headers(base=base, records=client.desk.records)
        del headers["Content-Type"]
        headers["Ssp-InteractionID"] = "urn:nhs:names:services:gpconnect:documents:fhir:rest:read:binary-1"
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        return attachment, await client.send("GET", attachment["url"], headers=headers)

    found: tuple[dict[str, Any], Got] = against(MILLBECK, steps)
    return found


def test_the_content_of_a_letter_is_read_by_itself() -> None:
    attachment, got = document()
    content = base64.b64decode(got.json["content"])
    assert (got.status, got.json["contentType"], len(content)) == (200, "application/pdf", attachment["size"])
    assert content.startswith(b"%PDF-")
    assert content.endswith(b"%%EOF\n")


def test_a_letter_is_not_given_to_a_request_for_something_else() -> None:
    interaction = "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1"
    _, got = document(Ssp_InteractionID=interaction)
    assert (got.status, spine_code(got)) == (403, "PARTYKEY_INTERACTION_CHECK_FAILED")


def test_a_letter_that_is_not_there_is_not_found() -> None:
    async def steps(client: Client) -> Got:
        base = f"{client.root}{client.desk.records.settings.documents_path}"
        headers = practice_headers(base=base, records=client.desk.records)
        headers["Ssp-InteractionID"] = "urn:nhs:names:services:gpconnect:documents:fhir:rest:read:binary-1"
        return await client.send("GET", f"{base}/Binary/none", headers=headers)

    assert spine_code(against(MILLBECK, steps)) == "NO_RECORD_FOUND"
