"""What stands out about a case, and what is said to be unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from aggregator.break_glass.signals import MANY, WITHIN, CaseFacts, SignalKind, signals, unknowns
from aggregator.mpi.golden import GoldenRecord, PersonSummary
from tests.factories import NOW

HOME = {"postcode": "TM1 1AA", "address_line": "12 Mill Lane"}
PATIENT = GoldenRecord(family="Ferris", nhs_number="9990001006", postcode="TM9 9ZZ", address_line="1 Hill Road")
USER = GoldenRecord(family="Osei", nhs_number="9990001014", postcode="TM1 1AA", address_line="12 Mill Lane")


def person(number: int, golden: GoldenRecord) -> PersonSummary:
    return PersonSummary(person_id=UUID(int=number), golden=golden)


PLAIN = CaseFacts(
    began_at=NOW - WITHIN,
    user_family="Osei",
    patient=person(1, PATIENT),
    user_person=person(2, USER),
    was_joined=True,
    is_colleague=False,
    colleagues_are_joined=True,
    opened_in_week=1,
    was_in_care=True,
)


def kinds(facts: CaseFacts) -> list[SignalKind]:
    return [signal.kind for signal in signals(facts=facts, now=NOW)]


def unknown(facts: CaseFacts) -> str:
    return " ".join(unknowns(facts=facts, now=NOW))


def test_a_plain_case_of_which_all_is_known_gives_no_signal_and_leaves_nothing_open() -> None:
    assert kinds(PLAIN) == []
    assert unknown(PLAIN) == ""


@pytest.mark.parametrize(
    ("user", "patient", "same"),
    [("O'Neill", "ONEILL", True), ("Jose", "José", True), ("Osei", "Oseh", False), ("", "", False)],
)
def test_surnames_are_compared_as_they_are_heard_and_none_is_like_none(user: str, patient: str, same: bool) -> None:
    facts = replace(PLAIN, user_family=user, patient=person(1, replace(PATIENT, family=patient)))
    assert kinds(facts) == [SignalKind.SAME_SURNAME] * same


@pytest.mark.parametrize("count", [MANY, MANY + 1])
def test_more_than_a_handful_in_a_week_stand_out(count: int) -> None:
    facts = replace(PLAIN, opened_in_week=count)
    assert kinds(facts) == [SignalKind.VOLUME] * (count > MANY)


@pytest.mark.parametrize(("count", "said"), [(11, "11th"), (21, "21st"), (22, "22nd"), (23, "23rd"), (112, "112th")])
def test_how_many_is_said_as_people_say_it(count: int, said: str) -> None:
    (signal,) = signals(facts=replace(PLAIN, opened_in_week=count), now=NOW)
    assert f"the {said} time" in signal.words


def test_that_no_care_followed_is_known_after_a_week_and_not_before() -> None:
    alone = replace(PLAIN, was_in_care=False)
    assert kinds(alone) == [SignalKind.NO_LATER_CONTACT]
    assert unknown(alone) == ""
    early = replace(alone, began_at=alone.began_at + timedelta(microseconds=1))
    assert kinds(early) == []
    assert "only 7 days after" in unknown(early)


def test_the_user_s_own_record_is_told_alone_and_by_the_person_not_the_account() -> None:
    own = replace(PLAIN, patient=person(2, USER), is_colleague=True, colleagues_are_joined=False)
    assert kinds(replace(own, user_family="Another")) == [SignalKind.OWN_RECORD]
    assert unknown(own) == ""
    # By the person's id also where no source holds a record of them any more.
    emptied = replace(own, user_person=person(2, GoldenRecord()), patient=person(2, GoldenRecord()))
    assert kinds(emptied) == [SignalKind.OWN_RECORD]


def test_two_people_of_the_index_under_the_user_s_number_are_told_and_none_is_like_none() -> None:
    same = replace(PLAIN, patient=person(1, replace(PATIENT, nhs_number=USER.nhs_number)))
    (signal,) = signals(facts=same, now=NOW)
    assert signal.kind is SignalKind.OWN_RECORD
    assert "two people" in signal.words
    numberless = replace(
        PLAIN,
        patient=person(1, replace(PATIENT, nhs_number="")),
        user_person=person(2, replace(USER, nhs_number="")),
    )
    assert kinds(numberless) == []


def test_a_colleague_is_told_and_otherwise_unknown_while_not_all_of_them_are_joined() -> None:
    assert kinds(replace(PLAIN, is_colleague=True, colleagues_are_joined=False)) == [SignalKind.COLLEAGUE]
    assert "colleague" not in unknown(replace(PLAIN, is_colleague=True, colleagues_are_joined=False))
    assert "not all others" in unknown(replace(PLAIN, colleagues_are_joined=False))


@pytest.mark.parametrize(
    ("postcode", "line", "is_same", "said"),
    [
        ("tm11aa", "12, MILL LANE", True, ""),
        ("TM1 1AA", "12 Mill Lane", True, ""),
        ("TM1 1AA", "14 Mill Lane", False, "not written alike"),
        ("TM1 1AA", "12 Mill Ln", False, "not written alike"),
        ("TM1 1AB", "12 Mill Lane", False, ""),
        ("", "12 Mill Lane", False, "missing"),
        ("TM1 1AA", "", False, "missing"),
        ("", "", False, "missing"),
        ("TM1 1AA", " ,.", False, "missing"),
    ],
)
def test_addresses_are_the_same_by_postcode_and_first_line_and_doubt_is_said(
    postcode: str, line: str, is_same: bool, said: str
) -> None:
    living = person(1, replace(PATIENT, postcode=postcode, address_line=line))
    facts = replace(PLAIN, patient=living)
    assert kinds(facts) == [SignalKind.SAME_ADDRESS] * is_same
    assert (said in unknown(facts)) if said else unknown(facts) == ""


def test_two_addresses_that_are_both_missing_are_not_the_same() -> None:
    nowhere = {"postcode": "", "address_line": ""}
    facts = replace(
        PLAIN, patient=person(1, replace(PATIENT, **nowhere)), user_person=person(2, replace(USER, **nowhere))
    )
    assert kinds(facts) == []
    assert "missing" in unknown(facts)


@pytest.mark.parametrize(
    ("user_person", "was_joined", "said"),
    [
        (None, False, "nobody has joined"),
        (None, True, "has been ended"),
        (person(2, GoldenRecord()), True, "no source holds a record any more"),
    ],
)
def test_why_it_is_not_known_who_the_user_is(user_person: PersonSummary | None, was_joined: bool, said: str) -> None:
    facts = replace(PLAIN, user_person=user_person, was_joined=was_joined)
    assert kinds(facts) == []
    assert said in unknown(facts)
    assert unknown(facts).count("It is not known whether this is the user's own record") == 1
