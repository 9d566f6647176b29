"""Each planned source ends with exactly one outcome, whatever becomes of the worker; a question in flight is joined."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from aggregator.federation import operations, queries, store
from aggregator.federation.answers import HeldAnswer
from aggregator.federation.endings import Ending
from aggregator.federation.models import Retrieval, RetrievalState, SourceOutcome
from aggregator.federation.operations import Ended, Landed
from aggregator.federation.plan import make_plan
from aggregator.federation.queries import RetrievalView
from aggregator.federation.store import Sealer
from aggregator.mpi.models import Link
from aggregator.sources.models import Source
from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.outcomes import Outcome, Reason, reason_of
from tests.factories import (
    NOW,
    asker,
    candidate,
    condition,
    identity,
    item,
    load,
    nhs_number,
    person,
    requester,
    retrieval,
    source,
)
from tests.questions import recorded
from tests.statements import asked_in

pytestmark = pytest.mark.django_db

SOON, LATE, AFTER = NOW + timedelta(seconds=1), NOW + timedelta(seconds=9.5), NOW + timedelta(seconds=11)


@pytest.fixture
def practice() -> Source:
    return source(slug="practice", time_limit_s=3)


@pytest.fixture
def hospital() -> Source:
    return source(slug="hospital")


@pytest.fixture
def joan(practice: Source, hospital: Source) -> Any:
    found = person(at=practice, identifier="p-1")
    load(at=hospital, identities=[identity(identifier="h-1"), identity(identifier="h-2")])
    return found


def peter(practice: Source) -> Any:
    """Return somebody else whom the practice holds."""
    return person(at=practice, identifier="p-2", given="Peter", nhs_number=nhs_number(index=2))


def view(retrieval_id: UUID, *, now: datetime = SOON) -> RetrievalView:
    asker_id = Retrieval.objects.get(id=retrieval_id).asker_id
    found = queries.retrieval_view(retrieval_id=retrieval_id, asker_id=asker_id, now=now)
    assert found is not None
    return found


def outcomes(retrieval_id: UUID, *, now: datetime = SOON) -> dict[UUID, Outcome | None]:
    return {
        state.source_id: state.ending.outcome if state.ending else None for state in view(retrieval_id, now=now).sources
    }


def row(retrieval_id: UUID, at: Source) -> SourceOutcome:
    return SourceOutcome.objects.get(retrieval_id=retrieval_id, source=at)


def started(retrieval_id: UUID, *, now: datetime = NOW) -> UUID:
    assert operations.start(retrieval_id=retrieval_id, now=now) is not None
    return retrieval_id


def asked_all(retrieval_id: UUID, *, now: datetime = NOW) -> UUID:
    """Start a retrieval and note that each of its sources is being asked."""
    rows = SourceOutcome.objects.filter(retrieval_id=started(retrieval_id, now=now))
    operations.note_asked(starts=dict.fromkeys(rows.values_list("id", flat=True), now))
    return retrieval_id


def record(
    outcome_id: UUID, *, outcome: Outcome = Outcome.ANSWERED, reason: str = "", now: datetime = SOON
) -> tuple[Landed, ...]:
    ending = Ending(outcome=outcome, reason=reason_of(reason), item_count=7)
    return recorded(outcome_id=outcome_id, ending=ending, now=now)


# Planning


def test_a_retrieval_awaits_every_planned_source(joan: Any, practice: Source, hospital: Source) -> None:
    who = requester()
    asked = retrieval(of=joan, sources=[hospital, practice], by=who)
    found = view(asked)
    assert outcomes(asked) == {practice.id: None, hospital.id: None}
    assert (found.person_id, found.complete) == (joan.id, False)
    assert {state.flight_retrieval_id for state in found.sources} == {asked}


def test_a_source_that_may_not_be_asked_has_ended_already(joan: Any, practice: Source) -> None:
    plan = make_plan(
        candidates=[candidate(source_id=practice.id, may_ask=False)],
        categories=CLINICAL_CATEGORIES,
        person_id=joan.id,
        asker_id=None,
        deadline_s=10,
        now=NOW,
    )
    asked = operations.write_retrieval(
        plan=plan, person_id=joan.id, requester=requester(), asker=asker(), categories=CLINICAL_CATEGORIES, now=NOW
    )
    (state,) = view(asked).sources
    assert state.ending == Ending(outcome=Outcome.NOT_ASKED, reason=Reason.MAY_NOT)
    assert view(asked).complete


# Starting


def test_a_started_retrieval_knows_all_that_the_fan_out_needs(joan: Any, practice: Source, hospital: Source) -> None:
    asked = retrieval(of=joan, sources=[hospital, practice])
    fan_out = operations.start(retrieval_id=asked, now=SOON)
    assert fan_out is not None
    flights = {flight.source_id: flight for flight in fan_out.flights}
    (held,) = flights[practice.id].holdings
    assert (held.identifier_system, held.identifier_value) == (practice.identifier_system, "p-1")
    assert [one.identifier_value for one in flights[hospital.id].holdings] == ["h-1", "h-2"]
    assert [one.demographics.family for one in flights[hospital.id].holdings] == ["Ferris", "Ferris"]
    assert flights[practice.id].deadline_at == NOW + timedelta(seconds=3)
    assert (fan_out.person_id, fan_out.categories) == (joan.id, CLINICAL_CATEGORIES)
    assert flights[practice.id].address.base_url == practice.base_url


def test_a_task_that_the_database_did_not_plan_does_nothing(joan: Any, practice: Source) -> None:
    asked = retrieval(of=joan, sources=[practice])
    assert operations.start(retrieval_id=uuid4(), now=SOON) is None
    assert operations.start(retrieval_id=asked, now=SOON) is not None
    assert operations.start(retrieval_id=asked, now=SOON) is None
    operations.finish(retrieval_id=asked)
    assert operations.start(retrieval_id=asked, now=SOON) is None
    assert Retrieval.objects.get(id=asked).state == RetrievalState.FINISHED


@pytest.mark.parametrize("now", [NOW + timedelta(seconds=10), AFTER])
def test_a_task_that_comes_too_late_does_nothing(joan: Any, practice: Source, now: datetime) -> None:
    asked = retrieval(of=joan, sources=[practice])
    assert operations.start(retrieval_id=asked, now=now) is None
    assert Retrieval.objects.get(id=asked).state == RetrievalState.PLANNED


# Ending


def test_an_outcome_is_recorded_once_only(joan: Any, practice: Source, hospital: Source) -> None:
    asked = retrieval(of=joan, sources=[practice, hospital])
    first = row(asked, practice)
    assert record(first.id) == (Landed(retrieval_id=asked, done=False),)
    assert record(first.id, outcome=Outcome.EMPTY) == ()
    assert record(uuid4()) == ()
    assert outcomes(asked)[practice.id] is Outcome.ANSWERED
    assert record(row(asked, hospital).id, outcome=Outcome.REFUSED, reason="patient-consent") == (
        Landed(retrieval_id=asked, done=True),
    )
    assert [state.ending for state in view(asked).sources] == [
        Ending(outcome=Outcome.REFUSED, reason=Reason.PATIENT_CONSENT, item_count=7),
        Ending(outcome=Outcome.ANSWERED, item_count=7),
    ]
    assert view(asked).complete


def test_an_answer_that_we_landed_after_its_source_s_deadline_is_our_fault(joan: Any, practice: Source) -> None:
    asked = retrieval(of=joan, sources=[practice])
    record(row(asked, practice).id, reason="whatever", now=NOW + timedelta(seconds=3.01))
    (state,) = view(asked, now=LATE).sources
    assert state.ending == Ending(outcome=Outcome.FAILED, reason=Reason.NOT_RECORDED)


def test_no_outcome_at_the_deadline_is_timed_out_whatever_became_of_the_worker(
    joan: Any, practice: Source, hospital: Source
) -> None:
    asked = asked_all(retrieval(of=joan, sources=[practice, hospital]))
    assert outcomes(asked, now=NOW + timedelta(seconds=3)) == {practice.id: None, hospital.id: None}
    assert outcomes(asked, now=NOW + timedelta(seconds=3.01)) == {practice.id: Outcome.TIMED_OUT, hospital.id: None}
    assert view(asked, now=AFTER).complete
    assert set(outcomes(asked, now=AFTER).values()) == {Outcome.TIMED_OUT}


def test_a_task_that_no_worker_took_is_our_fault(joan: Any, practice: Source, hospital: Source) -> None:
    asked = retrieval(of=joan, sources=[practice, hospital])
    endings = {state.ending for state in view(asked, now=AFTER).sources}
    assert endings == {Ending(outcome=Outcome.FAILED, reason=Reason.NOT_STARTED)}


def test_one_that_was_asked_late_is_our_fault_at_its_deadline(joan: Any, practice: Source) -> None:
    asked = asked_all(retrieval(of=joan, sources=[practice]), now=SOON)
    (state,) = view(asked, now=AFTER).sources
    assert state.ending == Ending(outcome=Outcome.FAILED, reason=Reason.OVERLOAD)


def test_one_that_a_worker_took_and_never_asked_is_our_fault_and_not_its_source_s(
    joan: Any, practice: Source, hospital: Source
) -> None:
    asked = started(retrieval(of=joan, sources=[practice, hospital]))
    operations.note_asked(starts={row(asked, hospital).id: NOW})
    endings = {state.source_id: state.ending for state in view(asked, now=AFTER).sources}
    assert endings == {
        practice.id: Ending(outcome=Outcome.FAILED, reason=Reason.NOT_STARTED),
        hospital.id: Ending(outcome=Outcome.TIMED_OUT),
    }


def test_the_starts_of_all_flights_are_written_in_one_statement(
    joan: Any, practice: Source, hospital: Source, django_assert_num_queries: Any
) -> None:
    asked = started(retrieval(of=joan, sources=[practice, hospital]))
    starts = {row(asked, practice).id: NOW, row(asked, hospital).id: SOON}
    with django_assert_num_queries(1):
        operations.note_asked(starts=starts)
    assert {row(asked, at).id: row(asked, at).asked_at for at in (practice, hospital)} == starts


def test_a_retrieval_that_is_given_up_ends_as_our_fault_unless_it_has_begun_or_is_over(
    joan: Any, practice: Source
) -> None:
    planned, begun = (retrieval(of=joan, sources=[practice], by=requester()) for _ in range(2))
    assert operations.give_up(retrieval_id=planned, reason=Reason.OVERLOAD, now=AFTER) is None
    assert row(planned, practice).outcome is None
    told = operations.give_up(retrieval_id=planned, reason=Reason.OVERLOAD, now=SOON)
    assert told == (Landed(retrieval_id=planned, done=True),)
    assert (row(planned, practice).outcome, row(planned, practice).reason) == ("failed", "overload")
    started(begun, now=SOON)
    assert operations.give_up(retrieval_id=begun, reason=Reason.OVERLOAD, now=SOON) is None


@pytest.mark.parametrize(
    ("outcome", "reason", "expected"),
    [
        (Outcome.ANSWERED, "", ("failed", "not-recorded")),
        (Outcome.EMPTY, "", ("failed", "not-recorded")),
        (Outcome.REFUSED, "patient-consent", ("failed", "not-recorded")),
        (Outcome.TIMED_OUT, "", ("timed-out", "")),
        (Outcome.UNREACHABLE, "tls", ("unreachable", "tls")),
        (Outcome.FAILED, "overload", ("failed", "overload")),
    ],
)
def test_what_landed_in_time_and_was_recorded_late_is_not_held_against_its_source(
    joan: Any, practice: Source, outcome: Outcome, reason: str, expected: tuple[str, str]
) -> None:
    asked = retrieval(of=joan, sources=[practice])
    recorded(
        outcome_id=row(asked, practice).id,
        ending=Ending(outcome=outcome, reason=reason_of(reason), item_count=7),
        landed_at=SOON,
        now=NOW + timedelta(seconds=4),
    )
    found = row(asked, practice)
    assert (found.outcome, found.reason) == expected
    assert (found.item_count, found.ended_at) == (0, SOON)


def test_what_ended_together_is_recorded_in_one_statement_each_by_its_own_deadline(
    joan: Any, practice: Source, hospital: Source, django_assert_num_queries: Any
) -> None:
    asked, asked_before = (
        retrieval(of=joan, sources=[practice, hospital]),
        retrieval(of=peter(practice), sources=[practice]),
    )
    ends = {
        row(asked, practice).id: Ending(outcome=Outcome.ANSWERED, item_count=7),
        row(asked, hospital).id: Ending(outcome=Outcome.NOT_ASKED, reason=Reason.RESTING, since=NOW),
        row(asked_before, practice).id: Ending(outcome=Outcome.EMPTY),
    }
    SourceOutcome.objects.filter(retrieval_id=asked_before).update(deadline_at=NOW)
    ended = [Ended(outcome_id=outcome_id, ending=ending, landed_at=SOON) for outcome_id, ending in ends.items()]
    with CaptureQueriesContext(connection) as captured:
        told = operations.record_outcomes(ended=ended, now=SOON)
    assert len(asked_in(captured)) == 2  # and who is told of them
    (answered, resting), late = (row(asked, at) for at in (practice, hospital)), row(asked_before, practice)
    assert (answered.outcome, answered.item_count, answered.ended_at) == (Outcome.ANSWERED, 7, SOON)
    assert (resting.outcome, resting.reason, resting.since_at) == (Outcome.NOT_ASKED, "resting", NOW)
    assert (late.outcome, late.reason) == (Outcome.FAILED, "not-recorded")
    assert sorted(landed.retrieval_id for of_one in told.values() for landed in of_one) == sorted([asked, asked_before])
    assert {landed.done for of_one in told.values() for landed in of_one} == {True}
    assert set(told) <= set(ends)


def test_of_what_ended_together_one_that_had_ended_before_stays_as_it_was(
    joan: Any, practice: Source, hospital: Source
) -> None:
    asked = retrieval(of=joan, sources=[practice, hospital])
    record(row(asked, practice).id, outcome=Outcome.REFUSED)
    told = operations.record_outcomes(
        ended=[
            Ended(outcome_id=row(asked, at).id, ending=Ending(outcome=Outcome.ANSWERED), landed_at=SOON)
            for at in (practice, hospital)
        ],
        now=SOON,
    )
    assert outcomes(asked) == {practice.id: Outcome.REFUSED, hospital.id: Outcome.ANSWERED}
    assert told == {row(asked, hospital).id: (Landed(retrieval_id=asked, done=True),)}


@pytest.mark.django_db(transaction=True)
def test_while_a_row_is_locked_none_of_what_ended_together_is_recorded(
    joan: Any, practice: Source, hospital: Source
) -> None:
    asked = retrieval(of=joan, sources=[practice, hospital])
    ended = [
        Ended(outcome_id=row(asked, at).id, ending=Ending(outcome=Outcome.ANSWERED), landed_at=SOON)
        for at in (practice, hospital)
    ]
    refused: list[str] = []

    def record_all() -> None:
        try:
            operations.record_outcomes(ended=ended, now=SOON)
        except OperationalError as error:
            refused.append(type(error).__name__)
        finally:
            connection.close()

    with transaction.atomic():
        SourceOutcome.objects.select_for_update().get(id=row(asked, hospital).id)
        recording = threading.Thread(target=record_all)
        recording.start()
        recording.join(5)
    assert refused == ["OperationalError"]
    assert outcomes(asked) == {practice.id: None, hospital.id: None}
    record_all()
    assert outcomes(asked) == {practice.id: Outcome.ANSWERED, hospital.id: Outcome.ANSWERED}


def test_a_fault_of_ours_stays_ours_however_late_it_is_recorded(joan: Any, practice: Source) -> None:
    asked = retrieval(of=joan, sources=[practice])
    record(row(asked, practice).id, outcome=Outcome.FAILED, reason="store", now=AFTER)
    assert (row(asked, practice).outcome, row(asked, practice).reason) == ("failed", "store")


def test_a_retrieval_that_could_not_be_run_ends_as_our_fault(joan: Any, practice: Source, hospital: Source) -> None:
    asked = retrieval(of=joan, sources=[practice, hospital])
    record(row(asked, practice).id)
    operations.fail(retrieval_id=asked, reason=Reason.QUEUE, now=SOON)
    assert outcomes(asked) == {practice.id: Outcome.ANSWERED, hospital.id: Outcome.FAILED}
    assert row(asked, hospital).reason == "queue"
    assert Retrieval.objects.get(id=asked).state == RetrievalState.FAILED
    assert operations.start(retrieval_id=asked, now=SOON) is None


def test_the_database_holds_one_outcome_a_source_with_its_time(joan: Any, practice: Source) -> None:
    asked = retrieval(of=joan, sources=[practice])
    values = {"retrieval_id": asked, "source": practice, "flight_key": "other", "deadline_at": NOW}
    with pytest.raises(IntegrityError), transaction.atomic():
        SourceOutcome.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        SourceOutcome.objects.filter(retrieval_id=asked).update(outcome=Outcome.EMPTY)
    with pytest.raises(IntegrityError), transaction.atomic():
        SourceOutcome.objects.filter(retrieval_id=asked).update(ended_at=NOW)


# Joining


def test_the_same_question_in_flight_is_joined_and_both_see_how_it_ends(joan: Any, practice: Source) -> None:
    first = retrieval(of=joan, sources=[practice])
    second = retrieval(of=joan, sources=[practice], now=SOON)
    assert row(second, practice).joins == row(first, practice)
    joined = operations.start(retrieval_id=second, now=SOON)
    assert joined is not None
    assert joined.flights == ()
    assert set(record(row(first, practice).id)) == {
        Landed(retrieval_id=first, done=True),
        Landed(retrieval_id=second, done=True),
    }
    assert outcomes(first) == outcomes(second) == {practice.id: Outcome.ANSWERED}
    assert view(second).sources[0].flight_retrieval_id == first


def test_a_joined_question_has_no_outcome_of_its_own(joan: Any, practice: Source) -> None:
    retrieval(of=joan, sources=[practice])
    second = retrieval(of=joan, sources=[practice], now=SOON)
    assert record(row(second, practice).id) == ()
    with pytest.raises(IntegrityError), transaction.atomic():
        SourceOutcome.objects.filter(retrieval_id=second).update(outcome=Outcome.EMPTY, ended_at=SOON)


def test_a_joined_question_that_fails_fails_for_both(joan: Any, practice: Source) -> None:
    first = retrieval(of=joan, sources=[practice])
    second = retrieval(of=joan, sources=[practice], now=SOON)
    operations.fail(retrieval_id=first, reason=Reason.QUEUE, now=SOON)
    assert outcomes(second) == {practice.id: Outcome.FAILED}


def test_failing_one_that_joined_takes_nothing_from_the_other(joan: Any, practice: Source) -> None:
    first = retrieval(of=joan, sources=[practice])
    second = retrieval(of=joan, sources=[practice], now=SOON)
    operations.fail(retrieval_id=second, reason=Reason.QUEUE, now=SOON)
    assert outcomes(first) == {practice.id: None}
    record(row(first, practice).id)
    assert outcomes(second) == {practice.id: Outcome.ANSWERED}


def test_a_joined_question_ends_by_the_deadline_of_the_flight(joan: Any, practice: Source) -> None:
    asked_all(retrieval(of=joan, sources=[practice]))
    second = retrieval(of=joan, sources=[practice], now=NOW + timedelta(seconds=2))
    assert outcomes(second, now=NOW + timedelta(seconds=3.5)) == {practice.id: Outcome.TIMED_OUT}


def test_a_question_that_has_ended_is_asked_anew(joan: Any, practice: Source) -> None:
    first = retrieval(of=joan, sources=[practice])
    record(row(first, practice).id)
    assert row(retrieval(of=joan, sources=[practice], now=SOON), practice).joins is None


def test_an_answer_that_may_not_serve_others_is_joined_by_its_user_only(joan: Any, practice: Source) -> None:
    who = requester()
    retrieval(of=joan, sources=[practice], by=who, answers_serve_others=False)
    other = retrieval(of=joan, sources=[practice], answers_serve_others=False, now=SOON)
    again = retrieval(of=joan, sources=[practice], by=who, answers_serve_others=False, now=SOON)
    assert row(other, practice).joins is None
    assert row(again, practice).joins is not None


def test_a_question_about_somebody_else_is_another(joan: Any, practice: Source) -> None:
    retrieval(of=joan, sources=[practice])
    assert row(retrieval(of=peter(practice), sources=[practice], now=SOON), practice).joins is None


def test_a_flight_that_a_dead_worker_left_is_closed_and_not_joined(joan: Any, practice: Source) -> None:
    first = asked_all(retrieval(of=joan, sources=[practice]))
    second = retrieval(of=joan, sources=[practice], now=AFTER)
    assert row(first, practice).outcome == Outcome.TIMED_OUT
    assert row(second, practice).joins is None
    assert outcomes(second, now=AFTER) == {practice.id: None}
    assert record(row(first, practice).id, now=AFTER) == ()


@pytest.mark.django_db(transaction=True)
def test_two_that_ask_at_the_same_moment_are_one_flight(practice: Source, hospital: Source, joan: Any) -> None:
    """The second waits for the first to commit, and joins it."""
    written, begun = threading.Event(), threading.Event()
    found: dict[str, UUID] = {}

    def ask_second() -> None:
        written.wait(5)
        begun.set()
        try:
            with transaction.atomic():
                found["second"] = retrieval(of=joan, sources=[practice], now=SOON)
        finally:
            connection.close()

    second = threading.Thread(target=ask_second)
    second.start()
    with transaction.atomic():
        found["first"] = retrieval(of=joan, sources=[practice])
        written.set()
        begun.wait(5)
        second.join(0.2)
        assert "second" not in found
    second.join(5)
    assert row(found["second"], practice).joins == row(found["first"], practice)


# Reading


def test_a_retrieval_that_expired_or_never_was_or_is_another_s_is_none(joan: Any, practice: Source) -> None:
    asked = retrieval(of=joan, sources=[practice])
    row = Retrieval.objects.get(id=asked)

    def is_there(*, now: datetime, retrieval_id: UUID = asked, asker_id: UUID | None = row.asker_id) -> bool:
        return queries.retrieval_view(retrieval_id=retrieval_id, asker_id=asker_id, now=now) is not None

    assert is_there(now=row.expires_at - timedelta(seconds=1))
    assert not is_there(now=row.expires_at)
    assert not is_there(now=NOW, retrieval_id=uuid4())
    assert not is_there(now=NOW, asker_id=uuid4())
    Retrieval.objects.update(asker_id=None)
    assert not is_there(now=NOW, asker_id=None)


def test_the_last_outcome_of_each_source_is_told_and_none_where_it_was_never_asked(
    joan: Any, practice: Source, hospital: Source
) -> None:
    for outcome, now in ((Outcome.REFUSED, NOW), (Outcome.EMPTY, SOON)):
        asked = retrieval(of=joan, sources=[practice], now=now)
        record(row(asked, practice).id, outcome=outcome, now=now)
    assert [(last.source_id, last.ending, last.ended_at) for last in queries.last_outcomes()] == [
        (hospital.id, None, None),
        (practice.id, Ending(outcome=Outcome.EMPTY, item_count=7), SOON),
    ]


def test_a_source_stays_in_a_retrieval_though_its_link_has_ended(joan: Any, practice: Source) -> None:
    asked = retrieval(of=joan, sources=[practice])
    Link.objects.update(ended_at=SOON)
    fan_out = operations.start(retrieval_id=asked, now=SOON)
    assert fan_out is not None
    assert [flight.holdings for flight in fan_out.flights] == [()]
    assert outcomes(asked) == {practice.id: None}


# Held answers


@pytest.fixture
def held_redis() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        yield client


def hold(client: redis.Redis, *, retrieval_id: UUID, at: Source, sealed_for: UUID | None = None) -> HeldAnswer:
    answer = HeldAnswer(
        source_record_id=uuid4(),
        received_at=NOW,
        subject=b"{}",
        items=(item(resource=condition()),),
        quarantined=(),
        notices=(),
    )
    sealer = Sealer(
        master_key=settings.HELD_ITEMS_KEY,
        wrapped_key=Retrieval.objects.get(id=retrieval_id).wrapped_key,
        retrieval_id=retrieval_id,
    )
    blob = sealer.seal(source_id=sealed_for or at.id, answers=(answer,))
    client.set(f"held:{retrieval_id}:{at.id}", blob, px=60_000)
    return answer


def test_what_is_held_is_read_by_the_one_who_asked_and_by_the_one_who_joined(
    joan: Any, practice: Source, hospital: Source, held_redis: redis.Redis
) -> None:
    first = retrieval(of=joan, sources=[practice])
    second = retrieval(of=joan, sources=[practice, hospital], now=SOON)
    answer = hold(held_redis, retrieval_id=first, at=practice)
    record(row(first, practice).id)
    assert queries.held_answers(view=view(first)) == {practice.id: (answer,)}
    assert queries.held_answers(view=view(second)) == {practice.id: (answer,)}


@pytest.mark.parametrize("fault", ["gone", "cut", "emptied", "moved", "altered", "key erased"])
def test_an_answer_that_is_lost_or_broken_is_none_and_never_empty(
    joan: Any, practice: Source, held_redis: redis.Redis, fault: str
) -> None:
    asked = retrieval(of=joan, sources=[practice])
    hold(held_redis, retrieval_id=asked, at=practice, sealed_for=uuid4() if fault == "moved" else None)
    name = f"held:{asked}:{practice.id}"
    blob: bytes = held_redis.get(name) or b""
    if fault == "gone":
        held_redis.delete(name)
    elif fault == "key erased":
        Retrieval.objects.filter(id=asked).update(wrapped_key=b"")
    elif fault != "moved":
        held_redis.set(name, {"cut": blob[:7], "emptied": b"", "altered": blob[:-1] + b"\0"}[fault])
    record(row(asked, practice).id)
    assert queries.held_answers(view=view(asked)) == {practice.id: None}


@pytest.mark.parametrize("outcome", [one for one in Outcome if not one.is_answer])
def test_a_source_that_did_not_answer_has_nothing_held(
    joan: Any, practice: Source, held_redis: redis.Redis, outcome: Outcome
) -> None:
    asked = retrieval(of=joan, sources=[practice])
    hold(held_redis, retrieval_id=asked, at=practice)
    record(row(asked, practice).id, outcome=outcome)
    assert queries.held_answers(view=view(asked)) == {}


def test_an_answer_that_is_held_and_was_never_recorded_is_our_fault(
    joan: Any, practice: Source, held_redis: redis.Redis
) -> None:
    asked = started(retrieval(of=joan, sources=[practice]))
    hold(held_redis, retrieval_id=asked, at=practice)
    (state,) = view(asked, now=AFTER).sources
    assert state.ending == Ending(outcome=Outcome.FAILED, reason=Reason.NOT_RECORDED)
    retrieval(of=joan, sources=[practice], now=AFTER)
    assert row(asked, practice).reason == "not-recorded"


def test_nothing_asked_for_is_nothing_fetched(held_redis: redis.Redis) -> None:
    assert store.get(client=held_redis, retrieval_id=uuid4(), source_ids=[]) == {}
