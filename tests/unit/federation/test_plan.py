"""Whom to ask, for what, and by when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from aggregator.federation.plan import Candidate, FreshAnswer, Plan, flight_key, make_plan, with_answers
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from tests.factories import NOW, candidate

PERSON, USER, SOURCE = uuid4(), uuid4(), uuid4()


def planned(*candidates: Candidate, **values: Any) -> Plan:
    return make_plan(
        **{
            "candidates": candidates,
            "categories": CLINICAL_CATEGORIES,
            "person_id": PERSON,
            "asker_id": USER,
            "deadline_s": 10.0,
            "now": NOW,
            **values,
        }
    )


def test_every_source_that_holds_the_person_is_in_the_plan_asked_or_not() -> None:
    linked, forbidden, elsewhere = candidate(), candidate(may_ask=False), candidate(local_identifiers=())
    paused = candidate(enabled=False)
    found = planned(linked, forbidden, elsewhere, paused)
    assert [(one.source_id, one.not_asked) for one in found.sources] == [
        (linked.source_id, None),
        (forbidden.source_id, "may-not"),
        (paused.source_id, "paused"),
    ]


def test_a_plan_of_nobody_is_empty_and_has_its_deadline() -> None:
    assert planned() == Plan(deadline_at=NOW + timedelta(seconds=10), sources=())


@pytest.mark.parametrize(("time_limit_s", "ends_s"), [(3.0, 3.0), (9.0, 9.0), (60.0, 10.0), (0.1, 0.1)])
def test_a_source_has_its_own_time_or_what_there_is(time_limit_s: float, ends_s: float) -> None:
    (one,) = planned(candidate(time_limit_s=time_limit_s)).sources
    assert one.deadline_at == NOW + timedelta(seconds=ends_s)


def key_for(*, user: UUID | None, serves_others: bool) -> str:
    (one,) = planned(candidate(source_id=SOURCE, answers_serve_others=serves_others), asker_id=user).sources
    return one.flight_key


def test_an_answer_that_may_serve_others_is_one_question_for_all() -> None:
    assert key_for(user=USER, serves_others=True) == key_for(user=uuid4(), serves_others=True)


def test_an_answer_that_may_not_is_a_question_of_each_user() -> None:
    assert key_for(user=USER, serves_others=False) == key_for(user=USER, serves_others=False)
    assert key_for(user=USER, serves_others=False) != key_for(user=uuid4(), serves_others=False)
    assert key_for(user=USER, serves_others=False) != key_for(user=USER, serves_others=True)


def test_a_plan_asks_each_source_and_each_person_a_question_of_its_own() -> None:
    plans = [
        planned(candidate(source_id=source_id), person_id=person_id)
        for source_id in (SOURCE, uuid4())
        for person_id in (PERSON, uuid4())
    ]
    assert len({source.flight_key for plan in plans for source in plan.sources}) == 4


@pytest.mark.parametrize(
    "other",
    [
        {"source_id": uuid4()},
        {"person_id": uuid4()},
        {"categories": [RecordCategory.ALLERGIES]},
        {"asker_id": uuid4()},
    ],
)
def test_another_question_has_another_name(other: dict[str, Any]) -> None:
    asked: dict[str, Any] = {
        "source_id": SOURCE,
        "person_id": PERSON,
        "categories": [RecordCategory.ALLERGIES, RecordCategory.PROBLEMS],
        "asker_id": None,
    }
    assert flight_key(**asked) != flight_key(**{**asked, **other})
    assert flight_key(**asked) == flight_key(**{**asked, "categories": reversed(asked["categories"])})


def test_the_name_of_a_question_tells_nothing() -> None:
    name = flight_key(source_id=SOURCE, person_id=PERSON, categories=[RecordCategory.ALLERGIES], asker_id=USER)
    assert not any(part in name for part in (str(SOURCE), str(PERSON), str(USER), "allergies"))
    assert len(name) == 64


def test_a_source_whose_every_identifier_is_in_doubt_is_named_and_not_asked() -> None:
    doubtful = candidate(local_identifiers=(), in_doubt=True)
    partly, forbidden = candidate(in_doubt=True), candidate(local_identifiers=(), in_doubt=True, may_ask=False)
    found = planned(doubtful, partly, forbidden)
    assert [one.not_asked for one in found.sources] == ["identity-in-doubt", None, "may-not"]


def test_a_source_that_must_name_a_person_is_not_asked_for_a_system_unless_it_may_not_be_asked_at_all() -> None:
    needing, forbidden, in_doubt = (
        candidate(needs_user=True),
        candidate(needs_user=True, may_ask=False),
        candidate(needs_user=True, in_doubt=True, local_identifiers=()),
    )
    assert [source.not_asked for source in planned(needing, forbidden, in_doubt).sources] == [
        "no-user",
        "may-not",
        "no-user",
    ]


# Answers that are used again


def test_an_answer_is_used_again_only_where_the_source_may_be_asked_and_nobody_wants_it_asked() -> None:
    one, other, forbidden, never = (
        candidate(freshness_s=300),
        candidate(freshness_s=300),
        candidate(freshness_s=300, may_ask=False),
        candidate(freshness_s=0),
    )
    plan = planned(one, other, forbidden, never, anew=[other.source_id])
    assert [source.fresh_since for source in plan.sources] == [NOW - timedelta(minutes=5), None, None, None]
    answer = FreshAnswer(outcome_id=uuid4(), held_until=NOW)
    kept = with_answers(plan=plan, fresh={source.source_id: answer for source in plan.sources})
    assert [source.answer for source in kept.sources] == [answer, None, None, None]
    assert [source.is_awaited for source in kept.sources] == [False, True, False, True]


@pytest.mark.parametrize(("max_age_s", "most_s"), [(None, 300), (600, 300), (60, 60), (0, None)])
def test_no_answer_is_older_than_the_source_and_the_caller_take(max_age_s: int | None, most_s: int | None) -> None:
    (source,) = planned(candidate(freshness_s=300), max_age_s=max_age_s).sources
    assert source.fresh_since == (None if most_s is None else NOW - timedelta(seconds=most_s))


def test_a_plan_of_answers_alone_awaits_nothing() -> None:
    plan = planned(candidate(freshness_s=300), candidate(enabled=False))
    assert plan.awaits_any
    answer = FreshAnswer(outcome_id=uuid4(), held_until=NOW)
    assert not with_answers(plan=plan, fresh={plan.sources[0].source_id: answer}).awaits_any
    assert not planned().awaits_any
