"""Which pairs may be linked without a human, and whether an answer is about the person asked for."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from aggregator.mpi.matching import (
    AnswerVerdict,
    Grade,
    KnownRecord,
    answer_disagreements,
    compare,
    judge_answer,
)
from aggregator.mpi.nicknames import FULL_NAMES, is_short_for
from tests.factories import demographics, nhs_number

OTHER_NUMBER = nhs_number(index=2)
NO_NUMBER: dict[str, Any] = {"nhs_number": "", "nhs_number_status": ""}


def grade(left: dict[str, Any], right: dict[str, Any]) -> Grade:
    return compare(left=demographics(**left), right=demographics(**right)).grade


# True matches


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"family": "Married"},
        {"given": "Joan Mary"},
        {"given": "J"},
        {"given": "JOÁN"},
        {"given": "Mrs Joan", "family": "Mrs Ferris"},
        {"given": "Ferris", "family": "Joan"},
        {"postcode": "TM9 9ZZ", "address_line": "", "phone": ""},
        {"sex": "unknown"},
        {"sex": ""},
        {"nhs_number": f"{nhs_number(index=1)[:3]} {nhs_number(index=1)[3:]}"},
    ],
)
def test_the_same_verified_number_birth_date_and_given_name_are_certain(other: dict[str, Any]) -> None:
    found = compare(left=demographics(), right=demographics(**other))
    assert (found.grade, found.rule, found.vetoes) == (Grade.CERTAIN, "verified-number-and-demographics", ())


def test_a_short_form_of_the_name_is_the_name() -> None:
    assert grade({"given": "Elizabeth"}, {"given": "Liz"}) is Grade.CERTAIN
    assert grade({"given": "Bob"}, {"given": "Rob"}) is Grade.CERTAIN


def test_a_hyphen_or_a_space_in_the_name_makes_no_other_name() -> None:
    assert grade({"given": "Mary-Ann"}, {"given": "Mary Ann Louise"}) is Grade.CERTAIN
    asked, answered = ({**NO_NUMBER, "given": given} for given in ("Mary-Ann", "Mary Ann"))
    assert answer_disagreements(asked=demographics(**asked), answered=demographics(**answered)) == ()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"nhs_number_status": "03"}, {}),
        ({"nhs_number_status": ""}, {"nhs_number_status": ""}),
        ({"birth_date": None}, {}),
        ({"birth_date": date(1951, 4, 5)}, {}),
        ({"given": ""}, {}),
        ({"given": "Jean"}, {}),
        ({"sex": "male"}, {}),
    ],
)
def test_the_same_number_with_less_than_that_waits_for_a_human(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert grade(left, right) is Grade.PROBABLE
    assert grade(right, left) is Grade.PROBABLE


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({**NO_NUMBER}, Grade.PROBABLE),
        ({**NO_NUMBER, "family": "Married"}, Grade.PROBABLE),
        ({**NO_NUMBER, "postcode": "TM9 9ZZ"}, Grade.PROBABLE),
        ({**NO_NUMBER, "family": "Married", "postcode": "TM9 9ZZ"}, Grade.CERTAINLY_NOT),
        ({**NO_NUMBER, "birth_date": date(1951, 5, 5)}, Grade.CERTAINLY_NOT),
        ({**NO_NUMBER, "given": "Jean"}, Grade.CERTAINLY_NOT),
        ({"nhs_number": "9990001007"}, Grade.PROBABLE),  # fails its check: no number
        ({"nhs_number": OTHER_NUMBER}, Grade.CERTAINLY_NOT),
    ],
)
def test_without_a_number_on_both_sides_nothing_is_certain(other: dict[str, Any], expected: Grade) -> None:
    assert grade({}, other) is expected


def test_a_forename_that_is_only_the_other_s_surname_is_not_the_same_name() -> None:
    assert grade({"given": "Thomas", "family": "Ferris"}, {"given": "Joan", "family": "Thomas"}) is Grade.PROBABLE


@pytest.mark.parametrize(
    ("other", "rule", "vetoes"),
    [
        ({}, "verified-number-and-demographics", ()),
        ({"sex": "male"}, "same-number", ("sex-clash",)),
        ({"nhs_number": OTHER_NUMBER}, "different-numbers", ("different-numbers",)),
        ({**NO_NUMBER, "sex": "male"}, "name-and-birth-date", ("sex-clash",)),
        ({**NO_NUMBER, "given": "Jean", "sex": "male"}, "too-little-agrees", ("sex-clash",)),
    ],
)
def test_a_verdict_names_its_rule_its_vetoes_and_what_agrees(
    other: dict[str, Any], rule: str, vetoes: tuple[str, ...]
) -> None:
    right = demographics(**other)
    verdict = compare(left=demographics(), right=right)
    assert (verdict.rule, verdict.vetoes) == (rule, vetoes)
    evidence = dict(verdict.evidence)
    assert (evidence["family"], evidence["birth_date"], evidence["postcode"]) == ("same", "same", "same")
    assert evidence["sex"] == ("differs" if right.sex == "male" else "same")
    assert evidence["given"] == ("differs" if right.given == "Jean" else "same")
    assert evidence["nhs_number"] == {"": "absent", OTHER_NUMBER: "differs"}.get(right.nhs_number, "same")


# Vetoes


@pytest.mark.parametrize(
    ("left", "right", "veto"),
    [
        ({}, {"nhs_number": OTHER_NUMBER}, "different-numbers"),
        ({"sex": "male"}, {"sex": "female"}, "sex-clash"),
        ({"given": "Baby"}, {"given": "Baby"}, "placeholder-name"),
        ({"family": "Unknown"}, {"family": "Unknown"}, "placeholder-name"),
        ({"given": ""}, {}, "placeholder-name"),
        ({"birth_date": date(1900, 1, 1)}, {"birth_date": date(1900, 1, 1)}, "placeholder-birth-date"),
        ({"birth_date": date(1901, 1, 1)}, {}, "placeholder-birth-date"),
        ({"birth_date": date(9999, 12, 31)}, {"birth_date": date(9999, 12, 31)}, "placeholder-birth-date"),
        ({"birth_date": date(2078, 12, 31)}, {"birth_date": date(2078, 12, 31)}, "placeholder-birth-date"),
        ({"birth_date": date(1849, 12, 31)}, {"birth_date": date(1849, 12, 31)}, "placeholder-birth-date"),
    ],
)
def test_a_veto_forbids_a_link_whatever_else_agrees(left: dict[str, Any], right: dict[str, Any], veto: str) -> None:
    for one, other in ((left, right), (right, left)):
        found = compare(left=demographics(**one), right=demographics(**other))
        assert veto in found.vetoes
        assert found.grade is not Grade.CERTAIN


# Hard negatives: two humans each. Source: the kinds on which a score alone fails.

HOME = {"family": "Smith", "postcode": "TM1 1AA", "address_line": "4 Mill Lane"}
NAMESAKE = {"family": "Smith", "given": "John", "sex": "male", "birth_date": date(1980, 1, 1)}
NEWBORN = {"family": "Smith", "given": "Baby", "birth_date": date(2025, 6, 1), "sex": "male"}
HARD_NEGATIVES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "twin with another forename": ({**HOME, "given": "Joan"}, {**HOME, "given": "Mary"}),
    "twin one letter apart": ({**HOME, "given": "Joan"}, {**HOME, "given": "Jean"}),
    "namesake born the same day": ({**NAMESAKE, "postcode": "TM1 1AA"}, {**NAMESAKE, "postcode": "TM9 9ZZ"}),
    "parent and child": ({**HOME, **NAMESAKE}, {**HOME, **NAMESAKE, "birth_date": date(2005, 1, 1)}),
    "newborns of one day": ({**NEWBORN, "postcode": "TM1 1AA"}, {**NEWBORN, "postcode": "TM9 9ZZ"}),
    "newborn twins": ({**NEWBORN, **HOME}, {**NEWBORN, **HOME}),
    "newborn twins by number": ({**NEWBORN, "given": "Twin One"}, {**NEWBORN, "given": "Twin Two"}),
    "twins with a title for a name": ({**HOME, "given": "Miss"}, {**HOME, "given": "Miss"}),
    "twins of whose names one begins the other": ({**HOME, "given": "Mary-Ann"}, {**HOME, "given": "Mary"}),
    "twins whose names begin alike": ({**HOME, "given": "Mary-Ann"}, {**HOME, "given": "Mary Jane"}),
    "sibling": ({**HOME, "given": "Joan"}, {**HOME, "given": "Mary", "birth_date": date(1953, 5, 4)}),
    "nobody known": (
        {"family": "Unknown", "given": "Unknown", "birth_date": date(1900, 1, 1)},
        {"family": "Unknown", "given": "Unknown", "birth_date": date(1900, 1, 1)},
    ),
    "namesakes whose birth date nobody knows": (
        {**NAMESAKE, "birth_date": date(9999, 12, 31)},
        {**NAMESAKE, "birth_date": date(9999, 12, 31)},
    ),
    "couple": (
        {**HOME, "given": "John", "sex": "male", "birth_date": date(1950, 3, 3)},
        {**HOME, "given": "Jane", "sex": "female", "birth_date": date(1952, 7, 7)},
    ),
    "brothers of one name": (
        {**HOME, "given": "Harry", "sex": "male"},
        {**HOME, "given": "Henry", "sex": "male"},
    ),
}
NUMBERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "each their own": ({}, {"nhs_number": OTHER_NUMBER}),
    "none": (NO_NUMBER, NO_NUMBER),
    "one": ({}, NO_NUMBER),
}


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("kind", HARD_NEGATIVES)
def test_two_humans_are_never_certainly_one(kind: str, numbers: str) -> None:
    left = {**HARD_NEGATIVES[kind][0], **NUMBERS[numbers][0]}
    right = {**HARD_NEGATIVES[kind][1], **NUMBERS[numbers][1]}
    assert grade(left, right) is not Grade.CERTAIN
    assert grade(right, left) is not Grade.CERTAIN


@pytest.mark.parametrize("kind", [kind for kind in HARD_NEGATIVES if kind != "namesake born the same day"])
def test_the_details_of_one_under_the_number_of_the_other_are_never_certain(kind: str) -> None:
    """Numbers swapped, or typed wrong: as twins, couples and newborns are."""
    left, right = HARD_NEGATIVES[kind]
    assert grade(left, right) is not Grade.CERTAIN


def test_two_with_two_numbers_are_not_even_looked_at() -> None:
    for left, right in HARD_NEGATIVES.values():
        assert grade(left, {**right, "nhs_number": OTHER_NUMBER}) is Grade.CERTAINLY_NOT


# Short forms


def test_a_short_form_is_so_both_ways_and_only_through_one_full_name() -> None:
    for one, other in pairwise(sorted(FULL_NAMES)):
        assert is_short_for(left=one, right=other) == is_short_for(left=other, right=one)
    assert is_short_for(left="bob", right="rob")
    assert not is_short_for(left="joan", right="jean")
    assert not is_short_for(left="harry", right="henry")
    assert not is_short_for(left="bill", right="liz")
    assert not is_short_for(left="bill", right="joan")
    assert not is_short_for(left="", right="")


# Answers


@pytest.mark.parametrize(
    ("answered", "wrong"),
    [
        ({}, ()),
        ({"nhs_number": OTHER_NUMBER}, ("nhs_number",)),
        ({"nhs_number": "9990001007"}, ()),
        ({"nhs_number": ""}, ()),
        ({"birth_date": date(1951, 4, 5)}, ("birth_date",)),
        ({"birth_date": None}, ()),
        ({"sex": "male"}, ("sex",)),
        ({"sex": "other"}, ()),
        ({"family": "Married"}, ()),
        ({"given": "Jean"}, ()),
        ({"family": "Married", "given": "Jean"}, ("name",)),
        ({"nhs_number": "", "given": "Jean"}, ("given",)),
        ({"nhs_number": "", "given": "J"}, ()),
        ({"nhs_number": "", "family": "Joan", "given": "Ferris"}, ()),
        ({"nhs_number": "", "family": "Married"}, ()),
        ({"family": "", "given": ""}, ()),
        (
            {"nhs_number": OTHER_NUMBER, "birth_date": date(1980, 1, 1), "sex": "male", "family": "A", "given": "B"},
            ("nhs_number", "birth_date", "sex", "name"),
        ),
    ],
)
def test_an_answer_disagrees_in_the_fields_that_tell_people_apart(
    answered: dict[str, Any], wrong: tuple[str, ...]
) -> None:
    assert answer_disagreements(asked=demographics(), answered=demographics(**answered)) == wrong
    assert answer_disagreements(asked=demographics(**answered), answered=demographics()) == wrong


def test_two_current_numbers_in_one_answer_disagree_with_either() -> None:
    for first, second in ((nhs_number(index=1), OTHER_NUMBER), (OTHER_NUMBER, nhs_number(index=1))):
        answered = demographics(nhs_number=first, further_numbers=(second,))
        assert answer_disagreements(asked=demographics(), answered=answered) == ("nhs_number",)
    assert grade({"further_numbers": (OTHER_NUMBER,)}, {}) is not Grade.CERTAIN


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("1951", ()),
        ("1951-05", ()),
        ("1980", ("birth_date",)),
        ("1951-06", ("birth_date",)),
        ("1980-01-01", ("birth_date",)),
    ],
)
def test_a_part_of_a_birth_date_can_contradict_and_never_proves(part: str, wrong: tuple[str, ...]) -> None:
    answered = demographics(**NO_NUMBER, birth_date=None, birth_date_part=part)
    assert judge_answer(answered=answered, known=[known()]) == AnswerVerdict(disagrees=wrong, proven=False)
    assert grade({}, {"birth_date": None, "birth_date_part": part}) is not Grade.CERTAIN


@pytest.mark.parametrize(
    ("sex", "wrong"),
    [("M", ("sex",)), ("Male", ("sex",)), ("male\u200b", ("sex",)), ("F", ()), ("FEMALE", ()), ("U", ())],
)
def test_a_sex_is_compared_however_it_is_spelt(sex: str, wrong: tuple[str, ...]) -> None:
    assert answer_disagreements(asked=demographics(), answered=demographics(sex=sex)) == wrong


# Proof


def known(**values: Any) -> KnownRecord:
    return KnownRecord(demographics=demographics(**values))


NOTHING: dict[str, Any] = {
    **NO_NUMBER,
    "family": "",
    "given": "",
    "birth_date": None,
    "sex": "",
    "postcode": "",
    "address_line": "",
    "phone": "",
}


@pytest.mark.parametrize(
    ("answered", "proven"),
    [
        (NOTHING, False),
        ({**NOTHING, "nhs_number": nhs_number(index=1)}, True),
        ({**NOTHING, "nhs_number": "9990001007"}, False),
        ({**NOTHING, "nhs_number": "9999999999"}, False),
        ({**NOTHING, "birth_date": date(1951, 5, 4)}, False),
        ({**NOTHING, "birth_date": date(1951, 5, 4), "family": "FERRIS"}, True),
        ({**NOTHING, "birth_date": date(1951, 5, 4), "given": "Joan Mary"}, True),
        ({**NOTHING, "birth_date": date(1951, 5, 4), "given": "J"}, True),
        ({**NOTHING, "birth_date": date(1951, 5, 4), "given": "Ferris", "family": "Joan"}, True),
        ({**NOTHING, "birth_date": date(1951, 5, 4), "sex": "female", "postcode": "TM1 1AA"}, False),
        ({**NOTHING, "family": "Ferris", "given": "Joan", "sex": "female", "postcode": "TM1 1AA"}, False),
    ],
)
def test_an_answer_shows_that_it_is_theirs_by_a_number_or_a_birth_date_with_a_name(
    answered: dict[str, Any], proven: bool
) -> None:
    verdict = judge_answer(answered=demographics(**answered), known=[known()])
    assert verdict == AnswerVerdict(disagrees=(), proven=proven)


@pytest.mark.parametrize(
    ("written", "wrong", "proven"),
    [
        ("Joan Ferris", (), True),
        ("FERRIS, Joan (Mrs)", (), True),
        ("Mrs Joan Mary FERRIS", (), True),
        ("Ferris Joan", (), True),
        ("J Ferris", (), True),
        ("Joan Married", (), True),
        ("MARRIED, Joan", (), True),
        ("Ferris", (), True),
        ("Joan", (), True),
        ("Joan Ferris Ferris", (), True),
        ("Mrs Joan", (), True),
        ("Unknown", (), False),
        ("Mrs", (), False),
        ("", (), False),
        ("Okoro", (), False),
        ("Jean Ferris", ("given",), True),
        ("Mary Joan Ferris", ("given",), True),
        ("FERRIS, Mary Joan", ("given",), True),
        ("Joanna Ferrison", ("name",), False),
        ("Peter Okoro", ("name",), False),
        ("OKORO, Peter", ("name",), False),
        ("Ferr is Joan", (), True),
        (" ".join(["Ferris"] * 41), (), False),
    ],
)
def test_a_name_that_is_a_text_alone_is_read_as_the_known_one_is_divided(
    written: str, wrong: tuple[str, ...], proven: bool
) -> None:
    answered = demographics(**{**NOTHING, "birth_date": date(1951, 5, 4), "name_text": written})
    assert judge_answer(answered=answered, known=[known()]) == AnswerVerdict(disagrees=wrong, proven=proven)
    assert answer_disagreements(asked=demographics(**NO_NUMBER), answered=answered) == wrong
    assert answer_disagreements(asked=answered, answered=demographics(**NO_NUMBER)) == wrong


def test_a_stranger_s_name_that_is_a_text_alone_contradicts_also_where_the_number_is_hers() -> None:
    numbered = {**NOTHING, "nhs_number": nhs_number(index=1)}
    verdicts = [
        judge_answer(answered=demographics(**numbered, name_text=written), known=[known()]).disagrees
        for written in ("Peter Okoro", "Joan Okoro", "Jean Ferris", "Okoro")
    ]
    assert verdicts == [("name",), (), (), ()]


@pytest.mark.parametrize("given", ["Baby", "Unknown", "baby girl", "TEST"])
def test_a_placeholder_proves_nothing(given: str) -> None:
    newborn = {**NOTHING, "birth_date": date(2026, 1, 2), "given": given}
    assert not judge_answer(answered=demographics(**newborn), known=[known(**newborn)]).proven
    family = {**newborn, "given": "", "family": given}
    assert not judge_answer(answered=demographics(**family), known=[known(**family)]).proven
    for born in (date(1900, 1, 1), date(9999, 12, 31)):
        undated = {**NOTHING, "birth_date": born, "family": "Ferris", "given": "Joan"}
        assert not judge_answer(answered=demographics(**undated), known=[known(**undated)]).proven


def test_an_answer_contradicts_whatever_record_of_the_person_it_differs_from() -> None:
    one, other = known(), known(**{**NO_NUMBER, "birth_date": date(1951, 5, 4), "sex": ""})
    answered = demographics(sex="male", birth_date=date(1980, 1, 1))
    assert judge_answer(answered=answered, known=[other, one]).disagrees == ("birth_date", "sex")
    assert judge_answer(answered=answered, known=[other]).disagrees == ("birth_date",)


def test_what_a_human_has_accepted_is_no_contradiction_and_no_proof() -> None:
    accepting = KnownRecord(demographics=demographics(), accepted=frozenset({"birth_date"}))
    answered = demographics(birth_date=date(1980, 1, 1), sex="male")
    assert judge_answer(answered=answered, known=[accepting]) == AnswerVerdict(disagrees=("sex",), proven=True)
    unnumbered = demographics(**NO_NUMBER, birth_date=date(1980, 1, 1))
    assert judge_answer(answered=unnumbered, known=[accepting]) == AnswerVerdict(disagrees=(), proven=False)


def test_a_record_in_doubt_contradicts_and_proves_nothing() -> None:
    doubtful = KnownRecord(demographics=demographics(), proves=False)
    assert judge_answer(answered=demographics(), known=[doubtful]) == AnswerVerdict(disagrees=(), proven=False)
    assert judge_answer(answered=demographics(sex="male"), known=[doubtful]).disagrees == ("sex",)


def test_nothing_known_proves_nothing() -> None:
    assert judge_answer(answered=demographics(), known=[]) == AnswerVerdict(disagrees=(), proven=False)
