"""A worker told to stop lets what runs end and begins nothing; what a killed one leaves, readers infer."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from aggregator.federation import engine as engine_module
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval
from aggregator.federation.models import Retrieval, RetrievalState, SourceOutcome
from aggregator.services.open_record import open_record
from connectors.contract.errors import UnknownPatient
from connectors.contract.values import Reply
from connectors.fhir_r4.connector import FhirR4
from tests.hospital import running
from tests.integration.services.test_one_slow_source import endings
from tests.many_people import ManyPeople, hospital, load_people
from tests.own_worker import own_worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("everything_let_in")]

ANSWERS_AFTER_S, HANGS_S, LIMIT_S = 1.0, 20.0, 3.0
STOPS_WITHIN_S = 30.0  # of which 13 are the deadline and what may follow it


def opened(people: ManyPeople, number: int) -> UUID:
    return open_record(requester=people.world.clinician, person_id=people.person_ids[number], now=timezone.now())


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def asked(count: int) -> Callable[[], bool]:
    return lambda: SourceOutcome.objects.filter(asked_at__isnull=False).count() == count


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as running_things:
        yield running_things


def test_a_worker_that_is_told_to_stop_ends_what_runs_and_begins_nothing(
    stack: ExitStack, process_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = stack.enter_context(running(hospital(after_s=ANSWERS_AFTER_S)))
    people = load_people(count=2, addresses={"surgery": served.address})
    child = stack.enter_context(
        own_worker(environment=process_environment, logs=tmp_path, database=57, monkeypatch=monkeypatch)
    )
    begun = opened(people, 0)
    wait_until(asked(1))
    child.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    later = opened(people, 1)
    assert child.process.wait(STOPS_WITHIN_S) == 0
    states = dict(Retrieval.objects.values_list("id", "state"))
    assert states == {begun: RetrievalState.FINISHED, later: RetrievalState.PLANNED}
    assert [row.outcome for row in SourceOutcome.objects.filter(retrieval_id=begun)] == ["answered"]


def test_what_a_killed_worker_leaves_is_told_by_how_far_it_had_come(
    stack: ExitStack, process_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = stack.enter_context(running(hospital(after_s=HANGS_S)))
    people = load_people(count=3, addresses={"surgery": served.address}, slow="the-surgery", slow_limit_s=LIMIT_S)
    child = stack.enter_context(
        own_worker(
            environment=process_environment,
            logs=tmp_path,
            database=56,
            monkeypatch=monkeypatch,
            FLIGHTS_PER_SOURCE="1",
        )
    )
    being_asked = opened(people, 0)
    wait_until(asked(1))
    waiting = opened(people, 1)
    wait_until(lambda: Retrieval.objects.get(id=waiting).state == RetrievalState.RUNNING)
    child.process.send_signal(signal.SIGKILL)
    child.process.wait(STOPS_WITHIN_S)
    never_taken = opened(people, 2)
    told = {retrieval: endings([retrieval])["The Surgery"] for retrieval in (being_asked, waiting, never_taken)}
    assert told[waiting] == told[never_taken] == {("failed", "not-started"): 1}
    # Where the machine was busy, we were late to ask, and then it is our fault.
    assert told[being_asked] in (Counter({("timed-out", ""): 1}), Counter({("failed", "overload"): 1}))
    assert not SourceOutcome.objects.filter(outcome__isnull=False).exists(), "nobody was left to record anything"


def test_what_waits_for_its_turn_when_the_worker_stops_is_given_up_at_once(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    close_engine()
    monkeypatch.setattr(engine_module, "RETRIEVALS_AT_ONCE", 1)
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    begun = threading.Event()

    async def asks(*_: object, **__: object) -> Reply:
        begun.set()
        await asyncio.sleep(0.5)
        raise UnknownPatient

    monkeypatch.setattr(FhirR4, "ask", asks)
    people = load_people(count=2, addresses={"surgery": "http://127.0.0.1:9/fhir"})
    first, second = opened(people, 0), opened(people, 1)
    running_engine = engine()
    for retrieval_id in (first, second):
        running_engine.start(run_retrieval(retrieval_id=retrieval_id, engine=running_engine), within_s=10)
    assert begun.wait(5)
    close_engine()
    ended = {row.retrieval_id: (row.outcome, row.reason) for row in SourceOutcome.objects.all()}
    assert ended == {first: ("unknown-patient", ""), second: ("failed", "not-started")}
