"""Two people who are one: joined by a human, told apart again, and never half of either."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from aggregator.errors import Invalid, Superseded
from aggregator.mpi import joining, operations, settling
from aggregator.mpi.models import Link, LinkDecision, LinkReview, Person, SourceRecord
from aggregator.mpi.queries import (
    held_by,
    joined_into,
    known_records,
    people_it_may_be,
    people_with_number,
    person_summary,
    remaining,
    review_sides,
    summaries,
    with_decisions,
)
from aggregator.mpi.reviews import Decision, decisions_for
from aggregator.sources.models import Source
from tests.factories import NOW, demographics, identity, load, nhs_number, person_of, source

pytestmark = pytest.mark.django_db

NO_NUMBER = {"nhs_number": "", "nhs_number_status": ""}


def hours(number: float) -> datetime:
    return NOW + timedelta(hours=number)


def record(identifier: str) -> SourceRecord:
    return SourceRecord.objects.get(identifier_value=identifier)


def holder(identifier: str) -> Person:
    return person_of(record=record(identifier))


def doubt(identifier: str) -> LinkReview:
    return LinkReview.objects.get(source_record__identifier_value=identifier, settled_at__isnull=True)


def settle(review_id: UUID, decision: Decision = Decision.JOIN, *, seen: str = "", at: float = 1) -> settling.Settled:
    with transaction.atomic():
        return settling.settle(
            review_id=review_id,
            decision=decision,
            fields=(),
            note="Rang the practice.",
            user_id=None,
            seen=seen,
            now=hours(at),
        )


def take_back(review_id: UUID, *, at: float = 9) -> settling.Settled:
    with transaction.atomic():
        return settling.take_back(review_id=review_id, user_id=None, now=hours(at))


def world() -> dict[str, Any]:
    """Return all that a decision may change, save the rows that it adds."""
    people = list(Person.objects.order_by("id").values_list("id", flat=True))
    return {
        "people": list(Person.objects.order_by("id").values()),
        "links": list(Link.objects.filter(ended_at__isnull=True).order_by("id").values()),
        "reviews": list(LinkReview.objects.order_by("id").values()),
        "held": {each: with_decisions(held=held_by(person_id=each), person_id=each) for each in people},
    }


@pytest.fixture
def practice() -> Source:
    return source(slug="practice")


@pytest.fixture
def halves(practice: Source) -> tuple[Person, Person]:
    """Joan, whom her practice has with a number, and two hospitals without one: the second half is two records."""
    load(at=practice, identities=[identity(identifier="gp")])
    load(at=source(slug="ward"), identities=[identity(identifier="ward", **NO_NUMBER)], now=hours(0.1))
    load(at=source(slug="clinic"), identities=[identity(identifier="clinic", **NO_NUMBER)], now=hours(0.2))
    settle(LinkReview.objects.get(source_record=record("clinic"), person=holder("ward")).id, at=0.5)
    older, younger = holder("gp"), holder("ward")
    assert len(held_by(person_id=younger.id)) == 2
    return older, younger


def test_all_records_of_the_one_who_came_later_go_to_the_one_who_came_first(halves: tuple[Person, Person]) -> None:
    older, younger = halves
    settled = settle(doubt("ward").id)
    assert set(settled.person_ids) == {older.id, younger.id}
    assert [each.identifier_value for each in held_by(person_id=older.id)] == ["clinic", "gp", "ward"]
    assert held_by(person_id=younger.id) == []
    assert remaining(person_id=younger.id) == older.id
    assert remaining(person_id=older.id) == older.id
    # Nothing is changed: each link ended, and another was made, by the decision.
    assert Link.objects.filter(person=younger, ended_at=hours(1)).count() == 2
    assert Link.objects.filter(person=older, decided_at=hours(1), ended_at=None).count() == 2


def test_who_was_joined_to_somebody_is_told_as_them_and_found_no_more(halves: tuple[Person, Person]) -> None:
    older, younger = halves
    settle(doubt("ward").id)
    summary = person_summary(person_id=younger.id)
    assert summary is not None
    assert (summary.person_id, summary.golden.family) == (older.id, "Ferris")
    assert summaries(person_ids=[younger.id])[younger.id].person_id == older.id
    assert [each.person_id for each in people_with_number(nhs_number=nhs_number(index=1))] == [older.id]


def test_every_doubt_about_the_two_is_settled_with_it_and_comes_back(halves: tuple[Person, Person]) -> None:
    older, younger = halves
    waiting = LinkReview.objects.filter(settled_at__isnull=True)
    assert {review.source_record.identifier_value for review in waiting} == {"ward", "clinic"}
    before = world()
    settle(doubt("ward").id)
    assert not waiting.all().exists()
    # It is taken back by either.
    take_back(LinkReview.objects.get(source_record=record("clinic"), person=older).id)
    assert world() == before
    assert remaining(person_id=younger.id) == younger.id


def test_a_join_is_taken_back_to_exactly_what_was(halves: tuple[Person, Person]) -> None:
    before = world()
    review_id = doubt("ward").id
    settle(review_id)
    assert world() != before
    take_back(review_id)
    assert world() == before
    with pytest.raises(Superseded):
        take_back(review_id)
    settle(review_id, at=10)
    assert world() != before


def test_one_can_be_joined_to_somebody_who_is_joined_on_and_all_is_taken_back_in_turn(practice: Source) -> None:
    load(at=practice, identities=[identity(identifier="gp")])
    load(at=source(), identities=[identity(identifier="ward", **NO_NUMBER)], now=hours(0.1))
    load(at=source(), identities=[identity(identifier="clinic", **NO_NUMBER)], now=hours(0.2))
    first, second, third = holder("gp"), holder("ward"), holder("clinic")
    inner = LinkReview.objects.get(source_record=record("clinic"), person=second).id
    outer = LinkReview.objects.get(source_record=record("ward"), person=first).id
    start = world()
    settle(inner, at=1)
    middle = world()
    settle(outer, at=2)
    assert [each.person_id for each in joined_into(person_id=first.id)] == [third.id, second.id]
    assert {remaining(person_id=each.id) for each in (first, second, third)} == {first.id}
    with pytest.raises(Superseded):
        take_back(inner, at=3)
    take_back(outer, at=3)
    assert world() == middle
    take_back(inner, at=4)
    assert world() == start


# What may be joined


@pytest.mark.parametrize("cause", ["same-number", "name-and-birth-date", "verified-number-and-demographics"])
def test_it_is_offered_where_a_rule_found_another_person(cause: str) -> None:
    assert Decision.JOIN in decisions_for(cause=cause, is_still_linked=False)
    assert Decision.JOIN not in decisions_for(cause=cause, is_still_linked=True)


@pytest.mark.parametrize("cause", ["demographics-changed", "answer-about-another", "entry-about-another"])
@pytest.mark.parametrize("is_still_linked", [True, False])
def test_it_is_not_offered_where_the_doubt_is_about_the_linked_person(cause: str, is_still_linked: bool) -> None:
    assert Decision.JOIN not in decisions_for(cause=cause, is_still_linked=is_still_linked)


def test_two_people_with_verified_numbers_that_differ_are_not_joined(practice: Source) -> None:
    load(at=practice, identities=[identity(identifier="gp")])
    load(at=source(), identities=[identity(identifier="ward", **NO_NUMBER)], now=hours(0.1))
    review_id = doubt("ward").id
    assert review_sides(review_id=review_id) is not None
    SourceRecord.objects.filter(identifier_value="ward").update(
        nhs_number_sent=nhs_number(index=7), nhs_number=nhs_number(index=7), nhs_number_status="01"
    )
    sides = review_sides(review_id=review_id)
    assert sides is not None
    assert (sides.against, sides.may_not_join) == (("nhs_number",), True)
    with pytest.raises(Invalid) as refused:
        settle(review_id)
    assert refused.value.code == "verified-numbers"
    assert not LinkDecision.objects.exists()


def test_what_speaks_against_it_is_told_and_does_not_refuse_later_answers(practice: Source) -> None:
    load(at=practice, identities=[identity(identifier="gp", sex="male")])
    load(at=source(), identities=[identity(identifier="ward", **NO_NUMBER)], now=hours(0.1))
    review_id = doubt("ward").id
    sides = review_sides(review_id=review_id)
    assert sides is not None
    assert (sides.against, sides.may_not_join) == (("sex",), False)
    settle(review_id)
    joan = holder("gp")
    held = with_decisions(held=held_by(person_id=joan.id), person_id=joan.id)
    ours, theirs = sorted(held, key=lambda each: each.identifier_value)
    sex = frozenset({"sex"})
    assert [each.accepted for each in known_records(asked=ours, held=[ours, theirs])] == [frozenset(), sex]
    assert [each.accepted for each in known_records(asked=theirs, held=[ours, theirs])] == [sex, frozenset()]
    take_back(review_id)
    held = with_decisions(held=held_by(person_id=joan.id), person_id=joan.id)
    assert [each.taken for each in held] == [frozenset()]


def test_what_was_accepted_of_a_record_s_answers_stays_accepted(practice: Source) -> None:
    load(at=practice, identities=[identity(identifier="gp")])
    load(at=source(), identities=[identity(identifier="ward", **NO_NUMBER)], now=hours(0.1))
    operations.raise_review(
        source_record_id=record("ward").id,
        person_id=holder("ward").id,
        reason="answer-about-another",
        evidence={"sex": "differs"},
        now=NOW,
    )
    accepted = LinkReview.objects.get(reason="answer-about-another")
    settling.settle(
        review_id=accepted.id,
        decision=Decision.ACCEPT_FIELDS,
        fields=("sex",),
        note="Rang.",
        user_id=None,
        seen="",
        now=hours(0.5),
    )
    settle(doubt("ward").id)
    joan = holder("gp")
    held = with_decisions(held=held_by(person_id=joan.id), person_id=joan.id)
    assert {each.identifier_value: each.accepted for each in held} == {"gp": frozenset(), "ward": frozenset({"sex"})}


# What has moved on


def test_a_record_that_came_to_either_since_somebody_looked_is_looked_at_first(
    practice: Source, halves: tuple[Person, Person]
) -> None:
    review = doubt("ward")
    sides = review_sides(review_id=review.id)
    assert sides is not None
    assert [len(sides.own), len(sides.others)] == [1, 1]
    load(at=source(), identities=[identity(identifier="new")], now=hours(0.6))
    with pytest.raises(Superseded):
        settle(review.id, seen=sides.state)
    again = review_sides(review_id=review.id)
    assert again is not None
    settle(review.id, seen=again.state)


def test_it_is_not_taken_back_while_one_of_the_records_is_linked_elsewhere(
    practice: Source, halves: tuple[Person, Person]
) -> None:
    younger = halves[1]
    review_id = doubt("ward").id
    settle(review_id)
    load(at=record("clinic").source, identities=[identity(identifier="clinic", sex="male", **NO_NUMBER)], now=hours(2))
    ended = LinkReview.objects.get(reason="demographics-changed")
    settle(ended.id, Decision.END_LINK, at=3)
    with pytest.raises(Superseded):
        take_back(review_id, at=4)
    take_back(ended.id, at=5)
    take_back(review_id, at=6)
    assert [each.identifier_value for each in held_by(person_id=younger.id)] == ["clinic", "ward"]


def test_a_record_is_not_given_back_to_somebody_who_was_joined_to_another(halves: tuple[Person, Person]) -> None:
    older, younger = halves
    load(at=record("clinic").source, identities=[identity(identifier="clinic", sex="male", **NO_NUMBER)], now=hours(2))
    ended = LinkReview.objects.get(reason="demographics-changed")
    settle(ended.id, Decision.END_LINK, at=3)
    joined = LinkReview.objects.get(source_record=record("ward"), person=older).id
    settle(joined, at=4)
    with pytest.raises(Superseded):
        take_back(ended.id, at=5)
    take_back(joined, at=6)
    take_back(ended.id, at=7)
    assert len(held_by(person_id=younger.id)) == 2


def test_what_was_noted_between_the_two_is_not_opened_again_while_they_are_one(
    halves: tuple[Person, Person],
) -> None:
    older, _ = halves
    noted = LinkReview.objects.get(source_record=record("clinic"), person=older).id
    settle(noted, Decision.NOTED, at=1)
    joined = doubt("ward").id
    settle(joined, at=2)
    with pytest.raises(Superseded):
        take_back(noted, at=3)
    take_back(joined, at=3)
    take_back(noted, at=4)


def test_they_are_not_joined_twice(halves: tuple[Person, Person]) -> None:
    other = LinkReview.objects.get(source_record=record("clinic"), person=halves[0]).id
    settle(doubt("ward").id)
    with pytest.raises(Superseded):
        settle(other)


def test_a_record_that_came_since_stays_and_is_doubted_where_it_may_be_the_other_s(
    practice: Source, halves: tuple[Person, Person]
) -> None:
    older, younger = halves
    review_id = doubt("ward").id
    settle(review_id)
    load(at=source(), identities=[identity(identifier="new")], now=hours(2))
    assert holder("new") == older
    assert not LinkReview.objects.filter(source_record=record("new")).exists()
    take_back(review_id)
    assert holder("new") == older
    assert doubt("new").person == younger
    settle(review_id, at=10)
    assert not LinkReview.objects.filter(settled_at__isnull=True).exists()


# Doubts about third people


def test_a_doubt_of_either_about_somebody_else_is_about_who_remains(practice: Source) -> None:
    load(at=practice, identities=[identity(identifier="gp")])
    load(at=source(), identities=[identity(identifier="ward", **NO_NUMBER)], now=hours(0.1))
    load(at=source(), identities=[identity(identifier="twin", sex="male", **NO_NUMBER)], now=hours(0.2))
    first, second, twin = holder("gp"), holder("ward"), holder("twin")
    assert set(people_it_may_be(person_id=twin.id)) == {first.id, second.id}
    settle(LinkReview.objects.get(source_record=record("ward"), person=first).id)
    assert set(people_it_may_be(person_id=twin.id)) == {first.id}
    about_second = review_sides(review_id=LinkReview.objects.get(source_record=record("twin"), person=second).id)
    assert about_second is not None
    assert about_second.summary.person_id == first.id
    assert len(about_second.others) == 2
    # Nor is it raised again about who remains.
    count = LinkReview.objects.count()
    load(
        at=record("twin").source, identities=[identity(identifier="twin", sex="male", **NO_NUMBER, postcode="TM9 9ZZ")]
    )
    assert LinkReview.objects.count() == count


def test_who_was_certain_of_their_record_is_not_taken_to_be_in_doubt_by_a_join(practice: Source) -> None:
    ward = source()
    load(at=practice, identities=[identity(identifier="twin", given="John", sex="male")])
    load(at=ward, identities=[identity(identifier="gp", nhs_number=nhs_number(index=3))], now=hours(0.1))
    joan = holder("gp")
    # A certain record of hers that has the brother's initial and his home.
    operations.raise_review(
        source_record_id=record("gp").id, person_id=holder("twin").id, reason="same-number", evidence={}, now=NOW
    )
    Link.objects.filter(source_record=record("gp")).update(rule="verified-number-and-demographics")
    assert people_it_may_be(person_id=joan.id) == []
    load(at=source(), identities=[identity(identifier="clinic", **NO_NUMBER)], now=hours(-1))
    Person.objects.filter(id=holder("clinic").id).update(created_at=hours(-1))
    review = LinkReview.objects.get(source_record=record("clinic"), person=joan)
    settle(review.id)
    assert holder("gp") == holder("clinic")
    assert Link.objects.get(source_record=record("gp"), ended_at=None).rule == "joined-by-review"


# Two at one moment


@pytest.mark.django_db(transaction=True)
def test_whoever_joins_waits_for_people_who_are_being_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    load(at=source(slug="practice"), identities=[identity(identifier="gp")])
    load(at=source(slug="ward"), identities=[identity(identifier="ward", **NO_NUMBER)], now=hours(0.1))
    has_loaded, commit = Event(), Event()
    clinic, review_id = source(slug="clinic"), doubt("ward").id

    def loading() -> None:
        try:
            with transaction.atomic():
                operations.load_identities(
                    source=clinic, identities=[identity(identifier="clinic", family="Okoro")], now=hours(0.2)
                )
                has_loaded.set()
                commit.wait(10)
        finally:
            connection.close()

    thread = Thread(target=loading)
    thread.start()
    assert has_loaded.wait(10)
    monkeypatch.setattr(joining, "MOST_WAIT_S", 0.0)
    with pytest.raises(Superseded):
        settle(review_id)
    commit.set()
    thread.join()
    settle(review_id)
    assert len(held_by(person_id=holder("gp").id)) == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_who_join_the_same_people_at_one_moment_the_second_is_told() -> None:
    load(at=source(slug="practice"), identities=[identity(identifier="gp")])
    load(at=source(slug="ward"), identities=[identity(identifier="ward", **NO_NUMBER)], now=hours(0.1))
    load(at=source(slug="clinic"), identities=[identity(identifier="clinic", **NO_NUMBER)], now=hours(0.2))
    first, second = holder("gp"), holder("ward")
    pairs = [
        LinkReview.objects.get(source_record=record("ward"), person=first).id,
        LinkReview.objects.get(source_record=record("clinic"), person=first).id,
        LinkReview.objects.get(source_record=record("clinic"), person=second).id,
    ]
    ended: list[str] = []
    start = Event()

    def joining_by(review_id: UUID) -> None:
        start.wait(10)
        try:
            settle(review_id)
            ended.append("joined")
        except Superseded:
            ended.append("told")
        finally:
            connection.close()

    threads = [Thread(target=joining_by, args=(review_id,)) for review_id in pairs]
    for thread in threads:
        thread.start()
    start.set()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["joined", "joined", "told"]
    assert len(held_by(person_id=first.id)) == 3
    assert Link.objects.filter(ended_at=None).count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_taken_back", [False, True])
def test_whoever_settles_another_doubt_about_the_two_at_that_moment_does_not_wait_in_a_ring(
    is_taken_back: bool,
) -> None:
    load(at=source(slug="practice"), identities=[identity(identifier="gp")])
    load(at=source(slug="ward"), identities=[identity(identifier="ward", **NO_NUMBER)], now=hours(0.1))
    operations.raise_review(
        source_record_id=record("ward").id, person_id=holder("gp").id, reason="same-number", evidence={}, now=NOW
    )
    review_id = LinkReview.objects.get(reason="name-and-birth-date").id
    other_id = LinkReview.objects.get(reason="same-number").id
    if is_taken_back:
        settle(review_id)
    ended: list[str] = []

    def deciding() -> None:
        try:
            take_back(review_id) if is_taken_back else settle(review_id)
            ended.append("done")
        finally:
            connection.close()

    thread = Thread(target=deciding)
    with transaction.atomic():
        LinkReview.objects.select_for_update().get(id=other_id)
        thread.start()
        thread.join(0.4)
        # It waits for the doubt, and has not locked the record that whoever holds the doubt needs next.
        SourceRecord.objects.select_for_update(nowait=True).get(identifier_value="gp")
        SourceRecord.objects.select_for_update(nowait=True).get(identifier_value="ward")
    thread.join()
    assert ended == ["done"]
    assert LinkReview.objects.filter(settled_at__isnull=is_taken_back).count() == 2


def test_a_date_that_differs_is_told(practice: Source) -> None:
    load(at=practice, identities=[identity(identifier="gp", nhs_number_status="")])
    load(at=source(), identities=[identity(identifier="ward", birth_date=date(1951, 5, 5))], now=hours(0.1))
    sides = review_sides(review_id=doubt("ward").id)
    assert sides is not None
    assert "birth_date" in sides.against
    assert demographics().birth_date == date(1951, 5, 4)
