"""Writes the region to files: its sources, whom each knows, what each holds, and the deliberate faults.

The same seed and day give the same files, byte for byte; the README says what stands in each.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from simulator.facts import Holding
from simulator.lives import holding_of, life_of
from simulator.organisations import FHIR_R4, REGION_NAME, SOURCES, Source
from simulator.people import Demographics, Person, crowd, written_down
from simulator.r4_writer import write_bundle
from simulator.stories import Story, stories
from simulator.stu3_page import PracticePage
from simulator.stu3_writer import write_practice_bundle
from simulator.wire import Resource, encode

IDENTITY_COLUMNS = (
    "local_id",
    "nhs_number",
    "nhs_number_status",
    "family",
    "given",
    "birth_date",
    "gender",
    "postcode",
    "address_line",
    "phone",
)
RELATIONSHIP_COLUMNS = ("local_id", "kind", "from_date", "until_date")
STANDING_SHARE = 0.02  # of a source's people: this share has an invalid entry, and half that share is unknown to it


@dataclass(frozen=True, kw_only=True)
class Record:
    """One person at one source: as written down there, what is held, and the permanent fault, if any."""

    person: Person
    told: Demographics
    holding: Holding
    fault: Mapping[str, str]


def write_region(*, folder: Path, seed: int, people: int, today: date) -> dict[str, int]:
    """Write the region into `folder` and return how many people each source knows, by slug."""
    told_stories = stories(seed=seed)
    everyone = [*(person for story in told_stories for person in story.people), *crowd(seed=seed, count=people)]
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for source in SOURCES:
        known = [person for person in everyone if source.slug in person.known_to]
        records = [
            _record(source=source, person=person, told_stories=told_stories, seed=seed, today=today) for person in known
        ]
        _write_source(folder=folder / source.slug, source=source, records=records, today=today)
        counts[source.slug] = len(records)
    _write_truth(folder=folder, everyone=everyone)
    described = _described(told_stories=told_stories, seed=seed, today=today)
    (folder / "region.json").write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return counts


def _record(
    *,
    source: Source,
    person: Person,
    told_stories: Sequence[Story],
    seed: int,
    today: date,
) -> Record:
    story = next((story for story in told_stories if person in story.people), None)
    told = written_down(person=person, source=source, seed=seed, slips=story is None)
    life = life_of(person=person, today=today, seed=seed)
    if story is None:
        holding = holding_of(person=person, life=life, source=source, today=today, seed=seed)
        return Record(
            person=person, told=told, holding=holding, fault=_chance_fault(source=source, person=person, seed=seed)
        )
    lead = person is story.people[0]
    holding = holding_of(person=person, life=story.shape_life(life, today), source=source, today=today, seed=seed)
    return Record(
        person=person,
        told=told,
        holding=story.tell(source.slug, holding, today) if lead else holding,
        fault=_story_fault(story=story, source=source) if lead else {},
    )


def _story_fault(*, story: Story, source: Source) -> dict[str, str]:
    fault = story.faults.get(source.slug)
    if fault is None:
        return {}
    if not fault.answer_as:
        return {"mode": fault.mode}
    other = next(person for person in story.people if person.key == fault.answer_as)
    return {"mode": fault.mode, "answer_as": other.known_to[source.slug]}


def _chance_fault(*, source: Source, person: Person, seed: int) -> dict[str, str]:
    draw = Random(f"{seed}/{source.slug}/{person.key}/fault").random()
    if draw < STANDING_SHARE:
        return {"mode": "invalid-entry"}
    if draw < STANDING_SHARE * 1.5 and source.care != "gp":
        return {"mode": "unknown"}
    return {}


def _write_source(*, folder: Path, source: Source, records: Sequence[Record], today: date) -> None:
    (folder / "records").mkdir(parents=True, exist_ok=True)
    local_ids = [record.person.known_to[source.slug] for record in records]
    identities = [
        _identity(local_id=local_id, told=record.told) for local_id, record in zip(local_ids, records, strict=True)
    ]
    relationships = [
        row
        for local_id, record in zip(local_ids, records, strict=True)
        for row in _relationships(source=source, local_id=local_id, holding=record.holding)
    ]
    _write_csv(path=folder / "identities.csv", columns=IDENTITY_COLUMNS, rows=identities)
    _write_csv(path=folder / "relationships.csv", columns=RELATIONSHIP_COLUMNS, rows=relationships)
    faults = [
        {"local_id": local_id, **record.fault}
        for local_id, record in zip(local_ids, records, strict=True)
        if record.fault
    ]
    _write_json(path=folder / "faults.json", value=faults)
    _write_json(path=folder / "source.json", value=_server_settings(source=source))
    for local_id, record in zip(local_ids, records, strict=True):
        bundle = bundle_of(source=source, local_id=local_id, told=record.told, holding=record.holding, today=today)
        (folder / "records" / f"{local_id}.json").write_bytes(encode(value=bundle))


def bundle_of(*, source: Source, local_id: str, told: Demographics, holding: Holding, today: date) -> Resource:
    """Return the Bundle of one person at one source, in R4 or GP Connect, whichever the source uses."""
    if source.kind == FHIR_R4:
        return write_bundle(source=source, local_id=local_id, told=told, holding=holding)
    page = PracticePage(source=source, nhs_number=local_id, today=today, warnings=holding.warnings)
    return write_practice_bundle(page=page, told=told, holding=holding)


def _identity(*, local_id: str, told: Demographics) -> tuple[str, ...]:
    return (
        local_id,
        told.nhs_number,
        told.nhs_number_status,
        told.family,
        " ".join(told.given),
        told.birth_date.isoformat(),
        told.gender,
        told.postcode,
        told.address_line,
        told.phone,
    )


def _relationships(*, source: Source, local_id: str, holding: Holding) -> list[tuple[str, ...]]:
    """A practice's people are registered from a day on; another source's people attended, one row per visit."""
    if source.care == "gp":
        first = holding.registered_on or holding.visits[0].started_at.date() - timedelta(days=30)
        return [(local_id, "registered", first.isoformat(), "")]
    return [
        (local_id, "attended", visit.started_at.date().isoformat(), visit.ended_at.date().isoformat())
        for visit in holding.visits
    ]


def _server_settings(*, source: Source) -> dict[str, object]:
    """What a server of this source must know to behave as the source does."""
    return {
        "slug": source.slug,
        "name": source.name,
        "ods": source.ods,
        "kind": source.kind,
        "base_path": source.base_path,
        "identifier_system": source.identifier_system,
        "latency_ms": source.latency_ms,
        "page_size": source.page_size,
        "everything": source.everything,
        "provenance": source.provenance,
        "unsupported": list(source.unsupported),
        "options": dict(source.options),
    }


def _described(*, told_stories: Sequence[Story], seed: int, today: date) -> dict[str, object]:
    return {
        "seed": seed,
        "today": today.isoformat(),
        "name": REGION_NAME,
        "sources": [
            {
                "slug": source.slug,
                "name": source.name,
                "organisation": {"ods": source.ods, "name": source.name},
                "kind": source.kind,
                "care": source.care,
                "base_path": source.base_path,
                "identifier_system": source.identifier_system,
                "time_limit_s": source.time_limit_s,
                "latency_ms": source.latency_ms,
                "options": dict(source.options),
            }
            for source in SOURCES
        ],
        "stories": [_story(story=story) for story in told_stories],
        "accounts": ACCOUNTS,
    }


def _story(*, story: Story) -> dict[str, object]:
    lead, *others = (_named(person=person) for person in story.people)
    return {
        "slug": story.slug,
        "title": story.title,
        "look_for": story.look_for,
        **lead,
        "others": others,
        "opt_out": story.opt_out,
        "faults": {slug: fault.mode for slug, fault in story.faults.items()},
    }


def _named(*, person: Person) -> dict[str, object]:
    truth = person.truth
    return {
        "person_key": person.key,
        "nhs_number": truth.nhs_number,
        "family": truth.family,
        "given": " ".join(truth.given),
        "birth_date": truth.birth_date.isoformat(),
        "gender": truth.gender,
        "postcode": truth.postcode,
        "sources": dict(person.known_to),
    }


# Suggested accounts for trying the region; who stands twice has two roles.
ACCOUNTS = (
    {"username": "dr.raman", "name": "Dr Asha Raman", "role": "clinician", "organisation_ods": "RZX"},
    {"username": "dr.kilbride", "name": "Dr Moira Kilbride", "role": "clinician", "organisation_ods": "X99001"},
    {"username": "nurse.pugh", "name": "Gareth Pugh", "role": "nurse", "organisation_ods": "RZW"},
    {"username": "ines.ferreira", "name": "Ines Ferreira", "role": "nurse", "organisation_ods": "RZX"},
    {"username": "ines.ferreira", "name": "Ines Ferreira", "role": "receptionist", "organisation_ods": "X99001"},
    {"username": "ig.marsh", "name": "Helena Marsh", "role": "administrator", "organisation_ods": "RZX"},
    {"username": "ig.adeyemi", "name": "Daniel Adeyemi", "role": "administrator", "organisation_ods": "RZX"},
    {"username": "prog.lindh", "name": "Anna Lindh", "role": "programme-administrator", "organisation_ods": "RZX"},
    {"username": "privacy.howe", "name": "Ruth Howe", "role": "privacy-officer", "organisation_ods": "RZX"},
    {"username": "ops.broadbent", "name": "Colin Broadbent", "role": "operator", "organisation_ods": "RZX"},
)


def _write_truth(*, folder: Path, everyone: Iterable[Person]) -> None:
    rows = [
        (source.slug, person.known_to[source.slug], person.key)
        for person in everyone
        for source in SOURCES
        if source.slug in person.known_to
    ]
    _write_csv(path=folder / "truth.csv", columns=("source", "local_id", "person_key"), rows=rows)


def _write_csv(*, path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _write_json(*, path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
