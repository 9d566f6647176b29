"""Whoever loads people and whoever settles a doubt about one of them at that moment do not wait in a ring."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction

from aggregator.errors import Superseded
from aggregator.mpi import joining, settling
from aggregator.mpi.models import LinkReview, Person, SourceRecord
from aggregator.mpi.operations import note_death, note_restriction, raise_review, rebuild_golden
from aggregator.mpi.reviews import Decision
from tests.factories import NOW, identity, load, person, person_of, source

pytestmark = pytest.mark.django_db(transaction=True)

LONGEST_WAIT_S = 10.0
JOAN, SOMEBODY_ELSE = {"identifier": "gp"}, {"identifier": "gp", "family": "Okoro", "given": "Ada"}


class Meanwhile:
    """What another connection does; `ending` is "done", or the class of the error that ended it."""

    def __init__(self, work: Callable[[], object], /) -> None:
        self._work, self.ending = work, ""
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '20s'")
            self._work()
            self.ending = "done"
        except Exception as error:  # noqa: BLE001  which the test looks at
            self.ending = type(error).__name__
        finally:
            connection.close()

    def join(self) -> str:
        self._thread.join(LONGEST_WAIT_S)
        return self.ending


def wait_until_one_waits() -> None:
    """Wait until another connection waits for a lock of this one."""
    until = time.monotonic() + LONGEST_WAIT_S
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("Nobody waits.")


def changed() -> LinkReview:
    """Return the open doubt about a record whose source says that it is somebody else's now."""
    practice = source(slug="practice")
    load(at=practice, identities=[identity(**JOAN)])
    load(at=practice, identities=[identity(**SOMEBODY_ELSE)])
    return LinkReview.objects.get(reason="demographics-changed", settled_at=None)


def settle(review: LinkReview, decision: Decision = Decision.NOTED) -> None:
    with transaction.atomic():
        settling.settle(review_id=review.id, decision=decision, fields=(), note="So.", user_id=None, seen="", now=NOW)


def two_who_may_be_one() -> LinkReview:
    """Return the doubt about a ward's record that may be that of the practice's patient."""
    load(at=source(slug="practice"), identities=[identity(identifier="gp")])
    load(at=source(slug="ward"), identities=[identity(identifier="ward", nhs_number="")], now=NOW + timedelta(hours=1))
    return LinkReview.objects.get(source_record__identifier_value="ward")


@pytest.mark.parametrize("is_settled", [False, True])
def test_a_load_locks_the_doubts_about_its_records_before_them(is_settled: bool) -> None:
    review = changed()
    if is_settled:
        settle(review)
    with transaction.atomic():  # as whoever settles the doubt, or takes its decision back
        LinkReview.objects.select_for_update().get(id=review.id)
        loading = Meanwhile(lambda: load(at=review.source_record.source, identities=[identity(**SOMEBODY_ELSE)]))
        wait_until_one_waits()
        SourceRecord.objects.select_for_update(nowait=True).get(id=review.source_record_id)
    assert loading.join() == "done"


def test_a_decision_is_not_taken_back_while_a_newer_doubt_is_being_settled() -> None:
    older = changed()
    settle(older)
    load(at=older.source_record.source, identities=[identity(**SOMEBODY_ELSE)])
    newer = LinkReview.objects.get(reason="demographics-changed", settled_at=None)

    def take_back() -> None:
        with transaction.atomic():
            settling.take_back(review_id=older.id, user_id=None, now=NOW)

    with transaction.atomic():  # as whoever settles the newer doubt
        LinkReview.objects.select_for_update().get(id=newer.id)
        taking_back = Meanwhile(take_back)
        assert taking_back.join() == Superseded.__name__
        SourceRecord.objects.select_for_update(nowait=True).get(id=newer.source_record_id)
    take_back()


def test_a_doubt_that_names_somebody_is_raised_while_their_golden_record_is_derived() -> None:
    for slug in ("practice", "ward"):
        load(at=source(slug=slug), identities=[identity(identifier=slug, family=slug, nhs_number="")])
    left, right = (SourceRecord.objects.get(identifier_value=slug) for slug in ("practice", "ward"))
    people = {record.id: person_of(record=record).id for record in (left, right)}

    def doubt(about: SourceRecord, of: SourceRecord) -> None:
        raise_review(source_record_id=about.id, person_id=people[of.id], reason="same-number", evidence={}, now=NOW)

    with transaction.atomic():
        rebuild_golden(person_ids=[people[left.id]])
        raising = Meanwhile(lambda: doubt(right, left))
        assert raising.join() == "done"
        doubt(left, right)


def test_a_doubt_about_an_answer_is_raised_while_its_record_is_being_loaded() -> None:
    practice = source(slug="practice")
    load(at=practice, identities=[identity(**JOAN)])
    record = SourceRecord.objects.get()
    with transaction.atomic():
        load(at=practice, identities=[identity(**JOAN, phone="01632 960009")])
        raising = Meanwhile(
            lambda: raise_review(
                source_record_id=record.id,
                person_id=person_of(record=record).id,
                reason="answer-about-another",
                evidence={"sex": "differs"},
                now=NOW,
            )
        )
        assert raising.join() == "done"
    assert LinkReview.objects.get().reason == "answer-about-another"


@pytest.mark.parametrize(
    ("note", "says"),
    [
        (partial(note_death, deceased=True, death_date="2024"), {"deceased": True, "death_date": "2024"}),
        (partial(note_restriction, restricts=True), {"is_whereabouts_restricted": True}),
    ],
)
def test_what_an_answer_says_reaches_the_golden_record_though_it_was_locked_at_first(
    note: Callable[..., None], says: dict[str, object]
) -> None:
    joan = person(at=source(slug="practice"))
    record = SourceRecord.objects.get()

    def note_at_once() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        note(source_record_id=record.id)

    with transaction.atomic():  # as a load that has derived the golden record, and goes on
        rebuild_golden(person_ids=[joan.id])
        assert Meanwhile(note_at_once).join() == OperationalError.__name__
    # It is tried again, and the record says so already.
    note(source_record_id=record.id)
    joan.refresh_from_db()
    assert {name: getattr(joan, name) for name in says} == says
    with transaction.atomic():
        rebuild_golden(person_ids=[joan.id])
        assert Meanwhile(note_at_once).join() == "done"


@pytest.mark.parametrize("is_reopened", [False, True])
def test_a_doubt_that_comes_while_two_are_being_joined_is_not_waited_for(
    is_reopened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = two_who_may_be_one()
    practice_record = SourceRecord.objects.get(identifier_value="gp")
    at_records, go_on, lock_records = Event(), Event(), joining.lock_records_of

    def doubt_between() -> LinkReview:
        """Return an open doubt about the other record, which names the ward's person."""
        ward_person = person_of(record=review.source_record)
        raise_review(
            source_record_id=practice_record.id, person_id=ward_person.id, reason="same-number", evidence={}, now=NOW
        )
        return LinkReview.objects.get(source_record=practice_record, settled_at=None)

    def pause_before_records(*, person_ids: Iterable[UUID]) -> None:
        at_records.set()
        go_on.wait(LONGEST_WAIT_S)
        lock_records(person_ids=person_ids)

    if is_reopened:
        settle(doubt_between())
    monkeypatch.setattr(joining, "lock_records_of", pause_before_records)
    joining_both = Meanwhile(lambda: settle(review, Decision.JOIN))
    assert at_records.wait(LONGEST_WAIT_S)
    # The doubts between the two have been locked.
    if is_reopened:
        noted = LinkReview.objects.get(source_record=practice_record)
        with transaction.atomic():
            settling.take_back(review_id=noted.id, user_id=None, now=NOW)
    else:
        noted = doubt_between()
    with transaction.atomic():  # as whoever settles that one: first the doubt, then its record
        LinkReview.objects.select_for_update().get(id=noted.id)
        go_on.set()
        assert joining_both.join() == Superseded.__name__
        SourceRecord.objects.select_for_update(nowait=True).get(id=practice_record.id)
    assert Person.objects.filter(joined_to=None).count() == 2
    settle(review, Decision.JOIN)
    assert not LinkReview.objects.filter(settled_at=None).exists()
