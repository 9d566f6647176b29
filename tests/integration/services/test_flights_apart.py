"""Nothing that one flight does, a database error included, reaches another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.utils import timezone

from aggregator.federation import flight, operations
from aggregator.federation.models import Retrieval, RetrievalState, SourceOutcome
from aggregator.federation.operations import Ended
from aggregator.mpi.models import SourceRecord
from aggregator.services.open_record import open_record
from connectors.contract.outcomes import Outcome
from tests.one_hospital import JOAN, Hospital, add_clinic, hospital, load, run, world
from tests.world import SOURCE_SLUG, World

__all__ = ["hospital", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

CLINIC = "clinic"
BLOCKED_S = 1.2


@pytest.fixture
def two_sources(hospital: Hospital, world: World) -> World:
    """Let the clinic hold Joan too, under an identifier of its own; the surgery says that she has died."""
    add_clinic(hospital.base)
    load(("\n1,", "\n7,"), source=CLINIC)
    hospital.patients["1"] = {**JOAN, "deceasedBoolean": True}
    hospital.patients["7"] = {**JOAN, "id": "7"}
    return world


def opened(world: World) -> UUID:
    return open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())


def row(retrieval_id: UUID, slug: str) -> SourceOutcome:
    return SourceOutcome.objects.get(retrieval_id=retrieval_id, source__slug=slug)


def surgery_record() -> UUID:
    return SourceRecord.objects.get(source__slug=SOURCE_SLUG, identifier_value="1").id


def test_an_error_of_a_kind_that_nobody_expects_stays_in_its_flight(
    two_sources: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrieval_id = opened(two_sources)
    lost = row(retrieval_id, SOURCE_SLUG).id
    recording = operations.record_outcomes

    def record(*, ended: Sequence[Ended], **values: Any) -> Any:
        if lost in {each.outcome_id for each in ended}:
            raise RuntimeError
        return recording(ended=ended, **values)

    monkeypatch.setattr(operations, "record_outcomes", record)
    run(two_sources, retrieval_id)
    assert row(retrieval_id, CLINIC).outcome == Outcome.ANSWERED
    assert row(retrieval_id, SOURCE_SLUG).outcome is None  # the reader infers it
    assert Retrieval.objects.get(id=retrieval_id).state == RetrievalState.FINISHED


def test_a_database_error_ends_its_own_flight_alone(two_sources: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(flight.mpi_operations, "note_death", refuse)
    retrieval_id = opened(two_sources)
    run(two_sources, retrieval_id)
    surgery = row(retrieval_id, SOURCE_SLUG)
    assert (surgery.outcome, surgery.reason) == (Outcome.FAILED, "not-recorded")
    assert row(retrieval_id, CLINIC).outcome == Outcome.ANSWERED


def test_a_flight_that_waits_for_a_person_s_row_holds_no_other_up(
    two_sources: World, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many flights wait as an executor has threads, and the one beside them is recorded at once."""
    load(("\n1,", "\n8,"))
    hospital.patients["8"] = {**JOAN, "id": "8", "deceasedBoolean": True}
    waiting: list[UUID] = []

    happened: list[str] = []
    recording = operations.record_outcomes

    def wait(*, source_record_id: UUID, **_: Any) -> None:
        waiting.append(source_record_id)
        time.sleep(BLOCKED_S)
        happened.append("the others have waited")

    def record(*, ended: Sequence[Ended], **values: Any) -> Any:
        landed = recording(ended=ended, **values)
        happened.extend(SourceOutcome.objects.get(id=each.outcome_id).source.slug for each in ended)
        return landed

    def answer_later(path: str, query: dict[str, list[str]]) -> Any:
        if path.endswith("/Patient/7"):
            time.sleep(BLOCKED_S / 3)  # the clinic lands while the others wait
        return Hospital.answer(hospital, path, query)

    monkeypatch.setattr(flight.mpi_operations, "note_death", wait)
    monkeypatch.setattr(operations, "record_outcomes", record)
    monkeypatch.setattr(hospital, "answer", answer_later)
    retrieval_id = opened(two_sources)
    run(two_sources, retrieval_id)
    surgery, clinic = row(retrieval_id, SOURCE_SLUG), row(retrieval_id, CLINIC)
    assert len(waiting) == 2
    assert surgery_record() in waiting
    assert (surgery.outcome, clinic.outcome) == (Outcome.ANSWERED, Outcome.ANSWERED)
    assert happened[0] == CLINIC
