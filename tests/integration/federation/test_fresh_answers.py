"""A fresh answer in whole to the same question is used again, while everything is as it was and it is held."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.db import connection, transaction

from aggregator.accounts.requester import Requester
from aggregator.federation import operations, queries
from aggregator.federation.models import Retrieval, RetrievalState
from aggregator.federation.queries import RetrievalView, last_outcomes, recent_figures
from aggregator.mpi.models import Link, LinkReview, Person, SourceRecord
from aggregator.mpi.operations import note_death
from aggregator.mpi.reviews import Cause
from aggregator.sources.models import FRESH_S, MOST_FRESH_S, Source
from aggregator.sources.operations import put_source, set_enabled
from connectors.contract.outcomes import Outcome
from tests.factories import NOW, identity, load, nhs_number, person, requester, source
from tests.questions import TAKES, ended, lose, opened, planned, row_of

pytestmark = pytest.mark.django_db

SOON = NOW + timedelta(minutes=2)


@pytest.fixture
def hospital() -> Source:
    return source(slug="hospital")


@pytest.fixture
def clinic() -> Source:
    return source(slug="clinic")


@pytest.fixture
def joan(hospital: Source) -> Person:
    return person(at=hospital, identifier="h-1")


@pytest.fixture
def osei() -> Requester:
    return requester()


@pytest.fixture
def first(joan: Person, hospital: Source, osei: Requester) -> UUID:
    """A record that was opened and answered in whole."""
    return ended(opened(of=joan, at=hospital, by=osei, now=NOW), now=NOW)


def view(retrieval_id: UUID, *, now: datetime = SOON) -> RetrievalView:
    asker_id = Retrieval.objects.get(id=retrieval_id).asker_id
    found = queries.retrieval_view(retrieval_id=retrieval_id, asker_id=asker_id, now=now)
    assert found is not None
    return found


def uses(retrieval_id: UUID) -> UUID | None:
    """Return the retrieval whose answer is used, None where the source is asked."""
    row = row_of(retrieval_id)
    return row.joins.retrieval_id if row.joins else None


def test_a_fresh_answer_is_used_again_for_whoever_asks_and_nobody_is_asked(
    first: UUID, joan: Person, hospital: Source
) -> None:
    second = opened(of=joan, at=hospital, by=requester(), now=SOON)
    assert uses(second) == first
    assert Retrieval.objects.get(id=second).state == RetrievalState.FINISHED
    assert operations.start(retrieval_id=second, now=SOON) is None
    (state,) = view(second).sources
    assert (state.is_kept, state.flight_retrieval_id) == (True, first)
    assert state.ending is not None
    assert (state.ending.outcome, state.ended_at) == (Outcome.ANSWERED, NOW + TAKES)
    assert view(second).complete
    assert not view(first).sources[0].is_kept


def test_one_that_joins_a_question_in_flight_keeps_nothing(joan: Person, hospital: Source, osei: Requester) -> None:
    asked = opened(of=joan, at=hospital, by=osei, now=NOW)
    second = opened(of=joan, at=hospital, by=osei, now=NOW + TAKES / 2)
    ended(asked, now=NOW)
    assert uses(second) == asked
    assert not view(second).sources[0].is_kept


@pytest.mark.parametrize(("after_s", "is_used"), [(0, False), (1, True), (FRESH_S, True), (FRESH_S + 1, False)])
def test_it_is_fresh_for_as_long_as_its_source_says_counted_from_when_it_was_asked(
    first: UUID, joan: Person, hospital: Source, osei: Requester, after_s: int, is_used: bool
) -> None:
    later = opened(of=joan, at=hospital, by=osei, now=NOW + timedelta(seconds=after_s))
    assert (uses(later) == first) is is_used


def test_what_is_used_again_is_never_what_was_itself_used_again(
    first: UUID, joan: Person, hospital: Source, osei: Requester
) -> None:
    for minutes in (2, 4):
        assert uses(opened(of=joan, at=hospital, by=osei, now=NOW + timedelta(minutes=minutes))) == first
    assert uses(opened(of=joan, at=hospital, by=osei, now=NOW + timedelta(minutes=6))) is None


def test_a_source_whose_answers_are_never_used_again_is_asked(joan: Person, osei: Requester) -> None:
    never = source(slug="never", freshness_s=0)
    load(at=never, identities=[identity(identifier="n-1")])
    ended(opened(of=joan, at=never, by=osei, now=NOW), now=NOW)
    assert uses(opened(of=joan, at=never, by=osei, now=NOW + TAKES)) is None


@pytest.mark.parametrize("asking", [{"max_age_s": 0}, {"max_age_s": 60}, {"anew": "it"}])
def test_whoever_asks_again_has_it_asked(
    first: UUID, joan: Person, hospital: Source, osei: Requester, asking: dict[str, Any]
) -> None:
    values = {"anew": [hospital.id]} if "anew" in asking else asking
    again = opened(of=joan, at=hospital, by=osei, now=SOON, **values)
    assert uses(again) is None
    assert Retrieval.objects.get(id=again).state == RetrievalState.PLANNED
    # And whoever opens the record meanwhile joins that question: it will know more.
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON + TAKES)) == again


def test_one_may_ask_for_no_older_answer_than_so_and_get_it(
    first: UUID, joan: Person, hospital: Source, osei: Requester
) -> None:
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON, max_age_s=120)) == first


@pytest.mark.parametrize(
    ("outcome", "is_whole"),
    [
        (Outcome.ANSWERED, False),
        (Outcome.ANSWERED_IN_PART, True),
        (Outcome.ANSWERED_IN_PART, False),
        *((other, True) for other in Outcome if not other.is_answer),
    ],
)
def test_only_an_answer_in_whole_is_used_again_and_the_newest_decides(
    first: UUID, joan: Person, hospital: Source, osei: Requester, outcome: Outcome, is_whole: bool
) -> None:
    again = opened(of=joan, at=hospital, by=osei, now=SOON, max_age_s=0)
    ended(again, now=SOON, outcome=outcome, is_whole=is_whole)
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON + 2 * TAKES)) is None


def test_an_empty_answer_is_an_answer(joan: Person, hospital: Source, osei: Requester) -> None:
    first = ended(opened(of=joan, at=hospital, by=osei, now=NOW), now=NOW, outcome=Outcome.EMPTY)
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON)) == first


def test_an_answer_that_may_not_serve_others_serves_its_asker_alone(
    joan: Person, hospital: Source, osei: Requester
) -> None:
    first = ended(opened(of=joan, at=hospital, by=osei, now=NOW, serves_others=False), now=NOW)
    assert uses(opened(of=joan, at=hospital, by=requester(), now=SOON, serves_others=False)) is None
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON, serves_others=False)) == first
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON)) is None


@pytest.mark.parametrize("change", [{"may_ask": False}, {"needs_user": True}, {"enabled": False}])
def test_a_source_that_may_not_be_asked_now_is_not_shown_by_an_older_answer_either(
    first: UUID, joan: Person, hospital: Source, osei: Requester, change: dict[str, bool]
) -> None:
    if "enabled" in change:
        Source.objects.update(enabled=False)
    values = {name: value for name, value in change.items() if name != "enabled"}
    later = opened(of=joan, at=hospital, by=osei, now=SOON, **values)
    assert (uses(later), row_of(later).outcome) == (None, Outcome.NOT_ASKED)


def moved(at: Source, elsewhere: Source) -> None:
    put_source(slug=at.slug, base_url="http://127.0.0.1:10/fhir")


def paused_and_resumed(at: Source, elsewhere: Source) -> None:
    assert set_enabled(source_id=at.id, is_enabled=False)
    assert set_enabled(source_id=at.id, is_enabled=True)


def linked_elsewhere_too(at: Source, elsewhere: Source) -> None:
    load(at=elsewhere, identities=[identity(identifier="c-1")])


def under_another_identifier_too(at: Source, elsewhere: Source) -> None:
    load(at=at, identities=[identity(identifier="h-2")])


def in_doubt(at: Source, elsewhere: Source) -> None:
    record = SourceRecord.objects.get(source=at)
    LinkReview.objects.create(
        source_record=record,
        person_id=record.links.get().person_id,
        reason=Cause.DEMOGRAPHICS_CHANGED,
        raised_at=NOW,
    )


def under_another_name(at: Source, elsewhere: Source) -> None:
    SourceRecord.objects.update(family="Holt")


@pytest.mark.parametrize(
    "change",
    [moved, paused_and_resumed, linked_elsewhere_too, under_another_identifier_too, in_doubt, under_another_name],
)
def test_whatever_has_changed_since_has_the_source_asked(
    first: UUID,
    joan: Person,
    hospital: Source,
    clinic: Source,
    osei: Requester,
    change: Callable[[Source, Source], None],
) -> None:
    change(hospital, clinic)
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON)) is None


def test_a_link_that_has_ended_has_it_asked_and_one_made_anew_just_as_it_was_does_not(
    first: UUID, joan: Person, hospital: Source, osei: Requester
) -> None:
    Link.objects.update(ended_at=SOON)
    (source,) = planned(of=joan, at=hospital, by=osei, now=SOON).sources
    assert source.is_awaited
    Link.objects.update(ended_at=None)
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON)) == first


def test_a_death_that_an_answer_tells_of_does_not_keep_it_from_being_used_again(
    first: UUID, joan: Person, hospital: Source, osei: Requester
) -> None:
    with transaction.atomic():
        note_death(
            source_record_id=SourceRecord.objects.get(source=hospital).id, deceased=True, death_date="2025-05-01"
        )
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON)) == first


def test_what_changed_between_the_plan_and_the_asking_counts_as_it_was_asked(
    joan: Person, hospital: Source, clinic: Source, osei: Requester
) -> None:
    asked = opened(of=joan, at=hospital, by=osei, now=NOW)
    linked_elsewhere_too(hospital, clinic)
    ended(asked, now=NOW)
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON)) == asked


def test_another_person_s_answer_is_another_question(
    first: UUID, joan: Person, hospital: Source, osei: Requester
) -> None:
    peter = person(at=hospital, identifier="h-9", given="Peter", nhs_number=nhs_number(index=9))
    assert uses(opened(of=peter, at=hospital, by=osei, now=SOON)) is None


# Being held


def test_an_answer_that_is_no_longer_held_is_not_counted_on(
    first: UUID, joan: Person, hospital: Source, osei: Requester
) -> None:
    lose(row_of(first))
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON)) is None


def test_while_redis_is_away_every_source_is_asked(
    first: UUID, joan: Person, hospital: Source, osei: Requester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> set[Any]:
        raise redis.ConnectionError

    monkeypatch.setattr("aggregator.federation.queries.store.which_are_held", away)
    assert uses(opened(of=joan, at=hospital, by=osei, now=SOON)) is None


def test_a_record_ends_when_the_first_answer_does_that_it_shares(
    first: UUID, joan: Person, hospital: Source, osei: Requester
) -> None:
    second = Retrieval.objects.get(id=opened(of=joan, at=hospital, by=osei, now=SOON))
    assert second.expires_at == Retrieval.objects.get(id=first).expires_at
    assert second.expires_at - SOON == timedelta(seconds=settings.RETRIEVAL_RETENTION_S) - (SOON - NOW)


def test_so_does_one_that_joins_a_question_in_flight(joan: Person, hospital: Source, osei: Requester) -> None:
    asked = Retrieval.objects.get(id=opened(of=joan, at=hospital, by=osei, now=NOW))
    second = Retrieval.objects.get(id=opened(of=joan, at=hospital, by=osei, now=NOW + TAKES))
    assert second.expires_at == asked.expires_at == NOW + timedelta(seconds=settings.RETRIEVAL_RETENTION_S)


@pytest.mark.parametrize(("share", "is_used"), [(0.49, False), (0.51, True)])
def test_an_answer_that_is_soon_gone_is_not_used_again(
    first: UUID, joan: Person, hospital: Source, osei: Requester, share: float, is_used: bool
) -> None:
    left = timedelta(seconds=share * settings.RETRIEVAL_RETENTION_S)
    Retrieval.objects.filter(id=first).update(expires_at=SOON + left)
    assert (uses(opened(of=joan, at=hospital, by=osei, now=SOON)) == first) is is_used


def test_the_longest_that_a_source_may_say_leaves_half_of_the_time_to_read() -> None:
    assert settings.RETRIEVAL_RETENTION_S / 2 >= MOST_FRESH_S


# What is counted of a source


def test_an_answer_that_is_used_again_counts_once_for_its_source(
    first: UUID, joan: Person, hospital: Source, osei: Requester
) -> None:
    for _ in range(3):
        opened(of=joan, at=hospital, by=osei, now=SOON)
    figures = recent_figures(sources={hospital.id: None}, since=NOW - timedelta(hours=1))
    assert (figures[hospital.id].requests, figures[hospital.id].answered) == (1, 1)
    (last,) = last_outcomes()
    assert last.ended_at == NOW + TAKES


# Two at once


@pytest.mark.django_db(transaction=True)
def test_two_that_open_a_record_at_the_same_moment_are_both_right(
    hospital: Source, joan: Person, osei: Requester
) -> None:
    first = ended(opened(of=joan, at=hospital, by=osei, now=NOW), now=NOW)
    barrier, found = threading.Barrier(4), []

    def open_it(asking: dict[str, Any]) -> None:
        barrier.wait(5)
        try:
            with transaction.atomic():
                found.append((asking, opened(of=joan, at=hospital, by=osei, now=SOON, **asking)))
        finally:
            connection.close()

    threads = [threading.Thread(target=open_it, args=({"max_age_s": 0} if n % 2 else {},)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 4
    asked = [retrieval_id for _, retrieval_id in found if uses(retrieval_id) is None]
    assert len(asked) == 1, "of those who ask again one asks, and the others join it"
    for asking, retrieval_id in found:
        assert uses(retrieval_id) in ({None, asked[0]} if asking else {None, asked[0], first})
