"""What the fake sources hold: about 200 KB of valid R4 each, put together from what the simulator's writers write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

from simulator.facts import Holding
from simulator.lives import holding_of, life_of
from simulator.organisations import BY_SLUG, GP_CONNECT, SOURCES, Source
from simulator.people import Demographics, Person, crowd
from simulator.r4_search import capability_statement, searchset
from simulator.r4_writer import write_bundle
from simulator.region import bundle_of
from simulator.wire import Resource, decode, encode

SEED = 7
TODAY = date(2026, 6, 1)
RECORD_BYTES = 200_000
BASE_PATH = "/fhir"
LIVES_TRIED = 400  # for a large answer
# Whose habits of spelling the sources have; the same lives spelt in several ways is what merging works on.
MODELS = (
    "thornmere-royal",
    "eskwith-general",
    "harrowdale-community",
    "larkbeck-mental-health",
    "thornmere-royal",
    "eskwith-general",
)
# Until each source answers: the last is the one over which a retrieval's time is counted.
DELAYS_MS = (100, 160, 220, 280, 400, 500)
SLOWEST_MS = max(DELAYS_MS)
# Stands for the patient's id in a record that serves everybody; as long as a real one.
SOMEBODY = b"00000000-0000-4000-8000-000000000000"
# The writers' resources are lean (0.9 KB); servers add a text to each, and then 200 KB are about 130 entries.
NARRATIVE_CHARACTERS = 560
SUPPORTING = frozenset({"Organization", "Location", "Practitioner"})
# A Binary can have no text.
WITHOUT_TEXT = SUPPORTING | {"Binary"}


@dataclass(frozen=True, kw_only=True)
class FakeSource:
    """One source: who it is, and the resources of a record, without the Patient."""

    source: Source
    resources: tuple[bytes, ...]

    def patient(self, *, person: Person) -> Resource:
        """Return a person's Patient as this source has it."""
        bundle = write_bundle(source=self.source, local_id=person.key, told=person.truth, holding=Holding())
        found: Resource = bundle["entry"][0]["resource"]
        return found

    def searched(self, *, person: Person, base: str) -> bytes:
        """Return the answer to a search for a person by identifier."""
        patient = self.patient(person=person)
        return encode(value=searchset(base=base, matches=[patient], included=(), total=1, self_link=base, next_link=""))

    def record(self, *, person: Person, base: str) -> bytes:
        """Return the answer to `$everything` about a person."""
        patient = self.patient(person=person)
        matches = [patient, *(decode(text=resource) for resource in self.resources)]
        bundle = searchset(base=base, matches=matches, included=(), total=len(matches), self_link=base, next_link="")
        return encode(value=bundle).replace(SOMEBODY, str(patient["id"]).encode())

    def capability(self, *, base: str) -> bytes:
        """Return the CapabilityStatement."""
        types = sorted({"Patient", *(str(decode(text=resource)["resourceType"]) for resource in self.resources)})
        statement = capability_statement(
            name=self.source.name, base=base, types=types, everything=True, provenance=True, today=TODAY.isoformat()
        )
        return encode(value=statement)


@cache
def fake_sources(*, record_bytes: int = RECORD_BYTES) -> tuple[FakeSource, ...]:
    """Return the six sources, each with a record of about `record_bytes`."""
    return tuple(_fake_source(number=number, record_bytes=record_bytes) for number in range(1, len(MODELS) + 1))


def people(*, count: int) -> tuple[Person, ...]:
    """Return people whom every source knows, under their key as local identifier."""
    return crowd(seed=SEED, count=count)


@cache
def practice_record(*, people_looked_at: int = 40) -> bytes:
    """Return what a GP practice would answer about the person of whom it holds the most."""
    source = next(source for source in SOURCES if source.kind == GP_CONNECT)
    answers = (
        encode(value=_practice_bundle(person=person, source=source, told=person.truth))
        for person in crowd(seed=SEED, count=people_looked_at)
    )
    return max(answers, key=len)


@cache
def large_practice_record(*, least_bytes: int) -> bytes:
    """Return an answer of a practice that has at least so many bytes: of many people's lives, as if all were one's."""
    source = next(source for source in SOURCES if source.kind == GP_CONNECT)
    told = people(count=1)[0].truth
    entries: dict[object, bytes] = {}
    for person in crowd(seed=SEED, count=LIVES_TRIED):
        answer = _practice_bundle(person=person, source=source, told=told)
        for entry in answer["entry"]:
            resource, written = entry["resource"], encode(value=entry)
            # A List of a practice has no id.
            entries.setdefault((resource["resourceType"], resource.get("id", written)), written)
        if sum(map(len, entries.values())) >= least_bytes:
            return encode(value={**answer, "entry": [decode(text=entry) for entry in entries.values()]})
    raise AssertionError(f"{LIVES_TRIED} lives are not enough")


def write_record(*, fake: FakeSource, path: Path) -> None:
    """Write a source's resources to a file, a line each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(fake.resources))


def read_record(*, number: int, path: Path) -> FakeSource:
    """Return the source of this number with what was written for it."""
    return FakeSource(source=source_of(number=number), resources=tuple(path.read_bytes().split(b"\n")))


def source_of(*, number: int) -> Source:
    """Return who the source of this number is."""
    model = BY_SLUG[MODELS[number - 1]]
    return replace(
        model,
        slug=f"source-{number}",
        name=f"Source {number}",
        ods=f"X9920{number}",
        base_path=BASE_PATH,
        identifier_system=f"https://source-{number}.example/id/patient",
    )


def _practice_bundle(*, person: Person, source: Source, told: Demographics) -> Resource:
    """Return what a practice holds of a person, told of somebody."""
    life = life_of(person=person, today=TODAY, seed=SEED)
    holding = holding_of(person=person, life=life, source=source, today=TODAY, seed=SEED)
    return bundle_of(source=source, local_id=told.nhs_number, told=told, holding=holding, today=TODAY)


def _fake_source(*, number: int, record_bytes: int) -> FakeSource:
    source = source_of(number=number)
    kept: dict[bytes, None] = {}
    size = 0
    for resource in _resources(source=source):
        if resource not in kept:
            kept[resource] = None
            size += len(resource) + 100  # what an entry puts round a resource
        if size >= record_bytes:
            break
    return FakeSource(source=source, resources=tuple(kept))


def _resources(*, source: Source) -> Iterator[bytes]:
    """Yield what the source would hold of one person after another, all as if about one; no end."""
    count = 64
    while True:
        for at, person in enumerate(crowd(seed=SEED, count=count)[count // 2 :]):
            life = life_of(person=person, today=TODAY, seed=SEED)
            holding = holding_of(person=person, life=life, source=source, today=TODAY, seed=SEED)
            bundle = write_bundle(source=source, local_id=f"{count}-{at}", told=person.truth, holding=holding)
            patient, *others = (entry["resource"] for entry in bundle["entry"])
            for resource in sorted(others, key=lambda one: one["resourceType"] not in SUPPORTING):
                yield encode(value=_with_text(resource=resource)).replace(patient["id"].encode(), SOMEBODY)
        count *= 2


def _with_text(*, resource: Resource) -> Resource:
    if resource["resourceType"] in WITHOUT_TEXT:
        return resource
    words = f"{resource['resourceType']} as recorded. " * 40
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{words[:NARRATIVE_CHARACTERS]}</p></div>'
    return {**resource, "text": {"status": "generated", "div": div}}
