"""Settling a doubt, each way that its cause allows, and taking it back to exactly what was before."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import Superseded
from aggregator.mpi import settling
from aggregator.mpi.models import Link, LinkDecision, LinkReview, Person, SourceRecord
from aggregator.mpi.operations import raise_review
from aggregator.mpi.queries import held_by, known_records, people_with_number, review_sides, with_decisions
from aggregator.mpi.reviews import Decision, decisions_for
from aggregator.sources.models import Source
from tests import proofs
from tests.factories import NOW, STRANGER, identity, load, nhs_number, person, person_of, source

pytestmark = pytest.mark.django_db

LATER, AFTER = NOW + timedelta(days=1), NOW + timedelta(days=2)


@pytest.fixture
def practice() -> Source:
    return source(slug="practice")


@pytest.fixture
def joan(practice: Source) -> Person:
    """Joan, held by her practice and by a hospital."""
    ours = person(at=practice, identifier="1")
    load(at=source(slug="hospital"), identities=[identity(identifier="9")])
    return ours


def record(identifier: str = "1") -> SourceRecord:
    return SourceRecord.objects.get(identifier_value=identifier)


def doubt(*, cause: str, of: Person, practice: Source) -> UUID:
    """Raise one doubt of a cause about Joan's record at her practice."""
    if cause == "demographics-changed":
        load(at=practice, identities=[identity(identifier="1", **STRANGER)], now=LATER)
    elif cause == "same-number":
        load(at=practice, identities=[identity(identifier="2", sex="male", given="Peter")], now=LATER)
    else:
        evidence = {"birth_date": "differs", "sex": "differs"}
        raise_review(source_record_id=record().id, person_id=of.id, reason=cause, evidence=evidence, now=LATER)
    return LinkReview.objects.get(reason=cause).id


def settle(
    review_id: UUID, decision: Decision, *, fields: tuple[str, ...] = (), seen: str = "", now: datetime = AFTER
) -> settling.Settled:
    return settling.settle(
        review_id=review_id,
        decision=decision,
        fields=fields,
        note="Rang the practice.",
        user_id=None,
        seen=seen,
        now=now,
    )


def world() -> dict[str, Any]:
    """Return everything that a decision may change, save the rows that it adds."""
    people = [link.person_id for link in Link.objects.filter(ended_at__isnull=True)]
    return {
        "records": list(SourceRecord.objects.order_by("id").values()),
        "links": list(Link.objects.filter(ended_at__isnull=True).order_by("id").values()),
        "people": list(Person.objects.filter(id__in=people).order_by("id").values()),
        "reviews": list(LinkReview.objects.order_by("id").values()),
        "held": {one: with_decisions(held=held_by(person_id=one), person_id=one) for one in people},
    }


WAYS = [
    (cause, decision)
    for cause in ("demographics-changed", "answer-about-another", "entry-about-another", "same-number")
    for decision in decisions_for(cause=cause, is_still_linked=True)
]


@pytest.mark.parametrize(("cause", "decision"), WAYS)
def test_taking_back_restores_exactly_what_was(practice: Source, joan: Person, cause: str, decision: Decision) -> None:
    review_id = doubt(cause=cause, of=joan, practice=practice)
    before = world()
    settle(review_id, decision, fields=("sex",) if decision is Decision.ACCEPT_FIELDS else ())
    assert LinkReview.objects.get(id=review_id).settled_at == AFTER
    settling.take_back(review_id=review_id, user_id=None, now=AFTER)
    assert world() == before
    (decided,) = LinkDecision.objects.all()
    assert (decided.note, decided.ended_at) == ("Rang the practice.", AFTER)


@pytest.mark.parametrize(("cause", "decision"), WAYS)
def test_it_can_be_settled_again_after_it_was_taken_back_but_not_before(
    practice: Source, joan: Person, cause: str, decision: Decision
) -> None:
    review_id = doubt(cause=cause, of=joan, practice=practice)
    fields = ("sex",) if decision is Decision.ACCEPT_FIELDS else ()
    settle(review_id, decision, fields=fields)
    with pytest.raises(Superseded):
        settle(review_id, decision, fields=fields)
    settling.take_back(review_id=review_id, user_id=None, now=AFTER)
    with pytest.raises(Superseded):
        settling.take_back(review_id=review_id, user_id=None, now=AFTER)
    settle(review_id, decision, fields=fields)
    assert LinkDecision.objects.count() == 2


def test_new_values_are_taken_and_the_record_is_out_of_doubt(practice: Source, joan: Person) -> None:
    settle(doubt(cause="demographics-changed", of=joan, practice=practice), Decision.TAKE_NEW_VALUES)
    assert person_of(record=record()) == joan
    assert (record().family, record().birth_date) == ("Okoro", date(1980, 1, 1))
    held = with_decisions(held=held_by(person_id=joan.id), person_id=joan.id)
    assert not any(one.in_doubt for one in held)
    # Its answers may differ from the hospital's record now, and the hospital's from it; not each from its own.
    ours, theirs = sorted(held, key=lambda one: one.source_record_id != record().id)
    fields = frozenset({"nhs_number", "birth_date", "sex", "name"})
    assert [one.accepted for one in known_records(asked=ours, held=[ours, theirs])] == [frozenset(), fields]
    assert [one.accepted for one in known_records(asked=theirs, held=[ours, theirs])] == [fields, frozenset()]
    # And the same values once more are nothing new.
    assert load(at=practice, identities=[identity(identifier="1", **STRANGER)], now=AFTER).reviews == 0


def test_what_the_new_values_lack_is_kept_when_they_are_taken_and_not_given_to_somebody_else(
    practice: Source, joan: Person
) -> None:
    bare = {"nhs_number": "", "postcode": "", "address_line": "", "phone": "", "given": "Peter", "family": "Okoro"}
    load(at=practice, identities=[identity(identifier="1", **bare)], now=LATER)
    review_id = LinkReview.objects.get().id
    settle(review_id, Decision.TAKE_NEW_VALUES)
    assert (record().nhs_number, record().phone) == (nhs_number(index=1), "01632 960001")
    settling.take_back(review_id=review_id, user_id=None, now=AFTER)
    settle(review_id, Decision.END_LINK)
    assert (record().nhs_number, record().phone, record().family) == ("", "", "Okoro")


def test_a_record_whose_link_is_ended_gets_a_person_of_its_own(practice: Source, joan: Person) -> None:
    settled = settle(doubt(cause="demographics-changed", of=joan, practice=practice), Decision.END_LINK)
    theirs = person_of(record=record())
    assert (theirs.id, settled.left_person_id) == (settled.new_person_id, joan.id)
    assert (theirs.family, theirs.nhs_number) == ("Okoro", nhs_number(index=2))
    assert [one.person_id for one in people_with_number(nhs_number=nhs_number(index=2))] == [theirs.id]
    assert [one.identifier_value for one in held_by(person_id=joan.id)] == ["9"]
    assert Link.objects.filter(source_record=record()).count() == 2


def test_a_record_that_stands_alone_already_is_left_where_it_is(practice: Source, joan: Person) -> None:
    review_id = doubt(cause="same-number", of=joan, practice=practice)
    before = Link.objects.get(source_record=record("2"), ended_at__isnull=True)
    assert settle(review_id, Decision.END_LINK).new_person_id is None
    assert Link.objects.get(source_record=record("2"), ended_at__isnull=True) == before


def test_what_was_noted_is_not_raised_again_for_the_same_evidence(practice: Source, joan: Person) -> None:
    review_id = doubt(cause="entry-about-another", of=joan, practice=practice)
    values = {"source_record_id": record().id, "person_id": joan.id, "reason": "entry-about-another", "now": AFTER}
    settle(review_id, Decision.NOTED)
    raise_review(**values, evidence={"sex": "differs", "birth_date": "differs"})
    assert LinkReview.objects.count() == 1
    raise_review(**values, evidence={"sex": "differs"})
    assert LinkReview.objects.count() == 2


def test_accepted_fields_hold_for_the_record_s_own_answers_until_taken_back(practice: Source, joan: Person) -> None:
    review_id = doubt(cause="answer-about-another", of=joan, practice=practice)
    settle(review_id, Decision.ACCEPT_FIELDS, fields=("birth_date",))

    def accepted() -> dict[str, frozenset[str]]:
        held = with_decisions(held=held_by(person_id=joan.id), person_id=joan.id)
        return {
            asked.identifier_value: frozenset.intersection(
                *(known.accepted for known in known_records(asked=asked, held=held))
            )
            for asked in held
        }

    assert accepted() == {"1": frozenset({"birth_date"}), "9": frozenset()}
    settling.take_back(review_id=review_id, user_id=None, now=AFTER)
    assert accepted() == {"1": frozenset(), "9": frozenset()}


# What has moved on


def test_a_decision_about_something_that_has_changed_since_is_refused(practice: Source, joan: Person) -> None:
    review_id = doubt(cause="demographics-changed", of=joan, practice=practice)
    sides = review_sides(review_id=review_id)
    assert sides is not None
    load(at=practice, identities=[identity(identifier="1", **{**STRANGER, "given": "Paul"})], now=LATER)
    with pytest.raises(Superseded):
        settle(review_id, Decision.TAKE_NEW_VALUES, seen=sides.state)
    changed = review_sides(review_id=review_id)
    assert changed is not None
    settle(review_id, Decision.TAKE_NEW_VALUES, seen=changed.state)


@pytest.mark.parametrize("cause", ["answer-about-another", "entry-about-another"])
def test_a_link_that_another_decision_ended_cannot_be_ended_again(practice: Source, joan: Person, cause: str) -> None:
    first = doubt(cause="demographics-changed", of=joan, practice=practice)
    second = doubt(cause=cause, of=joan, practice=practice)
    settle(first, Decision.END_LINK)
    with pytest.raises(Superseded):
        settle(second, Decision.END_LINK)
    assert decisions_for(cause=cause, is_still_linked=False) == (Decision.NOTED,)
    settle(second, Decision.NOTED)


def test_decisions_on_one_record_are_taken_back_in_the_order_that_they_stand_on_each_other(
    practice: Source, joan: Person
) -> None:
    first = doubt(cause="demographics-changed", of=joan, practice=practice)
    second = doubt(cause="answer-about-another", of=joan, practice=practice)
    before = world()
    settle(first, Decision.TAKE_NEW_VALUES)
    settle(second, Decision.END_LINK)
    settling.take_back(review_id=second, user_id=None, now=AFTER)
    settling.take_back(review_id=first, user_id=None, now=AFTER)
    assert world() == before


def test_a_newer_doubt_is_taken_into_the_one_that_is_opened_again(practice: Source, joan: Person) -> None:
    first = doubt(cause="demographics-changed", of=joan, practice=practice)
    settle(first, Decision.TAKE_NEW_VALUES)
    load(at=practice, identities=[identity(identifier="1", **{**STRANGER, "sex": "female"})], now=AFTER)
    settling.take_back(review_id=first, user_id=None, now=AFTER)
    review = LinkReview.objects.get()
    assert (review.id, review.settled_at, review.proposed["sex"]) == (first, None, "female")
    assert record().family == "Ferris"


def test_a_newer_doubt_with_a_history_of_its_own_is_settled_first(practice: Source, joan: Person) -> None:
    first = doubt(cause="demographics-changed", of=joan, practice=practice)
    settle(first, Decision.TAKE_NEW_VALUES)
    load(at=practice, identities=[identity(identifier="1")], now=AFTER)
    second = LinkReview.objects.get(settled_at__isnull=True).id
    settle(second, Decision.TAKE_NEW_VALUES, now=AFTER + timedelta(hours=1))
    with pytest.raises(Superseded):
        settling.take_back(review_id=first, user_id=None, now=AFTER)
    settling.take_back(review_id=second, user_id=None, now=AFTER)
    with pytest.raises(Superseded):
        settling.take_back(review_id=first, user_id=None, now=AFTER)


def test_what_the_source_said_since_is_not_lost_when_a_decision_is_taken_back(practice: Source, joan: Person) -> None:
    review_id = doubt(cause="demographics-changed", of=joan, practice=practice)
    settle(review_id, Decision.TAKE_NEW_VALUES)
    load(at=practice, identities=[identity(identifier="1", **STRANGER, phone="7")], now=AFTER)
    settling.take_back(review_id=review_id, user_id=None, now=AFTER)
    review = LinkReview.objects.get(id=review_id)
    assert (record().family, record().phone, review.proposed["phone"]) == ("Ferris", "01632 960001", "7")


# Histories


@proofs.laws(examples=25)
@given(choices=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=6))
def test_any_row_of_decisions_taken_back_in_turn_leaves_everything_as_it_was(
    choices: list[tuple[int, int]],
) -> None:
    with transaction.atomic():
        practice = source()
        ours = person(at=practice, identifier="1")
        load(at=source(), identities=[identity(identifier="9")])
        causes = ("demographics-changed", "answer-about-another", "same-number")
        reviews = [doubt(cause=cause, of=ours, practice=practice) for cause in causes]
        before = world()
        stands: list[UUID] = []
        for which, way in choices:
            decision = decisions_for(cause=causes[which], is_still_linked=True)[way]
            fields = ("sex",) if decision is Decision.ACCEPT_FIELDS else ()
            try:
                with transaction.atomic():
                    settle(reviews[which], decision, fields=fields)
                stands.append(reviews[which])
            except Superseded:
                continue
        assert stands
        for review_id in reversed(stands):
            settling.take_back(review_id=review_id, user_id=None, now=AFTER)
        assert world() == before
        transaction.set_rollback(True)
