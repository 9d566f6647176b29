"""Both connectors against the simulated region, each source a process of its own.

All that a source holds comes over, and each fault that a source can be put into ends in its own outcome.
"""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed, Refused, SourceError, TimedOut, UnknownPatient, Unreachable
from connectors.contract.values import Identifier, Reply
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from fhir_data.releases import Release
from fhir_data.verdict import RefusedEntry, verdict
from tests.contract.loopback import ask, run
from tests.unit.simulator.served import region_folder

SLUGS = [
    "millbeck-surgery",
    "ferrygate-medical",
    "thornmere-royal",
    "eskwith-general",
    "harrowdale-community",
    "larkbeck-mental-health",
]
PRACTICE, HOSPITAL = "millbeck-surgery", "eskwith-general"


@dataclass(frozen=True, kw_only=True)
class Served:
    """One running source."""

    folder: Path
    base: str
    settings: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.settings["kind"])

    def identifier(self, local_id: str) -> Identifier:
        return Identifier(system=str(self.settings["identifier_system"]), value=local_id)

    def people(self) -> list[str]:
        """Everybody whom the source knows and with whose answers nothing is wrong on purpose."""
        faulty = {one["local_id"] for one in json.loads((self.folder / "faults.json").read_text(encoding="utf-8"))}
        with (self.folder / "identities.csv").open(encoding="utf-8", newline="") as file:
            return [row["local_id"] for row in csv.DictReader(file) if row["local_id"] not in faulty]

    def held(self, local_id: str) -> list[dict[str, Any]]:
        bundle = json.loads((self.folder / "records" / f"{local_id}.json").read_bytes())
        return [entry["resource"] for entry in bundle["entry"]]

    def put_fault(self, **described: Any) -> None:
        root = "/".join(self.base.split("/")[:3])
        request = urllib.request.Request(
            f"{root}/_simulator/faults",
            data=json.dumps(described).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 201

    def ask(self, *local_ids: str, seconds: float = 8.0) -> Reply:
        """Ask for one person, by all of these identifiers."""
        identifiers = tuple(self.identifier(local_id) for local_id in local_ids)
        options = dict(self.settings["options"])
        return run(ask(kind=self.kind, base=self.base, seconds=seconds, options=options, identifiers=identifiers))


@pytest.fixture(scope="module")
def region() -> Iterator[dict[str, Served]]:
    """Every source of the region as a process, stopped after the tests."""
    with ExitStack() as stack:
        started: dict[str, tuple[Path, dict[str, Any], subprocess.Popen[str]]] = {}
        for slug in SLUGS:
            folder = region_folder() / slug
            settings = json.loads((folder / "source.json").read_text(encoding="utf-8"))
            arguments = ["--kind", settings["kind"], "--folder", str(folder), "--port", "0", "--latency-ms", "0"]
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "simulator", "serve", *arguments],
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            started[slug] = (folder, settings, process)
        found: dict[str, Served] = {}
        for slug, (folder, settings, process) in started.items():
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            found[slug] = Served(folder=folder, base=line.removeprefix("ready "), settings=settings)
        yield found


def names(resources: list[dict[str, Any]]) -> Counter[str]:
    return Counter(f"{one['resourceType']}/{one.get('id', one.get('title'))}" for one in resources)


def without_unsupported(held: list[dict[str, Any]], *, unsupported: list[str]) -> list[dict[str, Any]]:
    """What a practice gives of a record when its system does not know diary entries."""
    if unsupported != ["includeDiaryEntries"]:
        assert unsupported == []
        return held
    (diary,) = [one for one in held if one.get("title") == "Patient recall administration"]
    recalls = {entry["item"]["reference"] for entry in diary.get("entry", [])}
    return [one for one in held if one is not diary and not set(names([one])) & recalls]


@pytest.mark.parametrize("slug", SLUGS)
def test_all_that_a_source_holds_of_a_person_comes_over(region: dict[str, Served], slug: str) -> None:
    served = region[slug]
    for local_id in served.people()[:6]:
        reply = served.ask(local_id)
        assert reply.subject is not None
        assert reply.quarantined == ()
        got = [json.loads(item.original or item.resource) for item in reply.items]
        got += [json.loads(reply.subject_original or reply.subject)]
        # The content of a letter that is only named is fetched by itself.
        held = [one for one in served.held(local_id) if one["resourceType"] != "Binary"]
        if served.kind == "gp_connect":
            held = without_unsupported(held, unsupported=served.settings["unsupported"])
            lifted = [one for resource in held for one in resource.get("contained", [])]
            assert names(got) == names(held + lifted)
        else:
            clinical = {name for name in names(held) if not name.startswith("Provenance/")}
            assert clinical <= set(names(got))
            assert max(names(got).values()) == 1
        for item in reply.items:
            judged = verdict(entry=item.resource, release=Release.R4)
            assert not item.translated or not isinstance(judged, RefusedEntry)


def test_an_identifier_that_nobody_bears_is_an_unknown_patient(region: dict[str, Served]) -> None:
    with pytest.raises(UnknownPatient):
        region[HOSPITAL].ask("nobody-0")


def test_the_next_identifier_is_tried(region: dict[str, Served]) -> None:
    known = region[HOSPITAL].people()[0]
    assert region[HOSPITAL].ask("nobody-0", known).subject is not None


def test_an_area_that_a_practice_does_not_support_is_said(region: dict[str, Served]) -> None:
    served = region["ferrygate-medical"]
    reply = served.ask(served.people()[0])
    said = [notice for notice in reply.notices if notice.code == "not-supported"]
    assert [notice.category for notice in said] == [RecordCategory.APPOINTMENTS]
    assert not [notice for notice in reply.notices if notice.code == "information-not-available"]


FAULTS: list[tuple[str, dict[str, Any], type[SourceError], str]] = [
    ("hang", {}, TimedOut, None),
    ("slow", {"seconds": 5}, TimedOut, None),
    ("drip", {"seconds": 0.2}, TimedOut, None),
    ("refuse", {}, Unreachable, "connection"),
    ("status-500", {}, Unreachable, "status"),
    ("status-503", {}, Unreachable, "asked-to-wait"),
    ("html", {}, Malformed, "not-fhir"),
    ("half-json", {}, Malformed, "not-fhir"),
    ("huge", {}, Malformed, "too-large"),
    ("cut-gzip", {}, Malformed, "truncated"),
]


@pytest.mark.parametrize("slug", [PRACTICE, HOSPITAL])
@pytest.mark.parametrize(("mode", "more", "error", "reason"), FAULTS, ids=[mode for mode, *_ in FAULTS])
def test_each_fault_ends_in_its_own_outcome(
    region: dict[str, Served], slug: str, mode: str, more: dict[str, Any], error: type[SourceError], reason: str
) -> None:
    served = region[slug]
    person = served.people()[1]
    served.put_fault(local_id=person, mode=mode, **more)
    with pytest.raises(error) as caught:
        served.ask(person, seconds=0.5 if error is TimedOut else 8)
    assert caught.value.reason == reason


@pytest.mark.parametrize("slug", [PRACTICE, HOSPITAL])
def test_a_fault_that_passes_is_tried_through(region: dict[str, Served], slug: str) -> None:
    served = region[slug]
    person = served.people()[2]
    served.put_fault(local_id=person, mode="status-500", times=1)
    assert served.ask(person).subject is not None


@pytest.mark.parametrize("slug", [PRACTICE, HOSPITAL])
def test_an_invalid_entry_costs_itself_only(region: dict[str, Served], slug: str) -> None:
    served = region[slug]
    person = served.people()[3]
    whole = served.ask(person)
    served.put_fault(local_id=person, mode="invalid-entry")
    reply = served.ask(person)
    assert len(reply.quarantined) >= 1
    assert {aside.reason for aside in reply.quarantined} <= {"invalid", "bad-number"}
    kept = {item.original or item.resource for item in reply.items}
    assert kept <= {item.original or item.resource for item in whole.items} | kept
    assert len(reply.items) + len(reply.quarantined) in (len(whole.items), len(whole.items) + 1)


def test_a_person_of_whom_a_source_holds_nothing_is_known_and_empty(region: dict[str, Served]) -> None:
    for slug in (PRACTICE, HOSPITAL):
        served = region[slug]
        person = served.people()[4]
        served.put_fault(local_id=person, mode="empty")
        reply = served.ask(person)
        assert reply.subject is not None
        assert [item for item in reply.items if item.category is not RecordCategory.SUPPORTING] == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [("PATIENT_NOT_FOUND", "not-released"), ("NO_PATIENT_CONSENT", "patient-consent")],
)
def test_a_practices_refusal_is_named(region: dict[str, Served], code: str, reason: str) -> None:
    served = region[PRACTICE]
    person = served.people()[5]
    served.put_fault(local_id=person, mode="spine-error", code=code)
    with pytest.raises(Refused) as caught:
        served.ask(person)
    assert caught.value.reason == reason


def test_the_answer_of_another_person_is_told_by_its_subject(region: dict[str, Served]) -> None:
    served = region[PRACTICE]
    asked, other = served.people()[6:8]
    served.put_fault(local_id=asked, mode="answer-as", answer_as=other)
    reply = served.ask(asked)
    numbers = [one["value"] for one in json.loads(reply.subject or b"{}")["identifier"]]
    assert served.settings["identifier_system"] == NHS_NUMBER_SYSTEM
    assert other in numbers
    assert asked not in numbers


def test_all_sources_can_be_asked_at_once(region: dict[str, Served]) -> None:
    async def one(served: Served) -> Reply:
        return await ask(
            kind=served.kind,
            base=served.base,
            options=dict(served.settings["options"]),
            identifiers=(served.identifier(served.people()[0]),),
        )

    async def all_of_them() -> list[Reply]:
        return await asyncio.gather(*(one(served) for served in region.values()))

    assert len(run(all_of_them())) == len(SLUGS)
