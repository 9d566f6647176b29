"""The patient banner says what is known of the NHS number, of a death, and of what casts doubt on both."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from aggregator.mpi.death import DeathClaim
from aggregator.mpi.golden import GoldenRecord, PersonSummary
from aggregator.web.banner import Banner, banner_of


@pytest.mark.parametrize(
    ("golden", "number", "remark"),
    [
        (GoldenRecord(nhs_number="9990000018", nhs_number_is_verified=True), "999\u00a0000\u00a00018", ""),
        (GoldenRecord(nhs_number="9990000018"), "999\u00a0000\u00a00018", "not verified"),
        (GoldenRecord(unusable_number="9600000005"), "960\u00a0000\u00a00005", "not a valid number"),
        (GoldenRecord(), "Not known", ""),
    ],
)
def test_a_number_is_shown_with_what_it_is_worth(golden: GoldenRecord, number: str, remark: str) -> None:
    banner = banner_of(person=PersonSummary(person_id=UUID(int=1), golden=golden), today=date(2026, 11, 25))
    assert (banner.nhs_number, banner.number_remark) == (number, remark)


JOAN = GoldenRecord(
    family="Ferris",
    given="Joan",
    birth_date=date(1951, 5, 4),
    sex="female",
    nhs_number="9990000018",
    nhs_number_is_verified=True,
    address_line="4 Mill Lane",
    postcode="TM1 1AA",
)


@pytest.mark.parametrize(
    ("golden", "shown"),
    [
        (
            JOAN,
            {
                "name": "FERRIS, Joan",
                "born": "04-May-1951",
                "age": "75y",
                "gender": "Female",
                "nhs_number": "999\u00a0000\u00a00018",
                "address": "4 Mill Lane, TM1 1AA",
            },
        ),
        (
            GoldenRecord(postcode="TM1 1AA"),
            {
                "name": "Name not known",
                "born": "Not known",
                "age": "",
                "gender": "Not known",
                "nhs_number": "Not known",
                "address": "TM1 1AA",
            },
        ),
    ],
)
def test_the_banner_says_who_this_is_and_what_is_not_known(golden: GoldenRecord, shown: dict[str, str]) -> None:
    person = PersonSummary(person_id=UUID(int=1), golden=golden)
    expected = Banner(person_id=UUID(int=1), number_remark="", **shown)
    assert banner_of(person=person, today=date(2026, 11, 25)) == expected


def banner(**values: Any) -> Banner:
    golden = GoldenRecord(**{"birth_date": date(1900, 5, 4), **values})
    return banner_of(person=PersonSummary(person_id=UUID(int=1), golden=golden), today=date(2026, 11, 25))


@pytest.mark.parametrize("deceased", [None, False])
def test_the_living_have_an_age_and_no_death(deceased: bool | None) -> None:
    shown = banner(birth_date=date(1951, 5, 4), deceased=deceased)
    assert (shown.deceased, shown.age, shown.died, shown.age_at_death) == (False, "75y", "", "")


@pytest.mark.parametrize(
    ("sent", "died", "age_at_death"),
    [
        ("1948-05-04", "04-May-1948", "48y"),
        ("1948-05-03", "03-May-1948", "47y"),
        ("1948-05-03T23:30:00Z", "04-May-1948 00:30", "48y"),
        ("1948", "1948", "47y to 48y"),
        ("1948-06", "Jun-1948", "48y"),
        ("", "Not known", "Not known"),
        ("1899", "1899", "Not known"),
        ("2027-01-01", "01-Jan-2027", "Not known"),
        ("last spring", "last spring", "Not known"),
        ("1900", "1900", "0w to 7m"),
    ],
)
def test_the_dead_have_the_age_at_which_they_died_and_no_other(sent: str, died: str, age_at_death: str) -> None:
    shown = banner(deceased=True, death_date=sent)
    assert (shown.deceased, shown.age, shown.died, shown.age_at_death) == (True, "", died, age_at_death)


def test_without_a_birth_date_there_is_no_age_at_death() -> None:
    assert banner(birth_date=None, deceased=True, death_date="1948").age_at_death == "Not known"


def test_what_must_be_known_before_this_is_taken_for_the_right_person_is_said() -> None:
    claims = (
        DeathClaim(source_name="North", deceased=True, death_date="1948-03"),
        DeathClaim(source_name="South", deceased=True),
        DeathClaim(source_name="West", deceased=False),
    )
    person = PersonSummary(person_id=UUID(int=1), golden=GoldenRecord(), death_claims=claims, shares_number=True)
    assert banner_of(person=person, today=date(2026, 11, 25)).warnings == (
        (
            "Sources disagree about this patient's death: "
            "North: died Mar-1948; South: died, date not known; West: recorded as alive."
        ),
        "This NHS number is also on another person's record: check the other identifiers.",
    )


def test_an_address_that_is_restricted_is_said_to_be() -> None:
    known = PersonSummary(person_id=UUID(int=1), golden=JOAN)
    banner = banner_of(person=known.without_whereabouts(), today=date(2026, 11, 25))
    assert banner.address == "not shown: a source marks this as restricted"
