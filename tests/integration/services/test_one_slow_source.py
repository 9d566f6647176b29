"""Many records at once: a source that hangs costs nobody another source's answer, and a flood ends honestly."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone

from aggregator.federation import endings as endings_module
from aggregator.federation import engine as engine_module
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval
from aggregator.federation.models import Retrieval, RetrievalState, SourceOutcome
from aggregator.federation.queries import retrieval_view
from aggregator.services.open_record import open_record
from connectors.contract.outcomes import Outcome
from connectors.contract.values import Reply
from connectors.fhir_r4.connector import FhirR4
from tests.hospital import running
from tests.many_people import ManyPeople, hospital, load_people
from tests.own_worker import own_worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("everything_let_in")]

AT_ONCE, PER_SOURCE = 50, 8
HANGS_S = 20.0


def opened(people: ManyPeople) -> list[UUID]:
    """Open everybody's record, some at a time as browsers do."""

    def open_one(person_id: UUID) -> UUID:
        try:
            return open_record(requester=people.world.clinician, person_id=person_id, now=timezone.now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(open_one, people.person_ids))


def endings(retrieval_ids: list[UUID]) -> dict[str, Counter[tuple[str, str]]]:
    """Wait until all records are complete; return how often each source ended how, as a reader sees it."""
    counted: dict[str, Counter[tuple[str, str]]] = {}
    for retrieval_id in retrieval_ids:
        while True:
            asker_id = Retrieval.objects.get(id=retrieval_id).asker_id
            view = retrieval_view(retrieval_id=retrieval_id, asker_id=asker_id, now=timezone.now())
            assert view is not None
            if view.complete:
                break
            time.sleep(0.05)
        for state in view.sources:
            assert state.ending is not None
            ended = (str(state.ending.outcome), str(state.ending.reason or ""))
            counted.setdefault(state.source_name, Counter())[ended] += 1
    return counted


def test_fifty_records_lose_no_answer_of_the_others_to_a_source_that_hangs(
    process_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        served = [stack.enter_context(running(hospital(after_s=after_s))) for after_s in (0.0, 0.3, HANGS_S)]
        addresses = dict(zip(("surgery", "clinic", "hanging"), (one.address for one in served), strict=True))
        people = load_people(count=AT_ONCE, addresses=addresses, slow="hanging", slow_limit_s=9)
        stack.enter_context(
            own_worker(
                environment=process_environment,
                logs=tmp_path,
                database=59,
                monkeypatch=monkeypatch,
                FLIGHTS_PER_SOURCE=str(PER_SOURCE),
            )
        )
        counted = endings(opened(people))
    assert counted["The Surgery"] == counted["Clinic"] == {("answered", ""): AT_ONCE}
    hanging = counted["Hanging"]
    # As the machine may be busy: what we kept waiting is never held against the source.
    assert set(hanging) <= {
        ("timed-out", ""),
        ("not-asked", "source-busy"),
        ("failed", "overload"),
        ("not-asked", "resting"),
    }
    assert hanging["timed-out", ""] < AT_ONCE  # not everybody was kept waiting for it
    asked = [path for path in served[2].asked if path.startswith("Patient/")]
    assert PER_SOURCE <= len(asked) <= AT_ONCE


def started(retrieval_ids: list[UUID]) -> list[Future[None]]:
    """Start all in this process, as tasks do."""
    return [
        engine().start(run_retrieval(retrieval_id=retrieval_id, engine=engine()), within_s=3.0)
        for retrieval_id in retrieval_ids
    ]


@pytest.fixture
def flooded(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    """An engine with little room, and a source that hangs."""
    close_engine()
    settings.RETRIEVAL_DEADLINE_S = 3.0
    settings.FLIGHTS_PER_SOURCE, settings.FLIGHTS_PER_WORKER = 50, 3
    monkeypatch.setattr(engine_module, "RETRIEVALS_AT_ONCE", 5)
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    yield
    close_engine()


def test_a_flood_is_bounded_and_ends_as_our_fault_and_never_the_source_s(
    flooded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    asking = 0

    async def hangs(*_: object, **__: object) -> Reply:
        nonlocal asking
        asking += 1
        at_once.append(asking)
        try:
            await asyncio.sleep(HANGS_S)
        finally:
            asking -= 1
        raise AssertionError

    monkeypatch.setattr(FhirR4, "ask", hangs)
    people = load_people(count=40, addresses={"surgery": "http://127.0.0.1:9/fhir"})
    retrieval_ids = opened(people)
    futures = started(retrieval_ids)
    begun = 0
    while not all(future.done() for future in futures):
        begun = max(begun, Retrieval.objects.filter(state=RetrievalState.RUNNING).count())
        time.sleep(0.02)
    for future in futures:
        future.result()
    assert (max(at_once), begun) == (3, 5)
    counted = endings(retrieval_ids)["The Surgery"]
    assert sum(counted.values()) == 40
    assert counted["timed-out", ""] + counted["failed", "overload"] + counted["failed", "not-started"] == 40
    assert counted["timed-out", ""] <= 3
    assert counted["failed", "overload"] >= 30


def test_a_source_at_its_limit_is_said_to_be_busy_and_is_not_asked(
    flooded: None, monkeypatch: Any, settings: Any
) -> None:
    settings.FLIGHTS_PER_SOURCE, settings.FLIGHTS_PER_WORKER = 1, 50
    # However busy this machine is: that our own lateness is our fault is tried in tests/unit/federation.
    monkeypatch.setattr(endings_module, "BUSY_S", 60.0)
    asked: list[object] = []

    async def hangs(*_: object, **__: object) -> Reply:
        asked.append(None)
        await asyncio.sleep(HANGS_S)
        raise AssertionError

    monkeypatch.setattr(FhirR4, "ask", hangs)
    people = load_people(count=3, addresses={"surgery": "http://127.0.0.1:9/fhir"}, slow="the-surgery", slow_limit_s=2)
    retrieval_ids = opened(people)
    for future in started(retrieval_ids):
        future.result()
    assert len(asked) == 1
    rows = {row.retrieval_id: row for row in SourceOutcome.objects.all()}
    assert Counter((row.outcome, row.reason, row.asked_at is not None) for row in rows.values()) == {
        (Outcome.TIMED_OUT, "", True): 1,
        (Outcome.NOT_ASKED, "source-busy", False): 2,
    }
