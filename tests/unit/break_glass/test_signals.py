"""What stands out about a case, and what is said to be unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.break_glass.signals import MANY, NOT_JOINED, WITHIN, CaseFacts, SignalKind, signals, unknowns
from tests.factories import NOW

PLAIN = CaseFacts(
    began_at=NOW - WITHIN, user_family="Osei", patient_family="Ferris", opened_in_week=1, was_in_care=True
)


def kinds(facts: CaseFacts) -> list[SignalKind]:
    return [signal.kind for signal in signals(facts=facts, now=NOW)]


def test_a_plain_case_gives_no_signal_and_says_what_is_not_known() -> None:
    assert kinds(PLAIN) == []
    assert unknowns(facts=PLAIN, now=NOW) == (NOT_JOINED,)


@pytest.mark.parametrize(
    ("user", "patient", "same"),
    [("O'Neill", "ONEILL", True), ("Jose", "José", True), ("Osei", "Oseh", False), ("", "", False)],
)
def test_surnames_are_compared_as_they_are_heard_and_none_is_like_none(user: str, patient: str, same: bool) -> None:
    facts = replace(PLAIN, user_family=user, patient_family=patient)
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
    early = replace(alone, began_at=alone.began_at + timedelta(microseconds=1))
    assert kinds(early) == []
    assert len(unknowns(facts=early, now=NOW)) == 2
