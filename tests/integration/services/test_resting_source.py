"""A source that fails again and again is left alone for a while, and the record says so and since when."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from aggregator.federation import guard
from aggregator.federation.connections import client_for_threads
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.guard import SourceGuard, breakers_of
from aggregator.record.completeness.words import in_words
from aggregator.services.open_record import open_record
from aggregator.services.sources.pause_source import pause_source
from aggregator.services.view_record import RecordView
from aggregator.sources.models import Source
from aggregator.web.wording import LONDON
from connectors.contract.outcomes import Outcome, Reason
from tests.one_hospital import Hospital, hospital, opened, run, world
from tests.world import NOWHERE, World

__all__ = ["hospital", "world"]
pytestmark = pytest.mark.django_db(transaction=True)


def moved(address: str) -> None:
    Source.objects.update(base_url=address)


def stood(view: RecordView) -> tuple[Outcome | None, str]:
    (status,) = view.sources
    return status.outcome, status.reason


def test_a_source_that_is_down_rests_is_said_to_and_is_back_after_one_good_answer(
    world: World, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = SourceGuard(client=engine().redis, most_at_once=50, rest_s=4.0)
    monkeypatch.setattr(engine(), "guard", short)
    moved(NOWHERE)
    for _ in range(guard.FAILURES):
        assert stood(opened(world)) == (Outcome.UNREACHABLE, Reason.CONNECTION)
    resting = opened(world)
    assert stood(resting) == (Outcome.NOT_ASKED, Reason.RESTING)
    (status,) = resting.sources
    assert isinstance(status.since, datetime)
    assert abs(status.since - timezone.now()) < timedelta(minutes=1)
    said = f"it has failed again and again, and is left alone, since {status.since.astimezone(LONDON):%H:%M}"
    assert said in in_words(status=status)
    assert resting.record.entries == {}
    # It is mended, and the rest is over: one request is let through, and all are as before.
    moved(hospital.base)
    deadline = timezone.now() + timedelta(seconds=20)
    while stood(opened(world))[0] is not Outcome.ANSWERED:
        assert timezone.now() < deadline
    source_id = Source.objects.get().id
    found = breakers_of(client=client_for_threads(), source_ids=[source_id], now=timezone.now())[source_id]
    assert (found.state, found.failure) == (guard.BreakerState.CLOSED, "connection")


def test_one_that_is_paused_after_a_record_was_opened_is_not_asked_for_it_any_more(
    world: World, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its request has waited for a worker."""
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    source_id = Source.objects.get().id
    pause_source(requester=world.administrator, source_id=source_id, reason="Their disk.", now=timezone.now())
    monkeypatch.setattr(hospital, "answer", lambda *_: pytest.fail("it was asked"))
    view = run(world, retrieval_id)
    assert stood(view) == (Outcome.NOT_ASKED, Reason.PAUSED)
    assert view.record.entries == {}


def test_one_that_says_that_it_does_not_know_the_patient_never_rests(world: World, hospital: Hospital) -> None:
    hospital.patients.clear()
    for _ in range(guard.FAILURES + 2):
        assert stood(opened(world))[0] is Outcome.UNKNOWN_PATIENT


def needs_most_of_two_seconds(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a hospital take long to say what it is, when it is first asked; it is given two seconds."""
    answer = hospital.answer

    def slowly(path: str, query: dict[str, list[str]]) -> Any:
        time.sleep(1.3 if path.endswith("/metadata") else 0.0)
        return answer(path, query)

    monkeypatch.setattr(hospital, "answer", slowly)
    Source.objects.update(time_limit_s=2, freshness_s=0)


def test_that_it_had_to_wait_for_others_of_ours_is_not_blamed_on_a_source(
    world: World, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a source has just become slower: the places at it are as many as it needed before."""
    needs_most_of_two_seconds(hospital, monkeypatch)
    source_id = Source.objects.get().id
    one_place = SourceGuard(client=engine().redis, most_at_once=1)
    monkeypatch.setattr(engine(), "guard", one_place)
    taken = threading.Event()

    async def take_the_place() -> None:
        async with one_place.leave_to_ask(source_id=source_id, until=engine().loop.time() + 5):
            taken.set()
            await asyncio.sleep(1.2)

    holds = engine().start(take_the_place(), within_s=5)
    assert taken.wait(5)
    assert stood(opened(world)) == (Outcome.FAILED, Reason.OVERLOAD)
    holds.result()
    found = breakers_of(client=client_for_threads(), source_ids=[source_id], now=timezone.now())[source_id]
    assert found.failure == ""


def test_that_our_own_limit_left_a_source_too_little_time_is_not_blamed_on_it(
    world: World, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_most_of_two_seconds(hospital, monkeypatch)
    assert stood(opened(world))[0] is Outcome.ANSWERED
    close_engine()  # and with it what it remembers of the source
    source_id = Source.objects.get().id
    Source.objects.update(requests_per_minute=60)
    left = {"tokens": "-0.2", "tokens_at": str(timezone.now().timestamp() * 1000)}
    client_for_threads().hset(f"guard:{{{source_id}}}", mapping=left)
    assert stood(opened(world)) == (Outcome.FAILED, Reason.OVERLOAD)
    found = breakers_of(client=client_for_threads(), source_ids=[source_id], now=timezone.now())[source_id]
    assert found.failure == ""
