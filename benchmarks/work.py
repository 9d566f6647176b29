"""What is done with one record in one process: read, judge, seal, merge, draw. Only CPU time, beside bounds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

import msgspec
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fhir.resources import R4B

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission, Role
from aggregator.break_glass.terms import EmergencyAccess, access_if_taken
from aggregator.consent.decision import Decision, decide
from aggregator.consent.filter import permit
from aggregator.consent.policies import Reach
from aggregator.consent.terms import (
    Actor,
    BasePolicy,
    DataPeriod,
    Effect,
    ItemKey,
    PolicyTerms,
    Provision,
)
from aggregator.federation.answers import HeldAnswer
from aggregator.federation.store import Sealer, new_wrapped_key
from aggregator.record.categories import SECTIONS
from aggregator.record.document import items_of
from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.relationships.terms import RelationshipKind, RelationshipTerms
from benchmarks.figures import Row, Table
from benchmarks.pages import RecordDrawing
from benchmarks.records import RECORD_BYTES, FakeSource, fake_sources, people, practice_record
from config.process import freeze_gc
from connectors.contract.categories import RecordCategory
from connectors.contract.values import Reply
from connectors.fhir_r4.connector import FhirR4
from connectors.gp_connect.connector import GpConnect
from connectors.reading import split_answer
from fhir_data import exact_json, structs
from fhir_data.heads import entry_name
from fhir_data.parsing import read_entry
from fhir_data.releases import Release
from fhir_data.verdict import RefusedEntry, ValidEntry, verdict, verdict_of_models

ROUNDS, QUICK_ROUNDS = 5, 2
# One side of a round is repeated until it has used so much: a clock's tick is then nothing.
SIDE_MS, QUICK_SIDE_MS = 40.0, 5.0
BASE = "https://source.example/fhir"
MASTER_KEY = b"only for the benchmark: 32 bytes"
RETRIEVAL_ID = UUID(int=1)
SOURCE_ID = UUID(int=2)
Act = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Work:
    """One piece of work and what stands beside it. `units`: how many things it is done to, where a figure is each's."""

    name: str
    unit: str
    ours: Act
    beside: Act
    units: int = 1
    aim: str = ""


def measure(*, quick: bool, say: Callable[[str], None]) -> list[Table]:
    """Run all rounds and return their table."""
    say("  records to work on")
    works = [*_reading(), *_translating(), *_holding(), *_merging(sizes=(200,) if quick else (1_000, 2_000))]
    works += _permitting(size=1_000 if quick else 10_000)
    works += _previewing(users=100 if quick else 1_000)
    works += _drawing(size=200 if quick else 2_000)
    freeze_gc()
    rows = []
    for work in works:
        say(f"  {work.name}")
        rows.append(
            _row(work=work, rounds=QUICK_ROUNDS if quick else ROUNDS, side_ms=QUICK_SIDE_MS if quick else SIDE_MS)
        )
    return [Table(title="Work on one record, CPU", beside="what the figure names after 'beside'", rows=tuple(rows))]


def _row(*, work: Work, rounds: int, side_ms: float) -> Row:
    """Alternate the two; the first of each, which fills caches, is thrown away."""
    sides = []
    for act in (work.ours, work.beside):
        first = _cpu_ms(act=act, times=1)
        again = _cpu_ms(act=act, times=1)
        sides.append((act, max(1, round(side_ms / max(0.01, min(first, again))))))
    found: list[list[float]] = [[], []]
    for _ in range(rounds):
        for values, (act, times) in zip(found, sides, strict=True):
            values.append(_cpu_ms(act=act, times=times) / work.units * (1000 if work.unit == "µs" else 1))
    ours, beside = (tuple(values) for values in found)
    return Row(name=work.name, unit=work.unit, ours=ours, beside=beside, aim=work.aim)


def _cpu_ms(*, act: Act, times: int) -> float:
    """Return the CPU milliseconds of one, over so many."""
    began = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - began) * 1000 / times


def _payload(*, fake: FakeSource) -> bytes:
    return fake.record(person=people(count=1)[0], base=BASE)


def _reading() -> Iterator[Work]:
    """The bytes of one source, as received."""
    payload = _payload(fake=fake_sources()[0])
    entries = [entry.resource for entry in split_answer(payload=payload).entries if entry.resource is not None]

    def judge() -> None:
        for entry in split_answer(payload=payload).entries:
            assert not isinstance(verdict(entry=entry.resource or b"", release=Release.R4), RefusedEntry)

    def guards() -> None:
        for entry in split_answer(payload=payload).entries:
            read_entry(entry=entry.resource or b"")

    def models() -> None:
        for entry in entries:
            resource = read_entry(entry=entry)
            R4B.get_fhir_model_class(resource["resourceType"]).model_validate(resource)

    def verdicts() -> None:
        for entry in entries:
            assert isinstance(verdict(entry=entry, release=Release.R4), ValidEntry)

    def structs_alone() -> None:
        for kind, body, _ in judged:
            assert structs.is_accepted(body=body, name=kind, release=Release.R4)

    def models_alone() -> None:
        for kind, _, resource in judged:
            R4B.get_fhir_model_class(kind).model_validate(resource)

    def plain() -> None:
        json.loads(payload)

    judged = [
        (resource["resourceType"], exact_json.encode(resource), resource)
        for resource in (read_entry(entry=entry) for entry in entries)
    ]
    count = len(entries)
    yield Work(
        name="split an answer of 200 KB, beside json.loads of it",
        unit="ms",
        ours=lambda: split_answer(payload=payload),
        beside=plain,
    )
    yield Work(
        name="split and guards, each entry, beside json.loads of the answer",
        unit="µs",
        ours=guards,
        beside=plain,
        units=count,
    )
    yield Work(
        name="split, guards and verdict, each entry, beside json.loads of the answer",
        unit="µs",
        ours=judge,
        beside=plain,
        units=count,
    )
    yield Work(
        name="guards and verdict, each entry, beside guards and fhir.resources",
        unit="µs",
        ours=verdicts,
        beside=models,
        units=count,
        aim="1/6 x",
    )
    yield Work(
        name="structs alone, each entry, beside fhir.resources alone",
        unit="µs",
        ours=structs_alone,
        beside=models_alone,
        units=count,
        aim="1/8 x",
    )


def _translating() -> Iterator[Work]:
    """A practice's answer, from its bytes to the items that are held."""
    payload = practice_record()
    connector = GpConnect()
    connector.warm_up()
    count = len(split_answer(payload=payload).entries)

    def judge_by_models() -> None:
        for entry in split_answer(payload=payload).entries:
            verdict_of_models(entry=entry.resource or b"", release=Release.STU3)

    def judge() -> None:
        for entry in split_answer(payload=payload).entries:
            verdict(entry=entry.resource or b"", release=Release.STU3)

    # The aim is of the time when models judged every entry.
    yield Work(
        name="read and translate a practice's answer, each entry, beside splitting and a verdict by fhir.resources",
        unit="µs",
        ours=lambda: connector.convert(payload=payload),
        beside=judge_by_models,
        units=count,
        aim="1.4 x",
    )
    yield Work(
        name="the same, beside splitting and the verdict as it is",
        unit="µs",
        ours=lambda: connector.convert(payload=payload),
        beside=judge,
        units=count,
    )


def _holding() -> Iterator[Work]:
    """One source's answer, as it is held."""
    payload = _payload(fake=fake_sources()[0])
    reply = FhirR4().convert(payload=payload)
    wrapped = new_wrapped_key(master_key=MASTER_KEY, retrieval_id=RETRIEVAL_ID)
    sealer = Sealer(master_key=MASTER_KEY, wrapped_key=wrapped, retrieval_id=RETRIEVAL_ID)
    answer = _held(reply=reply)
    blob = sealer.seal(source_id=SOURCE_ID, answers=(answer,))
    cipher, nonce = AESGCM(MASTER_KEY), os.urandom(12)
    packed = cipher.encrypt(nonce, zstandard.ZstdCompressor(level=1).compress(payload), None)

    def split_and_seal() -> None:
        split_answer(payload=payload)
        sealer.seal(source_id=SOURCE_ID, answers=(answer,))

    def pack() -> None:
        cipher.encrypt(os.urandom(12), zstandard.ZstdCompressor(level=1).compress(payload), None)

    def unpack() -> None:
        zstandard.ZstdDecompressor().decompress(cipher.decrypt(nonce, packed, None))

    yield Work(
        name="seal an answer of 200 KB, beside zstd-1 and AES-GCM of it",
        unit="ms",
        ours=lambda: sealer.seal(source_id=SOURCE_ID, answers=(answer,)),
        beside=pack,
    )
    yield Work(name="split and seal it, beside the same", unit="ms", aim="8 x", ours=split_and_seal, beside=pack)
    yield Work(
        name="open it, beside AES-GCM and zstd",
        unit="ms",
        ours=lambda: sealer.open(source_id=SOURCE_ID, blob=blob),
        beside=unpack,
    )


def _held(*, reply: Reply) -> HeldAnswer:
    return HeldAnswer(
        source_record_id=SOURCE_ID,
        received_at=datetime.now(UTC),
        subject=reply.subject,
        items=items_of(reply=reply, source_id=str(SOURCE_ID)),
        quarantined=reply.quarantined,
        notices=reply.notices,
    )


def _items(*, size: int) -> list[Item]:
    """Return so many items of six sources."""
    found: list[Item] = []
    for at, fake in enumerate(fake_sources(record_bytes=RECORD_BYTES * size // 600), start=1):
        reply = FhirR4().convert(payload=_payload(fake=fake))
        found += items_of(reply=reply, source_id=f"source-{at}")[: size // 6 + 1]
    return found[:size]


def _merging(*, sizes: Sequence[int]) -> Iterator[Work]:
    for size in sizes:
        items = _items(size=size)
        yield Work(
            name=f"merge {len(items):,} items, each, beside json.loads of each",
            unit="µs",
            ours=partial(merge, items=items),
            beside=partial(_parse, items=items),
            units=len(items),
            aim="15 µs",
        )


def _parse(*, items: Sequence[Item]) -> None:
    for item in items:
        json.loads(item.resource)


def _permitting(*, size: int) -> Iterator[Work]:
    """What a patient has decided, read once and asked of each item; then all that goes with what is withheld."""
    sources = {f"source-{number}": UUID(int=number) for number in range(1, 7)}
    items = [msgspec.structs.replace(item, source_id=str(sources[item.source_id])) for item in _items(size=size)]
    kept_back = frozenset({RecordCategory.DOCUMENTS, RecordCategory.RESULTS})
    not_here = Provision(effect=Effect.DENY, actors=frozenset({Actor.organisation("X99909")}))
    no_results = Provision(effect=Effect.DENY, categories=kept_back)
    no_source = Provision(effect=Effect.DENY, sources=frozenset({sources["source-2"]}))
    one_entry = ItemKey(source_id=sources["source-3"], resource_type="Observation", resource_id="7")
    no_years = Provision(effect=Effect.DENY, data_period=DataPeriod(start=date(2015, 1, 1), end=date(2016, 12, 31)))
    policies = (
        PolicyTerms(base=BasePolicy.PERMIT, exceptions=(not_here, no_results)),
        PolicyTerms(base=BasePolicy.DENY, root=no_source),
    )
    with_entry = Provision(effect=Effect.DENY, items=frozenset({one_entry}))

    def looked_up() -> int:
        return sum(item.category not in kept_back and not item.labels for item in items)

    def named() -> int:
        return sum(entry_name(entry=item.resource) != "Observation/7" for item in items)

    def parsed() -> None:
        for item in items:
            HEAD_AND_DATE.decode(item.resource)

    for what, more, beside, beside_words in (
        ("kinds and sources", (), looked_up, "looking up kind and labels of each"),
        ("single entries", (with_entry,), named, "reading the name of each"),
        ("dates", (no_years,), parsed, "reading one date of each"),
    ):
        held = (*policies, *(PolicyTerms(base=BasePolicy.DENY, root=root) for root in more))
        yield Work(
            name=f"decide, and ask of {len(items):,} items, by {what}, beside {beside_words}",
            unit="ms",
            ours=partial(_asked_of_each, policies=held, items=items),
            beside=beside,
            aim="50 ms",
        )
    yield Work(
        name=f"decide under broken glass, and ask of {len(items):,} items, beside the ordinary decision",
        unit="ms",
        ours=partial(_asked_of_each, policies=policies, items=items, emergency=BROKEN),
        beside=partial(_asked_of_each, policies=policies, items=items),
    )
    decision = _decision(policies=policies)
    yield Work(
        name=f"the whole filter of {len(items):,} items, with all that points to what is withheld, beside json.loads",
        unit="ms",
        ours=lambda: permit(items=items, decision=decision),
        beside=partial(_parse, items=items),
    )


def _previewing(*, users: int) -> Iterator[Work]:
    """Whose access a decision would change: each user's decision before and after it, section by section."""
    requesters = [replace(CLINICIAN, user_id=UUID(int=number)) for number in range(1, users + 1)]
    shares = PolicyTerms(base=BasePolicy.PERMIT)
    no_documents = Provision(effect=Effect.DENY, categories=frozenset({RecordCategory.DOCUMENTS}))
    after = PolicyTerms(base=BasePolicy.PERMIT, exceptions=(no_documents,))

    def changes() -> int:
        return sum(
            _reaches(_decision(policies=(shares,), asking=user)) != _reaches(_decision(policies=(after,), asking=user))
            for user in requesters
        )

    yield Work(
        name=f"whose access a decision changes among {users:,} users, beside one decision for each",
        unit="ms",
        ours=changes,
        beside=lambda: [_decision(policies=(shares,), asking=user) for user in requesters],
        aim="2,000 ms",
    )


def _reaches(decision: Decision) -> list[Reach]:
    return [decision.reach_of(category=rules.category) for rules in SECTIONS]


class _HeadAndDate(msgspec.Struct):
    id: str = ""
    recorded_date: str | None = msgspec.field(name="recordedDate", default=None)


HEAD_AND_DATE = msgspec.json.Decoder(_HeadAndDate)
CLINICIAN = Requester(
    user_id=UUID(int=1),
    family="",
    given="",
    organisation_id=UUID(int=2),
    organisation_ods="X99901",
    organisation_name="",
    role=Role.CLINICIAN,
)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


MEMBERSHIP_ID = UUID(int=3)
BROKEN = access_if_taken(membership_id=MEMBERSHIP_ID, person_id=UUID(int=4), now=NOW)


def _decision(
    *, policies: Sequence[PolicyTerms], asking: Requester = CLINICIAN, emergency: EmergencyAccess | None = None
) -> Decision:
    registered = RelationshipTerms(
        organisation_id=UUID(int=2), kind=RelationshipKind.REGISTERED, from_date=date(2020, 1, 1), until_date=None
    )
    return decide(
        requester=replace(asking, membership_id=MEMBERSHIP_ID) if emergency else asking,
        permission=Permission.VIEW_RECORD,
        policies=policies,
        relationships=[registered],
        now=NOW,
        still_acts=True,
        emergency=emergency,
    )


def _asked_of_each(
    *, policies: Sequence[PolicyTerms], items: Sequence[Item], emergency: EmergencyAccess | None = None
) -> int:
    decision = _decision(policies=policies, emergency=emergency)
    if (decision.emergency is None) != (emergency is None):
        raise AssertionError("the glass is not broken as the row says")
    return sum(decision.may_show(item=item) for item in items)


def _drawing(*, size: int) -> Iterator[Work]:
    """A record's page: the first rows of each section, with the way to the others."""
    drawing = RecordDrawing(record=merge(items=_items(size=size)))
    yield Work(
        name=f"view and page of {drawing.entries:,} entries, each, beside strings and html.escape",
        unit="µs",
        aim="15 µs, 5 x",
        ours=drawing.draw,
        beside=drawing.draw_plainly,
        units=drawing.entries,
    )
    yield Work(
        name="its view alone, each, beside the same",
        unit="µs",
        ours=drawing.view,
        beside=drawing.draw_plainly,
        units=drawing.entries,
    )
