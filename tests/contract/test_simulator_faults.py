"""Each fault does what it says, over real HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from tests.unit.simulator.served import Client, Got, serving, story

ROYAL, MILLBECK = "thornmere-royal", "millbeck-surgery"
WHO = story("twins")["sources"][ROYAL]
TWIN = story("twins")["others"][0]["sources"][ROYAL]
Steps = Callable[[Client], Awaitable[Any]]


def with_fault(steps: Steps, **fault: Any) -> Any:
    async def run() -> Any:
        async with serving(ROYAL) as client:
            await client.put_fault(**{"local_id": WHO, **fault})
            return await steps(client)

    return asyncio.run(run())


async def find(client: Client) -> Got:
    return await client.get(f"Patient?identifier={WHO}")


async def everything(client: Client) -> Got:
    holder = client.desk.records.holders[WHO]
    return await client.get(f"Patient/{holder.patient_id}/$everything")


def test_slow_is_late_by_its_seconds() -> None:
    begun = time.monotonic()
    got = with_fault(find, mode="slow", seconds=0.2)
    assert got.status == 200
    assert time.monotonic() - begun > 0.2


def test_hang_never_answers_and_does_not_hold_up_others() -> None:
    async def steps(client: Client) -> Got:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(find(client), timeout=0.3)
        return await client.get(f"Patient?identifier={TWIN}")

    assert with_fault(steps, mode="hang").json["total"] == 1


def test_refuse_resets_the_connection() -> None:
    async def steps(client: Client) -> None:
        with pytest.raises(aiohttp.ClientConnectionError):
            await find(client)

    with_fault(steps, mode="refuse")


@pytest.mark.parametrize(("mode", "status"), [("status-500", 500), ("status-503", 503)])
def test_a_status_is_sent_with_an_outcome(mode: str, status: int) -> None:
    got = with_fault(find, mode=mode)
    assert (got.status, got.json["resourceType"]) == (status, "OperationOutcome")


def test_html_is_a_page_with_status_200() -> None:
    got = with_fault(find, mode="html")
    assert (got.status, got.headers["Content-Type"][:9], got.body[:15]) == (200, "text/html", b"<!DOCTYPE html>")


def test_half_json_is_a_whole_answer_of_half_a_document() -> None:
    got = with_fault(find, mode="half-json")
    assert got.status == 200
    with pytest.raises(ValueError, match="truncated"):
        _ = got.json


def test_huge_is_fifty_megabytes() -> None:
    got = with_fault(find, mode="huge")
    assert len(got.body) > 49 * 1024 * 1024


def test_answer_as_is_the_other_persons_record() -> None:
    got = with_fault(find, mode="answer-as", answer_as=TWIN)
    assert got.entries[0]["name"][0]["given"] == ["Elle"]


def test_invalid_entry_puts_one_broken_resource_among_the_good() -> None:
    good = with_fault(everything, mode="slow", seconds=0).entries
    broken = with_fault(everything, mode="invalid-entry").entries
    assert [r for r in broken if r not in good] == [next(r for r in broken if r["id"] == "broken-1")]


def test_empty_knows_the_person_and_holds_nothing() -> None:
    assert [r["resourceType"] for r in with_fault(everything, mode="empty").entries] == ["Patient"]


def test_unknown_does_not_know_the_person() -> None:
    assert with_fault(find, mode="unknown").json["total"] == 0
    assert with_fault(everything, mode="unknown").status == 404


def test_drip_sends_a_little_at_a_time() -> None:
    async def steps(client: Client) -> int:
        async with client.session.get(f"{client.base}/Patient?identifier={WHO}") as response:
            await asyncio.sleep(0.2)
            return len(await response.content.readany())

    assert with_fault(steps, mode="drip", seconds=0.1) < 200


def test_cut_gzip_breaks_off_in_the_middle() -> None:
    async def steps(client: Client) -> bytes:
        url = f"{client.base}/Patient?identifier={WHO}"
        async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(url) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            return await response.read()

    assert with_fault(steps, mode="cut-gzip")[:2] == b"\x1f\x8b"


def test_a_fault_for_everyone_is_for_metadata_too_and_ends_after_its_times() -> None:
    async def steps(client: Client) -> list[int]:
        return [(await client.get("metadata")).status for _ in range(3)]

    assert with_fault(steps, local_id="*", mode="status-503", times=2) == [503, 503, 200]


def test_faults_can_be_seen_and_taken_down() -> None:
    async def steps(client: Client) -> None:
        url = f"{client.root}/_simulator/faults"
        shown = await client.send("GET", url)
        assert b'"mode": "html"' in shown.body
        await client.send("DELETE", url)
        assert (await find(client)).json["total"] == 1
        wrongs: list[object] = [{"mode": "asleep"}, {"mode": "answer-as", "answer_as": "nobody"}, []]
        for wrong in wrongs:
            assert (await client.send("POST", url, json=wrong)).status == 400

    with_fault(steps, mode="html")


def test_calls_are_counted_by_person() -> None:
    async def steps(client: Client) -> None:
        await client.send("DELETE", f"{client.root}/_simulator/calls")
        await find(client)
        await everything(client)
        await client.get("metadata")
        counted = (await client.send("GET", f"{client.root}/_simulator/calls")).json
        assert counted == {"total": 3, "by_local_id": {WHO: 2}}

    with_fault(steps, mode="slow", seconds=0)


@pytest.mark.parametrize(
    ("mode", "kinds"),
    [("empty", set()), ("invalid-entry", {"Observation", "AllergyIntolerance"}), ("answer-as", {"AllergyIntolerance"})],
)
def test_a_practice_has_the_faults_too(mode: str, kinds: set[str]) -> None:
    number, other = "9990000026", "9990000018"
    area = {"name": "includeAllergies", "part": [{"name": "includeResolvedAllergies", "valueBoolean": False}]}

    async def run() -> Got:
        async with serving(MILLBECK) as client:
            await client.put_fault(local_id=number, mode=mode, answer_as=other)
            return await client.ask_practice(number, area)

    got = asyncio.run(run())
    patient = next(r for r in got.entries if r["resourceType"] == "Patient")
    assert patient["identifier"][0]["value"] == (other if mode == "answer-as" else number)
    clinical = {r["resourceType"] for r in got.entries} & {"Observation", "AllergyIntolerance"}
    assert clinical == kinds


def test_latency_is_about_what_was_asked_for() -> None:
    async def run() -> float:
        async with serving(ROYAL, latency_ms=100) as client:
            begun = time.monotonic()
            await client.get("metadata")
            return time.monotonic() - begun

    assert 0.07 <= asyncio.run(run()) < 1
