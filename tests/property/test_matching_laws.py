"""The laws of matching: symmetric, and no veto passed over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from aggregator.mpi.demographics import (
    PLACEHOLDER_BIRTH_DATES,
    PLACEHOLDER_NAMES,
    Demographics,
    as_json,
    from_json,
    name_is_placeholder,
    valid_nhs_number,
    with_later,
)
from aggregator.mpi.golden import Contribution, golden_record
from aggregator.mpi.matching import Grade, KnownRecord, answer_disagreements, compare, judge_answer
from aggregator.mpi.nicknames import is_short_for
from tests import proofs, strategies
from tests.factories import NOW, check_digit

laws = proofs.laws(examples=120)


@laws
@given(left=strategies.demographics(), right=strategies.demographics())
def test_comparing_is_symmetric(left: Demographics, right: Demographics) -> None:
    assert compare(left=left, right=right) == compare(left=right, right=left)
    assert answer_disagreements(asked=left, answered=right) == answer_disagreements(asked=right, answered=left)


@laws
@given(pair=strategies.pairs_of_demographics())
def test_certain_is_what_the_written_minimum_says(pair: tuple[Demographics, Demographics]) -> None:
    left, right = pair
    if compare(left=left, right=right).grade is not Grade.CERTAIN:
        return
    assert left.number_is_verified
    assert right.number_is_verified
    assert left.valid_number == right.valid_number
    assert left.birth_date == right.birth_date
    assert left.birth_date not in {None, *PLACEHOLDER_BIRTH_DATES}
    assert {left.sex, right.sex} != {"male", "female"}
    assert not any(name_is_placeholder(text=name) for one in (left, right) for name in (one.given, one.family))
    assert answer_disagreements(asked=left, answered=right) == ()


@laws
@given(
    pair=strategies.pairs_of_demographics(),
    written=st.sampled_from([*PLACEHOLDER_NAMES, "", "Twin Two", "not known"]),
    born=st.sampled_from([*PLACEHOLDER_BIRTH_DATES, date(1849, 12, 31), date(2099, 12, 31)]),
    at=st.sampled_from(["given", "family", "birth_date"]),
)
def test_a_placeholder_makes_nobody_certain_and_agrees_with_nothing(
    pair: tuple[Demographics, Demographics], written: str, born: date, at: str
) -> None:
    value = born if at == "birth_date" else written
    left, right = (replace(one, **{at: value}) for one in pair)
    found = compare(left=left, right=right)
    assert found.grade is not Grade.CERTAIN
    assert dict(found.evidence)[at] in {"placeholder", "absent"}
    if found.grade is Grade.PROBABLE and left.valid_number != right.valid_number:
        assert at == "family"
        assert dict(found.evidence)["postcode"] == "same"


@laws
@given(answered=strategies.demographics(), known=st.lists(strategies.demographics(), max_size=3))
def test_an_answer_is_proven_only_by_a_number_or_a_birth_date_with_a_name(
    answered: Demographics, known: list[Demographics]
) -> None:
    verdict = judge_answer(answered=answered, known=[KnownRecord(demographics=one) for one in known])
    agreeing = [
        one
        for one in known
        if (answered.valid_number and one.valid_number == answered.valid_number)
        or (answered.birth_date not in {None, *PLACEHOLDER_BIRTH_DATES} and one.birth_date == answered.birth_date)
    ]
    assert agreeing or not verdict.proven
    assert set(verdict.disagrees) == {
        field for one in known for field in answer_disagreements(asked=one, answered=answered)
    }


@laws
@given(answered=strategies.demographics(), known=st.lists(strategies.demographics(), min_size=1, max_size=3))
def test_one_more_record_of_the_person_hides_no_contradiction(
    answered: Demographics, known: list[Demographics]
) -> None:
    records = [KnownRecord(demographics=one) for one in known]
    fewer = judge_answer(answered=answered, known=records[:-1])
    assert set(fewer.disagrees) <= set(judge_answer(answered=answered, known=records).disagrees)


@laws
@given(written=strategies.demographics())
def test_demographics_survive_being_written(written: Demographics) -> None:
    assert from_json(stored=json.loads(json.dumps(as_json(demographics=written)))) == written


@laws
@given(earlier=strategies.demographics(), later=strategies.demographics())
def test_nothing_that_a_source_said_is_erased_by_its_silence(earlier: Demographics, later: Demographics) -> None:
    kept = with_later(earlier=earlier, later=later)
    assert not earlier.valid_number or kept.valid_number
    for name in ("family", "given", "birth_date", "known_sex"):
        assert not getattr(earlier, name) or getattr(kept, name), name


@laws
@given(one=strategies.given_names(), other=strategies.given_names())
def test_a_short_form_is_so_both_ways(one: str, other: str) -> None:
    assert is_short_for(left=one, right=other) == is_short_for(left=other, right=one)


@laws
@given(pair=strategies.pairs_of_demographics(), spelt=strategies.spellings())
def test_how_a_name_is_typed_changes_nothing(
    pair: tuple[Demographics, Demographics], spelt: Callable[[str], str]
) -> None:
    left, right = pair
    typed = replace(right, family=spelt(right.family), given=spelt(right.given))
    assert compare(left=left, right=typed) == compare(left=left, right=right)
    known = [KnownRecord(demographics=left)]
    assert judge_answer(answered=typed, known=known) == judge_answer(answered=right, known=known)


@laws
@given(
    known=strategies.demographics(),
    answered=strategies.demographics(),
    form=st.sampled_from(["{given} {family}", "{family}, {given}", "{family} {given}", "Mrs {given} {family}"]),
)
def test_her_own_name_as_one_text_says_what_it_says_in_parts(
    known: Demographics, answered: Demographics, form: str
) -> None:
    in_parts = replace(answered, family=known.family, given=known.given)
    written = form.format(family=known.family, given=known.given)
    as_text = replace(answered, family="", given="", name_text=written)
    records = [KnownRecord(demographics=known)]
    assert judge_answer(answered=as_text, known=records) == judge_answer(answered=in_parts, known=records)


@laws
@given(number=strategies.valid_numbers(), spaces=st.sampled_from(["", " ", "\u00a0", "-", "\u200b"]))
def test_a_valid_number_is_found_however_it_is_spaced(number: str, spaces: str) -> None:
    assert valid_nhs_number(text=spaces.join(number)) == number


@laws
@given(number=strategies.valid_numbers(), place=st.integers(0, 9), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_found(number: str, place: int, digit: str) -> None:
    changed = number[:place] + digit + number[place + 1 :]
    assert valid_nhs_number(text=changed) == (number if changed == number else "")


@laws
@given(stem=strategies.stems(), digit=st.integers(0, 9))
def test_the_check_is_the_written_one(stem: str, digit: int) -> None:
    number = f"{stem}{digit}"
    repeated = len(set(number)) == 1
    assert bool(valid_nhs_number(text=number)) == (digit == check_digit(stem=stem) and not repeated)


@laws
@given(
    people=st.lists(st.tuples(strategies.demographics(), st.integers(0, 2), st.integers(0, 2)), max_size=5),
    data=st.data(),
)
def test_a_golden_record_does_not_depend_on_order(
    people: list[tuple[Demographics, int, int]], data: st.DataObject
) -> None:
    parts = [
        Contribution(
            demographics=person, rank=rank, updated_at=NOW - timedelta(days=days), source_slug=f"source-{days}"
        )
        for person, rank, days in people
    ]
    found = golden_record(contributions=parts)
    assert golden_record(contributions=data.draw(st.permutations(parts))) == found
    for field in ("family", "birth_date", "postcode"):
        assert getattr(found, field) in {"", None} | {getattr(person, field) for person, _, _ in people}
    assert found.birth_date is None or isinstance(found.birth_date, date)


def is_certain(pair: tuple[Demographics, Demographics]) -> bool:
    return compare(left=pair[0], right=pair[1]).grade is Grade.CERTAIN


def is_short(names: tuple[str, str]) -> bool:
    return is_short_for(left=names[0], right=names[1])


@pytest.mark.generators
@pytest.mark.parametrize(
    ("drawn", "reached", "least"),
    [
        (strategies.pairs_of_demographics(), is_certain, 0.08),
        (st.tuples(strategies.given_names(), strategies.given_names()), is_short, 0.05),
    ],
)
def test_the_case_of_a_law_is_reached_often_enough(
    drawn: SearchStrategy[Any], reached: Callable[[Any], bool], least: float
) -> None:
    hits: list[bool] = []

    @settings(laws, max_examples=200, derandomize=True, database=None, phases=[Phase.generate])
    @given(case=drawn)
    def measure(case: Any) -> None:
        hits.append(reached(case))

    measure()
    assert sum(hits) >= least * len(hits)
