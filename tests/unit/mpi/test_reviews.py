"""How each kind of doubt may be settled."""

from __future__ import annotations

from datetime import date

import pytest

from aggregator.mpi.reviews import Decision, acceptable_fields, cause_words, decisions_for, fingerprint


@pytest.mark.parametrize(
    ("cause", "linked", "moved"),
    [
        ("demographics-changed", "take-new-values end-link", "take-new-values"),
        ("answer-about-another", "accept-fields end-link", "noted"),
        ("entry-about-another", "noted end-link", "noted"),
        ("same-number", "noted end-link", "noted end-link join"),
        ("verified-number-and-demographics", "noted end-link", "noted end-link join"),
        ("a rule of a later version", "noted end-link", "noted end-link join"),
    ],
)
def test_a_doubt_is_settled_as_its_cause_allows(cause: str, linked: str, moved: str) -> None:
    assert list(decisions_for(cause=cause, is_still_linked=True)) == linked.split()
    assert list(decisions_for(cause=cause, is_still_linked=False)) == moved.split()
    assert cause_words(cause=cause)


def test_a_cause_is_told_in_its_own_words() -> None:
    assert cause_words(cause="same-number") == "Two people share an NHS number"
    assert cause_words(cause="a rule of a later version") == "The record may belong to another person"


def test_every_decision_has_its_words() -> None:
    assert all(decision.words for decision in Decision)


def test_only_what_is_compared_can_be_accepted() -> None:
    assert acceptable_fields(evidence={"identifier": "differs", "sex": "differs", "birth_date": "differs"}) == (
        "birth_date",
        "sex",
    )


def test_a_state_has_one_name() -> None:
    assert fingerprint(parts=[{"a": 1, "b": 2}]) == fingerprint(parts=[{"b": 2, "a": 1}])
    assert fingerprint(parts=[{"a": 1}]) != fingerprint(parts=[{"a": 2}])


def test_a_state_may_hold_dates() -> None:
    assert fingerprint(parts=[date(2024, 5, 1)]) == fingerprint(parts=[date(2024, 5, 1)])
    assert fingerprint(parts=[date(2024, 5, 1)]) != fingerprint(parts=[date(2024, 5, 2)])
