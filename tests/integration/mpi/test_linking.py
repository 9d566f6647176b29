"""Taking in what sources say of their people, on the real database."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module
from itertools import permutations
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from aggregator.mpi import settling
from aggregator.mpi.demographics import Identity
from aggregator.mpi.models import Link, LinkReview, Person, SourceRecord
from aggregator.mpi.operations import raise_review
from aggregator.mpi.queries import (
    SEARCH_LIMIT,
    held_by,
    people_with_name,
    people_with_number,
    person_summary,
)
from aggregator.mpi.reviews import Decision
from tests.factories import NOW, identity, load, nhs_number, person, person_of, source

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=1)
UNVERIFIED: dict[str, Any] = {"nhs_number_status": ""}


def partition() -> set[frozenset[str]]:
    """Return who is together now, as the identifiers of their records."""
    together: dict[Any, set[str]] = {}
    for link in Link.objects.filter(ended_at__isnull=True).select_related("source_record"):
        together.setdefault(link.person_id, set()).add(link.source_record.identifier_value)
    return {frozenset(names) for names in together.values()}


def settle(*, decision: Decision) -> None:
    """Settle the one doubt that is open."""
    review = LinkReview.objects.get(settled_at__isnull=True)
    settling.settle(
        review_id=review.id, decision=decision, fields=(), note="Checked.", user_id=None, seen="", now=LATER
    )


def reasons() -> list[str]:
    return sorted(LinkReview.objects.filter(settled_at__isnull=True).values_list("reason", flat=True))


def test_loading_twice_changes_nothing() -> None:
    practice = source()
    people = [identity(identifier="1"), identity(identifier="2", nhs_number=nhs_number(index=2), given="Ann")]
    first = load(at=practice, identities=people)
    before = (partition(), list(Person.objects.values()), list(Link.objects.values()), reasons())
    again = load(at=practice, identities=people, now=LATER)
    assert (first.new_people, first.joined, first.updated) == (2, 0, 0)
    assert (again.new_people, again.joined, again.updated, again.reviews) == (0, 0, 2, 0)
    assert (partition(), list(Person.objects.values()), list(Link.objects.values()), reasons()) == before


def test_two_sources_join_by_a_verified_number_and_the_link_says_why() -> None:
    ours = person(at=source())
    report = load(at=source(), identities=[identity(identifier="there", family="Married")])
    link = Link.objects.get(source_record__identifier_value="there")
    assert (report.joined, link.person_id) == (1, ours.id)
    assert (link.grade, link.rule, link.rules_version) == ("certain", "verified-number-and-demographics", "exact-1")
    assert link.evidence["family"] == "differs"
    assert "Married" not in str(link.evidence)
    assert reasons() == []


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (UNVERIFIED, "same-number"),
        ({"birth_date": date(1951, 5, 5)}, "same-number"),
        ({"given": "Jean"}, "same-number"),
        ({"sex": "male"}, "same-number"),
        ({"nhs_number": ""}, "name-and-birth-date"),
        ({"nhs_number": "9990001007"}, "name-and-birth-date"),
    ],
)
def test_a_doubtful_record_gets_a_person_of_its_own_and_a_review(other: dict[str, Any], reason: str) -> None:
    ours = person(at=source())
    report = load(at=source(), identities=[identity(identifier="there", **other)])
    assert (report.joined, report.new_people, report.reviews) == (0, 1, 1)
    (review,) = LinkReview.objects.all()
    assert (review.person_id, review.source_record.identifier_value, review.reason) == (ours.id, "there", reason)
    assert Person.objects.count() == 2
    assert LinkReview.objects.filter(person=ours, settled_at__isnull=True).count() == 1


def test_an_invalid_number_is_never_a_key() -> None:
    wrong = "9990001007"
    load(at=source(), identities=[identity(identifier="here", nhs_number=wrong, given="Ann", birth_date=None)])
    report = load(at=source(), identities=[identity(identifier="there", nhs_number=wrong, given="Joan")])
    assert (report.new_people, report.reviews, report.invalid_numbers) == (1, 0, 1)
    assert set(SourceRecord.objects.values_list("nhs_number", "nhs_number_sent")) == {("", wrong)}
    assert people_with_number(nhs_number=wrong) == []
    assert people_with_number(nhs_number="") == []


TWIN = {"nhs_number": nhs_number(index=2), "given": "Jean"}


@pytest.mark.parametrize("other", [TWIN, {**TWIN, "nhs_number": ""}, {"given": "Jean"}])
def test_twins_stay_two_people(other: dict[str, Any]) -> None:
    person(at=source())
    load(at=source(), identities=[identity(identifier="twin", **other)])
    assert Person.objects.count() == 2


def test_one_source_may_hold_one_human_twice() -> None:
    report = load(at=source(), identities=[identity(identifier="a"), identity(identifier="b")])
    assert (report.new_people, report.joined) == (1, 1)
    assert partition() == {frozenset({"a", "b"})}


def test_changed_demographics_raise_one_review_and_move_no_link() -> None:
    practice = source()
    ours = person(at=practice, identifier="1")
    other = identity(identifier="1", nhs_number=nhs_number(index=2), birth_date=date(1980, 1, 1))
    report = load(at=practice, identities=[other], now=LATER)
    load(at=practice, identities=[other], now=LATER)
    (review,) = LinkReview.objects.all()
    assert (report.reviews, review.reason) == (1, "demographics-changed")
    assert review.evidence == {"nhs_number": "differs", "birth_date": "differs"}
    assert person_of(record=SourceRecord.objects.get()) == ours
    assert SourceRecord.objects.get().birth_date == date(1951, 5, 4)


def test_a_new_address_is_no_doubt_and_is_golden_at_once() -> None:
    practice = source()
    ours = person(at=practice, identifier="1")
    load(at=practice, identities=[identity(identifier="1", postcode="TM9 9ZZ", family="Married")], now=LATER)
    assert reasons() == []
    summary = person_summary(person_id=ours.id)
    assert summary is not None
    assert (summary.golden.postcode, summary.golden.family) == ("TM9 9ZZ", "Married")


def test_a_record_that_forbids_counts_though_no_key_of_it_was_asked_for() -> None:
    practice, hospital = source(), source()
    load(at=practice, identities=[identity(identifier="a")])
    load(at=hospital, identities=[identity(identifier="b")])
    changed = identity(identifier="b", nhs_number=nhs_number(index=2), birth_date=date(1980, 1, 1))
    load(at=hospital, identities=[changed], now=LATER)
    settle(decision=Decision.TAKE_NEW_VALUES)
    load(at=source(), identities=[identity(identifier="c")], now=LATER)
    assert partition() == {frozenset({"a", "b"}), frozenset({"c"})}


@pytest.mark.parametrize("other", [UNVERIFIED, {"nhs_number": ""}, {"nhs_number": nhs_number(index=2)}])
def test_a_record_that_somebody_else_fits_better_is_linked_to_nobody(other: dict[str, Any]) -> None:
    """A twin held by his initial, and his brother's details under his number."""
    load(at=source(), identities=[identity(identifier="twin", given="J", sex="male")])
    load(at=source(), identities=[identity(identifier="brother", given="James", sex="male", **other)])
    load(at=source(), identities=[identity(identifier="mixed", given="James", sex="male")])
    assert partition() == {frozenset({"twin"}), frozenset({"brother"}), frozenset({"mixed"})}
    assert LinkReview.objects.filter(source_record__identifier_value="mixed").exists()


# Order


SETS: dict[str, dict[str, dict[str, Any]]] = {
    "one human": {"a": {}, "b": {"family": "Married"}, "c": {"given": "Joan Mary", "postcode": ""}},
    "one human, one record without a number": {"a": {}, "b": {}, "d": {"nhs_number": ""}},
    "one human, one number not verified": {"a": {}, "b": {}, "c": UNVERIFIED},
    "a stranger under the number": {"a": {}, "b": {}, "x": {"given": "Peter", "birth_date": date(1970, 1, 1)}},
    "twins, one under the number of the other": {"a": {}, "b": {}, "x": {"given": "Jean"}, "y": {**TWIN}},
    "a couple with numbers swapped": {
        "a": {"given": "Jane"},
        "b": {"given": "Jane"},
        "x": {"given": "John", "sex": "male", "birth_date": date(1950, 3, 3)},
        "y": {"given": "John", "sex": "male", "birth_date": date(1950, 3, 3)},
    },
}
TOGETHER = {
    "one human": {"abc"},
    "one human, one record without a number": {"ab", "d"},
    "one human, one number not verified": {"ab", "c"},
    "a stranger under the number": {"ab", "x"},
    "twins, one under the number of the other": {"ab", "x", "y"},
    "a couple with numbers swapped": {"ab", "xy"},
}


def load_each(*, records: list[Identity]) -> None:
    for record in records:
        load(at=source(slug=f"the-source-of-{record.identifier_value}"), identities=[record])


@pytest.mark.parametrize("case", SETS)
def test_people_are_the_same_in_whatever_order_sources_are_loaded(case: str) -> None:
    records = [identity(identifier=name, **values) for name, values in SETS[case].items()]
    for order in permutations(records):
        with transaction.atomic():
            load_each(records=list(order))
            found = partition()
            transaction.set_rollback(True)
        assert found == {frozenset(names) for names in TOGETHER[case]}, [one.identifier_value for one in order]


def test_an_initial_that_fits_two_brothers_never_makes_them_one() -> None:
    records = [identity(identifier=name, given=given) for name, given in (("a", "John"), ("b", "James"), ("c", "J"))]
    for order in permutations(records):
        with transaction.atomic():
            load_each(records=list(order))
            found, raised = partition(), len(reasons())
            transaction.set_rollback(True)
        assert not any({"a", "b"} <= together for together in found)
        assert raised


# Constraints


def test_a_record_has_one_live_link_at_a_time() -> None:
    ours = person(at=source())
    record = SourceRecord.objects.get()
    values = {"source_record": record, "person": ours, "grade": "certain", "rule": "r", "rules_version": "1"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Link.objects.create(**values, decided_at=NOW)
    Link.objects.update(ended_at=NOW)
    Link.objects.create(**values, decided_at=NOW)
    assert Link.objects.filter(ended_at__isnull=True).count() == 1


def test_a_source_holds_an_identifier_once() -> None:
    practice = source()
    person(at=practice, identifier="1")
    with pytest.raises(IntegrityError), transaction.atomic():
        SourceRecord.objects.create(source=practice, identifier_value="1", updated_at=NOW)
    SourceRecord.objects.create(source=source(), identifier_value="1", updated_at=NOW)


def test_a_doubt_is_raised_once_while_it_is_open() -> None:
    ours = person(at=source())
    values = {"source_record_id": SourceRecord.objects.get().id, "person_id": ours.id, "reason": "r", "now": NOW}
    for _ in range(2):
        raise_review(**values, evidence={})
    assert LinkReview.objects.count() == 1
    LinkReview.objects.update(settled_at=NOW)
    raise_review(**values, evidence={})
    assert LinkReview.objects.count() == 2


# Reads


def test_a_person_is_found_by_what_any_source_says_of_them() -> None:
    ours = person(at=source())
    load(at=source(), identities=[identity(family="O'Neill")])
    born = date(1951, 5, 4)
    for family in ("ferris", "ONEILL", "O’Neill"):
        assert [one.person_id for one in people_with_name(family=family, given="", birth_date=born)] == [ours.id]
    assert people_with_name(family="Ferris", given="Peter", birth_date=born) == []
    assert len(people_with_name(family="Ferris", given="Joan-Mary", birth_date=born)) == 1
    assert len(people_with_name(family="Ferris", given="Jo", birth_date=born)) == 1
    assert people_with_name(family="Ferris", given="", birth_date=date(1951, 5, 5)) == []
    assert [one.person_id for one in people_with_number(nhs_number=nhs_number(index=1))] == [ours.id]


def test_an_ended_link_is_found_by_nobody() -> None:
    ours = person(at=source())
    Link.objects.update(ended_at=NOW)
    assert held_by(person_id=ours.id) == []
    assert people_with_number(nhs_number=nhs_number(index=1)) == []


def test_what_sources_hold_is_in_a_fixed_order() -> None:
    last, first = source(slug="z"), source(slug="a")
    ours = person(at=last, identifier="2")
    load(at=last, identities=[identity(identifier="1")])
    load(at=first, identities=[identity(identifier="9")])
    held = held_by(person_id=ours.id)
    assert [(one.source_id, one.identifier_value) for one in held] == [(first.id, "9"), (last.id, "1"), (last.id, "2")]
    assert held[0].identifier_system == first.identifier_system


def test_a_search_gives_one_more_than_may_be_listed_and_no_more() -> None:
    load(
        at=source(),
        identities=[identity(nhs_number=nhs_number(index=index), given="Ann") for index in range(SEARCH_LIMIT + 5)],
    )
    found = people_with_name(family="Ferris", given="", birth_date=date(1951, 5, 4))
    assert len(found) == SEARCH_LIMIT + 1


# Placeholders

UNKNOWN: dict[str, Any] = {"given": "Unknown", "family": "Not Known", "birth_date": date(1900, 1, 1), "nhs_number": ""}
NEWBORN: dict[str, Any] = {"given": "Baby", "family": "Smith", "birth_date": date(2025, 6, 1), "nhs_number": ""}
NOT_DATED: dict[str, Any] = {"birth_date": date(1899, 12, 30), "nhs_number": ""}
NOWHERE: dict[str, Any] = {"family": "Unknown", "postcode": "ZZ99 3VZ", "nhs_number": ""}


@pytest.mark.parametrize("said", [UNKNOWN, NEWBORN, NOT_DATED, NOWHERE])
def test_people_of_whom_only_placeholders_agree_are_apart_and_no_reviewer_is_asked(said: dict[str, Any]) -> None:
    ours = source()
    load(at=ours, identities=[identity(identifier=f"{number}", **said) for number in range(8)])
    report = load(at=source(), identities=[identity(identifier=f"there {number}", **said) for number in range(8)])
    assert (report.joined, report.new_people, report.reviews) == (0, 8, 0)
    assert Person.objects.count() == 16


def test_a_placeholder_under_somebody_s_number_is_in_doubt_with_them_and_not_with_every_other() -> None:
    newborn = {**NEWBORN, "nhs_number": nhs_number(index=1), "family": "Ferris"}
    load(at=source(), identities=[identity(identifier=f"{number}", **newborn) for number in range(8)])
    assert Person.objects.count() == 8
    assert reasons() == ["same-number"] * 7
    ours = person(at=source())
    assert LinkReview.objects.count() == 15  # that one, with each of them
    load(at=source(), identities=[identity(identifier="there", **newborn)])
    assert LinkReview.objects.filter(source_record__identifier_value="there").values_list("person_id").get() == (
        ours.id,
    )


def test_where_a_name_a_date_and_a_place_agree_beside_a_placeholder_a_human_looks() -> None:
    person(at=source())
    load(at=source(), identities=[identity(identifier="there", nhs_number="", family="Unknown")])
    assert reasons() == ["name-and-birth-date"]
    assert LinkReview.objects.get().evidence["family"] == "placeholder"


def test_names_that_were_cleaned_otherwise_are_cleaned_again() -> None:
    person(at=source(), family="O\u02bcNeill", given="Łucja Maria")
    person(at=source())
    SourceRecord.objects.filter(family__startswith="O").update(family_clean="o\u02bcneill", given_clean="łucja")
    clean_again = import_module("aggregator.mpi.migrations.0005_names_cleaned_again").clean_again
    clean_again(apps, connection.schema_editor())
    names = SourceRecord.objects.order_by("family").values_list("family_clean", "given_clean")
    assert list(names) == [("ferris", "joan"), ("oneill", "lucja")]
