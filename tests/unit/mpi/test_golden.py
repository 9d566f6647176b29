"""The golden record: derived field by field, whatever the order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from aggregator.mpi.golden import Contribution, GoldenRecord, golden_record
from tests.factories import NOW, demographics, nhs_number


def part(*, rank: int = 10, days_old: int = 0, slug: str = "practice", **values: Any) -> Contribution:
    return Contribution(
        demographics=demographics(**values), rank=rank, updated_at=NOW - timedelta(days=days_old), source_slug=slug
    )


def test_nobody_has_an_empty_golden_record() -> None:
    assert golden_record(contributions=[]) == GoldenRecord()


def test_the_best_source_comes_first_and_the_newest_of_equals() -> None:
    assert golden_record(contributions=[part(rank=20, family="B"), part(rank=10, family="A")]).family == "A"
    assert golden_record(contributions=[part(days_old=9, family="Old"), part(family="New")]).family == "New"
    assert golden_record(contributions=[part(slug="b", family="B"), part(slug="a", family="A")]).family == "A"


def test_a_field_that_the_best_source_lacks_is_the_next_one_s() -> None:
    found = golden_record(
        contributions=[
            part(rank=1, birth_date=None, sex="unknown", phone="", postcode="", address_line=""),
            part(rank=2, birth_date=date(1951, 5, 4), sex="female", phone="1", postcode="TM9 9ZZ", address_line="7"),
        ]
    )
    assert (found.birth_date, found.sex, found.phone) == (date(1951, 5, 4), "female", "1")
    assert (found.postcode, found.address_line) == ("TM9 9ZZ", "7")


def test_address_and_postcode_are_one_source_s() -> None:
    found = golden_record(
        contributions=[part(rank=1, address_line=""), part(rank=2, postcode="TM9 9ZZ", address_line="7 High Street")]
    )
    assert (found.postcode, found.address_line) == ("TM1 1AA", "")


def test_a_whole_name_comes_before_half_of_a_better_source_s() -> None:
    found = golden_record(contributions=[part(rank=1, given=""), part(rank=2, family="Holt", given="Ann")])
    assert (found.family, found.given) == ("Holt", "Ann")


def test_half_a_name_is_shown_where_nobody_sent_a_whole_one() -> None:
    halves = [part(rank=1, family="", given=""), part(rank=2, given=""), part(rank=3, family="")]
    found = golden_record(contributions=halves)
    assert (found.family, found.given) == ("Ferris", "")
    found = golden_record(contributions=halves[::2])
    assert (found.family, found.given) == ("", "Joan")


def test_a_verified_number_beats_any_that_is_not_and_an_invalid_one_is_none() -> None:
    loose = part(rank=1, nhs_number=nhs_number(index=5), nhs_number_status="")
    traced = part(rank=9, nhs_number=nhs_number(index=6))
    found = golden_record(contributions=[loose, traced])
    assert (found.nhs_number, found.nhs_number_is_verified) == (nhs_number(index=6), True)
    alone = golden_record(contributions=[loose])
    assert (alone.nhs_number, alone.nhs_number_is_verified) == (nhs_number(index=5), False)
    wrong = golden_record(contributions=[part(nhs_number="9990001007")])
    assert (wrong.nhs_number, wrong.nhs_number_is_verified) == ("", False)


def test_a_number_that_fails_its_check_is_shown_only_where_nobody_sent_a_valid_one() -> None:
    wrong = part(nhs_number="9600000005")
    alone = golden_record(contributions=[wrong])
    assert (alone.nhs_number, alone.unusable_number) == ("", "9600000005")
    valid = nhs_number(index=1)
    beside = golden_record(contributions=[wrong, part(rank=90, nhs_number=valid)])
    assert (beside.nhs_number, beside.unusable_number) == (valid, "")


def test_one_who_says_that_the_person_died_is_enough_and_the_best_date_is_shown() -> None:
    alive, dead = part(rank=1, deceased=False), part(rank=5, deceased=True)
    dated, worse = part(rank=7, deceased=True, death_date="1948"), part(rank=9, deceased=True, death_date="1950")
    assert golden_record(contributions=[part()]).deceased is None
    assert golden_record(contributions=[part(), alive]).deceased is False
    for contributions in ([alive, dead, worse, dated], [worse, dated, dead, alive]):
        found = golden_record(contributions=contributions)
        assert (found.deceased, found.death_date) == (True, "1948")
