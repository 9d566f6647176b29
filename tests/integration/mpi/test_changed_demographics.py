"""A local identifier that a source gives to somebody else: what it said before stays in force until a human decides."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from aggregator.mpi.models import LinkReview, Person, SourceRecord
from aggregator.mpi.operations import note_death
from aggregator.mpi.queries import held_by, people_with_name, people_with_number, person_summary
from aggregator.sources.models import Source
from tests.factories import NOW, STRANGER, identity, load, nhs_number, person, person_of, source

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=1)
BORN = date(1951, 5, 4)


@pytest.fixture
def practice() -> Source:
    return source(slug="practice")


@pytest.fixture
def joan(practice: Source) -> Person:
    return person(at=practice, identifier="1")


def send(at: Source, **values: Any) -> int:
    return load(at=at, identities=[identity(identifier="1", **values)], now=LATER).reviews


def open_reviews() -> list[LinkReview]:
    return list(LinkReview.objects.filter(settled_at__isnull=True, reason="demographics-changed"))


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"nhs_number": nhs_number(index=2)}, {"nhs_number"}),
        ({"birth_date": date(1951, 4, 5)}, {"birth_date"}),
        ({"sex": "male"}, {"sex"}),
        ({"family": "Okoro", "given": "Peter"}, {"name"}),
        ({"given": "Jean", "nhs_number": ""}, {"given"}),
        ({"given": "Jean", "nhs_number": "9990001007"}, {"given"}),
        (STRANGER, {"nhs_number", "birth_date", "sex", "name"}),
    ],
)
def test_what_was_said_before_stays_in_force(
    practice: Source, joan: Person, sent: dict[str, Any], fields: set[str]
) -> None:
    before = SourceRecord.objects.values().get()
    assert send(practice, **sent) == 1
    assert SourceRecord.objects.values().get() == before
    (review,) = open_reviews()
    assert set(review.evidence) == fields
    assert {"Okoro", "Peter", "9990000026"}.isdisjoint(str(review.evidence).split("'"))
    assert person_of(record=SourceRecord.objects.get()) == joan


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"postcode": "TM9 9ZZ", "address_line": "7 High Street", "phone": "2"},
        {"family": "Married"},
        {"given": "Jean"},  # under the same number
        {"given": "Joan Mary"},
        {"given": "J", "nhs_number": ""},
        {"family": "", "given": "", "birth_date": None, "nhs_number": "", "sex": ""},
        {"nhs_number": "9990001007"},
        {"sex": "other"},
        {"deceased": True, "death_date": "2024"},
    ],
)
def test_what_does_not_say_another_person_raises_nothing(practice: Source, joan: Person, sent: dict[str, Any]) -> None:
    assert send(practice, **sent) == 0
    assert open_reviews() == []
    assert [held.in_doubt for held in held_by(person_id=joan.id)] == [False]


ROUTES: dict[str, list[dict[str, Any]]] = {
    "the birth date away, then another": [{"birth_date": None}, {"birth_date": date(1980, 1, 1)}],
    "the number away, then another": [{"nhs_number": ""}, {"nhs_number": nhs_number(index=2)}],
    "an invalid number, then another": [{"nhs_number": "9990001007"}, {"nhs_number": nhs_number(index=2)}],
    "the sex away, then the other": [{"sex": ""}, {"sex": "male"}],
    "an unknown sex, then the other": [{"sex": "unknown"}, {"sex": "male"}],
    "another gender, then the other sex": [{"sex": "other"}, {"sex": "male"}],
    "the first name away, then another": [{"given": "", "nhs_number": ""}, {"given": "Mary", "nhs_number": ""}],
    "an initial, then another name of it": [{"given": "J", "nhs_number": ""}, {"given": "Jane", "nhs_number": ""}],
    "one name after the other": [{"family": "Okoro"}, {"family": "Okoro", "given": "Peter"}],
    "one name after the other, the other way": [{"given": "Mary"}, {"family": "Okoro", "given": "Mary"}],
    "everything away, then a stranger": [
        {"family": "", "given": "", "birth_date": None, "nhs_number": "", "sex": ""},
        STRANGER,
    ],
}


@pytest.mark.parametrize("route", ROUTES)
def test_no_row_of_small_steps_leads_to_another_person(practice: Source, joan: Person, route: str) -> None:
    *before, last = ROUTES[route]
    for step in before:
        assert send(practice, **step) == 0
    assert send(practice, **last) == 1
    assert [held.in_doubt for held in held_by(person_id=joan.id)] == [True]


def test_a_placeholder_is_not_what_was_said_first(practice: Source) -> None:
    person(at=practice, identifier="1", given="Baby")
    assert send(practice, given="Joan") == 0
    assert send(practice, given="Joan", family="Married") == 0


def test_a_record_in_doubt_is_not_searched_and_no_part_of_the_golden_record(practice: Source, joan: Person) -> None:
    send(practice, **STRANGER)
    for number in (nhs_number(index=1), nhs_number(index=2)):
        assert people_with_number(nhs_number=number) == []
    assert people_with_name(family="Ferris", given="", birth_date=BORN) == []
    assert people_with_name(family="Okoro", given="", birth_date=date(1980, 1, 1)) == []
    summary = person_summary(person_id=joan.id)
    assert summary is not None
    assert (summary.golden.family, summary.golden.nhs_number, summary.golden.birth_date) == ("", "", None)


def test_another_record_of_the_person_is_still_searched_and_golden(practice: Source, joan: Person) -> None:
    hospital = source(slug="hospital", rank=900)
    load(at=hospital, identities=[identity(identifier="9", family="Married")])
    send(practice, **STRANGER)
    assert [one.person_id for one in people_with_number(nhs_number=nhs_number(index=1))] == [joan.id]
    assert people_with_name(family="Ferris", given="", birth_date=BORN) == []
    summary = person_summary(person_id=joan.id)
    assert summary is not None
    assert summary.golden.family == "Married"


def test_the_same_proposal_again_is_nothing_new_and_another_takes_its_place(practice: Source, joan: Person) -> None:
    assert send(practice, **STRANGER) == 1
    assert send(practice, **STRANGER) == 0
    (review,) = open_reviews()
    assert review.proposed["family"] == "Okoro"
    assert send(practice, **{**STRANGER, "family": "Adams", "sex": "female"}) == 0
    (replaced,) = open_reviews()
    assert (replaced.id, replaced.proposed["family"], "sex" in replaced.evidence) == (review.id, "Adams", False)
    assert send(practice) == 0  # as it was before: a human decides all the same
    (withdrawn,) = open_reviews()
    assert (withdrawn.id, withdrawn.proposed["family"]) == (review.id, "Ferris")
    assert [held.in_doubt for held in held_by(person_id=joan.id)] == [True]


def test_nobody_is_linked_by_the_doubtful_values(practice: Source, joan: Person) -> None:
    send(practice, **STRANGER)
    hospital = source(slug="hospital")
    load(at=hospital, identities=[identity(identifier="9", **STRANGER), identity(identifier="8")])
    stranger = person_of(record=SourceRecord.objects.get(identifier_value="9"))
    assert stranger != joan
    assert person_of(record=SourceRecord.objects.get(identifier_value="8")) == joan


def test_two_identifiers_in_one_batch_are_judged_each_by_itself(practice: Source, joan: Person) -> None:
    load(at=practice, identities=[identity(identifier="2")])
    load(
        at=practice,
        identities=[identity(identifier="1", **STRANGER), identity(identifier="2", postcode="TM9 9ZZ")],
        now=LATER,
    )
    assert [(one.identifier_value, one.in_doubt) for one in held_by(person_id=joan.id)] == [("1", True), ("2", False)]


# Death


def test_a_death_reaches_the_golden_record_and_is_not_forgotten(practice: Source, joan: Person) -> None:
    send(practice, deceased=True, death_date="2024-03")
    send(practice)
    joan.refresh_from_db()
    assert (joan.deceased, joan.death_date) == (True, "2024-03")


def test_sources_that_disagree_about_a_death_are_named(practice: Source, joan: Person) -> None:
    hospital = source(slug="hospital")
    load(at=hospital, identities=[identity(identifier="9", deceased=False)])
    summary = person_summary(person_id=joan.id)
    assert summary is not None
    assert (summary.golden.deceased, summary.death_claims) == (False, ())
    note_death(source_record_id=SourceRecord.objects.get(source=practice).id, deceased=True, death_date="2024")
    summary = person_summary(person_id=joan.id)
    assert summary is not None
    assert summary.golden.deceased is True
    said = {(claim.source_name, claim.deceased, claim.death_date) for claim in summary.death_claims}
    assert said == {("Practice", True, "2024"), ("Hospital", False, "")}


def test_noting_a_death_again_or_without_its_date_loses_nothing(practice: Source, joan: Person) -> None:
    record = SourceRecord.objects.get()
    for death_date in ("2024", "", "2024"):
        note_death(source_record_id=record.id, deceased=True, death_date=death_date)
        record.refresh_from_db()
        assert (record.deceased, record.death_date, record.updated_at) == (True, "2024", NOW)
    note_death(source_record_id=record.id, deceased=False, death_date="")
    joan.refresh_from_db()
    assert (joan.deceased, joan.death_date) == (False, "")


# A shared number


def test_two_people_under_one_number_both_say_so(practice: Source, joan: Person) -> None:
    load(at=source(slug="hospital"), identities=[identity(identifier="9", given="Peter", sex="male")])
    other = person_of(record=SourceRecord.objects.get(identifier_value="9"))
    load(at=practice, identities=[identity(identifier="3", nhs_number=nhs_number(index=3), given="Ann")])
    alone = person_of(record=SourceRecord.objects.get(identifier_value="3"))
    sharing = {
        one.id: summary.shares_number
        for one in (joan, other, alone)
        if (summary := person_summary(person_id=one.id)) is not None
    }
    assert sharing == {joan.id: True, other.id: True, alone.id: False}
    assert all(found.shares_number for found in people_with_number(nhs_number=nhs_number(index=1)))
