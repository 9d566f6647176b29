"""The fan-out of one retrieval in this process: who waits is told when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from aggregator.federation import flight, operations
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval
from aggregator.federation.models import Retrieval, RetrievalState, SourceOutcome
from aggregator.mpi.demographics import Demographics
from aggregator.record.completeness.claims import AllergyStatus
from aggregator.services.open_record import open_record
from aggregator.services.view_record import view_record
from aggregator.sources.models import Source
from connectors.contract.outcomes import Outcome
from connectors.contract.values import Reply
from connectors.fhir_r4.connector import FhirR4
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from fhir_data.releases import Release
from fhir_data.verdict import judge
from tests.factories import condition
from tests.hospital import Hospital, Said, bundle, running, statement
from tests.world import JOAN_NUMBER, World, make_world

pytestmark = pytest.mark.django_db(transaction=True)

JOAN = {
    "resourceType": "Patient",
    "id": "1",
    "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": JOAN_NUMBER}],
    "name": [{"family": "Ferris", "given": ["Joan"]}],
    "birthDate": "1951-05-04",
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    yield make_world()
    close_engine()


def opened(world: World) -> UUID:
    return open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())


def run(retrieval_id: UUID) -> None:
    engine().start(run_retrieval(retrieval_id=retrieval_id, engine=engine()), within_s=5).result()


def told(retrieval_id: UUID) -> list[bytes]:
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        return [fields[b"kind"] for _, fields in client.xrange(f"progress:{retrieval_id}")]


def test_whoever_waits_for_nobody_is_told_at_once_that_it_is_over(world: World) -> None:
    Source.objects.update(enabled=False)
    retrieval_id = opened(world)
    run(retrieval_id)
    assert Retrieval.objects.get(id=retrieval_id).state == RetrievalState.FINISHED
    assert told(retrieval_id)[-1:] == [b"done"]


def test_an_answer_that_cannot_be_sealed_is_a_fault_of_ours_and_not_of_its_source(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answers(*_: object, **__: object) -> Reply:
        return Reply(subject=b"{}")

    monkeypatch.setattr(FhirR4, "ask", answers)
    monkeypatch.setattr(flight, "check_subject", lambda **_: Demographics())
    retrieval_id = opened(world)
    Retrieval.objects.filter(id=retrieval_id).update(wrapped_key=bytes(60))
    run(retrieval_id)
    ended = SourceOutcome.objects.get(retrieval_id=retrieval_id)
    assert (ended.outcome, ended.reason) == (Outcome.FAILED, "store")


def test_a_source_whose_kind_is_declared_no_longer_ends_by_itself_and_the_record_is_shown(world: World) -> None:
    Source.objects.update(kind="ward_book")
    retrieval_id = opened(world)
    run(retrieval_id)
    ended = SourceOutcome.objects.get(retrieval_id=retrieval_id)
    assert (ended.outcome, ended.reason) == (Outcome.FAILED, "our-fault")
    view = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
    assert view.allergy_status is AllergyStatus.UNAVAILABLE


def test_a_source_that_runs_out_of_time_while_our_loop_stands_still_is_not_blamed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object, **__: object) -> Reply:
        engine().loop.call_later(0.1, time.sleep, 0.8)
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(FhirR4, "ask", hangs)
    retrieval_id = opened(world)
    run(retrieval_id)
    ended = SourceOutcome.objects.get(retrieval_id=retrieval_id)
    assert (ended.outcome, ended.reason) == (Outcome.FAILED, "overload")


@pytest.mark.parametrize(("own_s", "most_s", "given_s"), [(3.0, 8.0, 3.0), (8.0, 3.0, 3.0)])
def test_a_source_is_given_its_own_time_and_never_more_than_any_may_have(
    world: World, settings: Any, own_s: float, most_s: float, given_s: float
) -> None:
    Source.objects.update(time_limit_s=own_s)
    settings.SOURCE_TIME_LIMIT_S = most_s
    planned = SourceOutcome.objects.select_related("retrieval").get(retrieval_id=opened(world))
    assert (planned.deadline_at - planned.retrieval.created_at).total_seconds() == pytest.approx(given_s)


def test_what_came_before_the_deadline_is_recorded_in_time_and_shown(world: World) -> None:
    answers = {
        "metadata": Said(body=statement("AllergyIntolerance", "Condition")),
        "Patient/1": Said(body=JOAN),
        "AllergyIntolerance": Said(body=bundle(), after_s=9),
        "Condition": Said(body=bundle(condition(id="c1"), following="Condition?page=2", total=3)),
        "Condition?page=2": Said(body=bundle(), after_s=9),
    }
    for name in ("Condition", "Patient"):  # as a worker does before its first task
        judge(resource={"resourceType": name}, release=Release.R4)
    with running(Hospital(answers=dict(answers))) as hospital:
        Source.objects.update(base_url=hospital.address, time_limit_s=2.0)
        retrieval_id = opened(world)
        run(retrieval_id)
    view = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
    (status,) = view.sources
    assert (status.outcome, status.reason) == (Outcome.ANSWERED_IN_PART, "searches")
    assert [len(section.entries) for section in view.record.sections if section.entries] == [1]
    assert "Only 1 of 3 pages" in " ".join(notice.text for notice in status.notices)
    assert view.allergy_status is AllergyStatus.UNAVAILABLE


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_is_set_while_a_source_is_asked_ends_nothing_early_and_blames_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, step: timedelta
) -> None:
    asking = FhirR4.ask

    async def ask(*given: Any, **values: Any) -> Reply:
        monkeypatch.setattr(timezone, "now", lambda: datetime.now(tz=UTC) + step)
        return await asking(*given, **values)

    monkeypatch.setattr(FhirR4, "ask", ask)
    answers = {
        "metadata": Said(body=statement("Condition")),
        "Patient/1": Said(body=JOAN),
        "Condition": Said(body=bundle(condition(id="c1")), after_s=0.3),
    }
    with running(Hospital(answers=answers)) as hospital:
        Source.objects.update(base_url=hospital.address)
        retrieval_id = opened(world)
        run(retrieval_id)
    row = SourceOutcome.objects.select_related("retrieval").get(retrieval_id=retrieval_id)
    assert (row.outcome, row.reason) == (Outcome.ANSWERED, "")
    assert row.asked_at is not None
    assert row.ended_at is not None
    assert row.retrieval.created_at < row.asked_at < row.ended_at < row.retrieval.created_at + timedelta(minutes=1)
    view = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=row.ended_at)
    assert [len(section.entries) for section in view.record.sections if section.entries] == [1]


def test_an_outcome_that_the_database_refuses_for_a_moment_is_recorded_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = operations.record_outcomes
    refused = iter([OperationalError(), InterfaceError(), None])

    def record(**values: Any) -> Any:
        if error := next(refused):
            raise error
        return recording(**values)

    monkeypatch.setattr(operations, "record_outcomes", record)
    retrieval_id = opened(world)
    run(retrieval_id)
    assert SourceOutcome.objects.get(retrieval_id=retrieval_id).outcome == Outcome.UNREACHABLE
    assert told(retrieval_id)[-1:] == [b"done"]


def test_whoever_waits_for_another_s_question_is_not_told_before_it_has_ended(world: World) -> None:
    first, second = opened(world), opened(world)
    run(second)
    assert b"done" not in told(second)
    run(first)
    assert told(first)[-1:] == told(second)[-1:] == [b"done"]
