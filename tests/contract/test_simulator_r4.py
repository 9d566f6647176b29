"""The simulated FHIR R4 sources keep FHIR's promises, over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from simulator.organisations import BY_SLUG
from simulator.records import read_files
from tests.unit.simulator.served import Client, record, serving, story

ROYAL, ESKWITH, COMMUNITY, MENTAL = (
    "thornmere-royal",
    "eskwith-general",
    "harrowdale-community",
    "larkbeck-mental-health",
)
Steps = Callable[[Client], Awaitable[Any]]


def against(source: str, steps: Steps) -> Any:
    async def run() -> Any:
        async with serving(source) as client:
            return await steps(client)

    return asyncio.run(run())


async def patient_id(client: Client, source: str, slug: str = "two-doses") -> str:
    system, value = BY_SLUG[source].identifier_system, story(slug)["sources"][source]
    found = await client.get(f"Patient?identifier={quote(f'{system}|{value}', safe='')}")
    return str(found.entries[0]["id"])


@pytest.mark.parametrize(
    ("source", "slug"),
    [(ROYAL, "twins"), (ESKWITH, "twins"), (COMMUNITY, "silent-practice"), (MENTAL, "two-doses")],
)
def test_what_the_capability_statement_says_is_done(source: str, slug: str) -> None:
    async def steps(client: Client) -> None:
        await client.put_fault(local_id="*", mode="slow", seconds=0)
        await client.put_fault(local_id=story(slug)["sources"][source], mode="slow", seconds=0)  # it may hang otherwise
        ident = await patient_id(client, source, slug)
        values = {"patient": ident, "_id": ident, "birthdate": "1956-04-12", "category": f"laboratory&patient={ident}"}
        statement = (await client.get("metadata")).json
        for resource in statement["rest"][0]["resource"]:
            for name in [parameter["name"] for parameter in resource["searchParam"]]:
                got = await client.get(f"{resource['type']}?{name}={values.get(name, 'Ellwood')}")
                assert (got.status, got.json["type"]) == (200, "searchset"), (resource["type"], name)
        offered = any("operation" in resource for resource in statement["rest"][0]["resource"])
        assert offered == BY_SLUG[source].everything
        assert (await client.get(f"Patient/{ident}/$everything")).status == (200 if offered else 404)

    against(source, steps)


def test_a_patient_is_found_by_local_identifier_nhs_number_and_demographics() -> None:
    local_id = story("two-doses")["sources"][ROYAL]

    async def steps(client: Client) -> None:
        for query in (
            f"identifier={BY_SLUG[ROYAL].identifier_system}|{local_id}",
            f"identifier={NHS_NUMBER_SYSTEM}|9990000018",
            f"identifier={local_id}",
            "family=ellwood&birthdate=1956-04-12",
        ):
            found = await client.get(f"Patient?{query}")
            assert [p["birthDate"] for p in found.entries] == ["1956-04-12"], query
        form = {"identifier": f"{NHS_NUMBER_SYSTEM}|9990000018"}
        posted = await client.send("POST", f"{client.base}/Patient/_search", data=form)
        assert len(posted.entries) == 1
        assert (await client.get("Patient?identifier=urn:other|9990000018")).json["total"] == 0

    against(ROYAL, steps)


def test_pages_together_are_the_whole_and_no_resource_comes_twice() -> None:
    async def steps(client: Client) -> list[str]:
        url, found = f"Observation?patient={await patient_id(client, ESKWITH)}&_count=4", []
        while url:
            page = await client.get(url)
            assert len(page.entries) <= 4
            found += [r["id"] for r in page.entries]
            url = next((link["url"] for link in page.json["link"] if link["relation"] == "next"), "")
        assert page.json["total"] == len(found)
        return found

    found = against(ESKWITH, steps)
    held = record(ESKWITH, story("two-doses")["sources"][ESKWITH])
    assert sorted(found) == sorted(r["id"] for r in held if r["resourceType"] == "Observation")


def test_a_page_may_not_be_longer_than_the_source_allows() -> None:
    async def steps(client: Client) -> None:
        page = await client.get(f"Observation?patient={await patient_id(client, ESKWITH)}&_count=500")
        assert len(page.entries) == BY_SLUG[ESKWITH].page_size

    against(ESKWITH, steps)


def test_everything_is_the_whole_record() -> None:
    async def steps(client: Client) -> None:
        got = await client.get(f"Patient/{await patient_id(client, ROYAL)}/%24everything")
        held = record(ROYAL, story("two-doses")["sources"][ROYAL])
        assert [r["id"] for r in got.entries] == [r["id"] for r in held]
        full = [entry["fullUrl"] for entry in got.json["entry"]]
        assert all(url.startswith(client.base) for url in full)

    against(ROYAL, steps)


def test_provenance_comes_by_revinclude_where_it_is_declared() -> None:
    async def steps(client: Client) -> list[str]:
        query = f"patient={await patient_id(client, ROYAL)}&_revinclude=Provenance:target"
        got = await client.get(f"DocumentReference?{query}")
        return [entry["search"]["mode"] for entry in got.json["entry"]]

    modes = against(ROYAL, steps)
    assert modes.count("match") == modes.count("include") > 0


def test_errors_are_operation_outcomes() -> None:
    async def steps(client: Client) -> None:
        ident = await patient_id(client, ESKWITH)
        for path, status in (
            ("Patient", 400),
            ("Observation", 400),
            ("Organization", 400),
            ("Spaceship?patient=1", 404),
            ("Patient/nobody", 404),
            (f"Patient/{ident}/$everything", 404),
            ("?_getpages=nonsense", 410),
            (f"Observation?patient={ident}&_format=xml", 406),
        ):
            got = await client.get(path)
            assert (got.status, got.json["resourceType"]) == (status, "OperationOutcome"), path
        refused = await client.send("PUT", f"{client.base}/Patient/{ident}", data=b"{}")
        assert (refused.status, refused.json["resourceType"]) == (405, "OperationOutcome")

    against(ESKWITH, steps)


def test_an_answer_is_compressed_only_when_that_is_asked_for() -> None:
    async def steps(client: Client) -> None:
        url = f"{client.base}/Patient/{await patient_id(client, ROYAL)}"
        plain = await client.send("GET", url, headers={"Accept-Encoding": "identity"})
        packed = await client.send("GET", url, headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.json == plain.json  # the client unpacks

    against(ROYAL, steps)


def test_a_reference_to_a_practitioner_can_be_read() -> None:
    async def steps(client: Client) -> None:
        got = await client.get(f"Condition?patient={await patient_id(client, ROYAL)}")
        reference = got.entries[0]["asserter"]["reference"]
        assert (await client.get(reference)).json["resourceType"] == "Practitioner"

    against(ROYAL, steps)


def test_digits_of_a_value_reach_the_client() -> None:
    async def steps(client: Client) -> bytes:
        return (await client.get(f"Observation?patient={await patient_id(client, ROYAL)}&category=laboratory")).body

    body = against(ROYAL, steps)
    held = record(ROYAL, story("two-doses")["sources"][ROYAL])
    values = [r["valueQuantity"]["value"] for r in held if "referenceRange" in r]
    assert values
    assert all(f'"value":{value}'.encode() in body for value in values)


def test_somebody_elses_record_is_what_the_hospital_answers_with() -> None:
    async def steps(client: Client) -> dict[str, Any]:
        system, value = BY_SLUG[ESKWITH].identifier_system, story("somebody-else")["sources"][ESKWITH]
        return (await client.get(f"Patient?identifier={system}|{value}")).entries[0]

    sent = against(ESKWITH, steps)
    assert sent["birthDate"] == story("somebody-else")["others"][0]["birth_date"]


def test_bundles_given_as_files_are_served_with_their_references_made_relative(tmp_path: Path) -> None:
    def entry(ident: str, **resource: Any) -> dict[str, Any]:
        return {"fullUrl": f"urn:uuid:{ident}", "resource": {"id": ident, **resource}}

    person = [
        entry("p1", resourceType="Patient", name=[{"family": "Ahl", "given": ["Bo"]}], birthDate="1970-01-01"),
        entry(
            "o1",
            resourceType="Observation",
            status="final",
            subject={"reference": "urn:uuid:p1"},
            performer=[{"reference": "urn:uuid:h1"}],
        ),
    ]
    hospital = [entry("h1", resourceType="Organization", name="Somewhere")]
    for name, entries in (("person.json", person), ("hospital.json", hospital)):
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        (tmp_path / name).write_text(json.dumps(bundle), encoding="utf-8")
    (tmp_path / "notes.json").write_text("[]", encoding="utf-8")

    async def run() -> None:
        async with serving(records=read_files(paths=[tmp_path], kind="fhir_r4")) as client:
            found = await client.get("Observation?patient=p1")
            assert found.entries[0]["subject"] == {"reference": "Patient/p1"}
            everything = await client.get("Patient/p1/$everything")
            assert len(everything.entries) == 2
            assert (await client.get("Patient?identifier=p1")).json["total"] == 0

    asyncio.run(run())


def test_a_letter_that_is_sent_by_its_address_can_be_read_there() -> None:
    async def steps(client: Client) -> None:
        letters = (await client.get(f"DocumentReference?patient={await patient_id(client, ESKWITH)}")).entries
        assert letters
        for letter in letters:
            attachment = letter["content"][0]["attachment"]
            binary = (await client.get(attachment["url"])).json
            content = base64.b64decode(binary["data"])
            assert binary["contentType"] == attachment["contentType"] == "application/pdf"
            assert content.startswith(b"%PDF-")
            assert len(content) == attachment["size"]

    against(ESKWITH, steps)
