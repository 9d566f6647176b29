"""Laws of answers that are used again: never more than asking would show, over whatever happened before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from aggregator.federation.models import SourceOutcome
from aggregator.federation.plan import FreshAnswer, make_plan, with_answers
from aggregator.mpi.models import Person, SourceRecord
from aggregator.sources.models import Source
from aggregator.sources.operations import put_source, set_enabled
from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.outcomes import Outcome
from tests.factories import NOW, candidate, person, requester, source
from tests.questions import TAKES, ended, lose, opened, row_of

FRESH_S = 300
ASKERS = {"osei": requester(), "lane": requester()}


@dataclass
class History:
    """What happened, as a reader of the rules would keep it: the newest request of each question, and what changed."""

    serves_others: bool
    person: Person
    at: Source
    now: datetime = NOW
    newest: dict[str, Newest] = field(default_factory=dict)

    def question(self, who: str) -> str:
        return "anybody" if self.serves_others else who


@dataclass
class Newest:
    retrieval_id: UUID
    asked_at: datetime
    is_whole_answer: bool
    is_held: bool
    is_as_it_was: bool = True


Step = Callable[[History], None]


def ask(who: str, outcome: Outcome, is_whole: bool) -> Step:
    def step(history: History) -> None:
        retrieval_id = opened(
            of=history.person,
            at=history.at,
            by=ASKERS[who],
            now=history.now,
            serves_others=history.serves_others,
            max_age_s=0,
        )
        if not Source.objects.get().enabled:
            history.now += TAKES  # no two records are opened at the very same moment
            return
        ended(retrieval_id, now=history.now, outcome=outcome, is_whole=is_whole)
        history.newest[history.question(who)] = Newest(
            retrieval_id=retrieval_id,
            asked_at=history.now,
            is_whole_answer=is_whole and outcome in (Outcome.ANSWERED, Outcome.EMPTY),
            is_held=outcome.is_answer,
        )
        history.now += 2 * TAKES

    return step


def wait(seconds: int) -> Step:
    def step(history: History) -> None:
        history.now += timedelta(seconds=seconds)

    return step


def change(what: str) -> Step:
    def step(history: History) -> None:
        if what == "lost":
            for newest in history.newest.values():
                lose(row_of(newest.retrieval_id))
                newest.is_held = False
            return
        if what == "moved":
            put_source(slug=history.at.slug, rank=Source.objects.get().rank + 1)
        elif what == "paused or resumed":
            set_enabled(source_id=history.at.id, is_enabled=not Source.objects.get().enabled)
        else:
            SourceRecord.objects.update(family=f"Ferris-{uuid4().hex[:6]}")
        for newest in history.newest.values():
            newest.is_as_it_was = False

    return step


steps = st.one_of(
    st.builds(ask, st.sampled_from(sorted(ASKERS)), st.just(Outcome.ANSWERED), st.just(True)),
    st.builds(ask, st.sampled_from(sorted(ASKERS)), st.sampled_from(Outcome), st.booleans()),
    st.builds(wait, st.integers(1, 200)),
    st.builds(change, st.sampled_from(["lost", "moved", "paused or resumed", "another name"])),
)


class _UndoneError(Exception):
    """Undoes what one example wrote."""


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(steps, max_size=5),
    who=st.sampled_from(sorted(ASKERS)),
    serves_others=st.booleans(),
    after_s=st.integers(0, 400),
)
def test_an_answer_is_used_again_just_when_the_newest_request_says_what_asking_would_have_said(
    db: None, before: list[Step], who: str, serves_others: bool, after_s: int
) -> None:
    try:
        with transaction.atomic():
            _check(before, who=who, serves_others=serves_others, after_s=after_s)
            raise _UndoneError
    except _UndoneError:
        pass


def _check(before: list[Step], *, who: str, serves_others: bool, after_s: int) -> None:
    at = source(slug="hospital", freshness_s=FRESH_S)
    history = History(serves_others=serves_others, person=person(at=at, identifier="h-1"), at=at)
    for step in before:
        step(history)
    history.now += timedelta(seconds=after_s)
    newest = history.newest.get(history.question(who))
    may_be_used = (
        newest is not None
        and newest.is_whole_answer
        and newest.is_held
        and newest.is_as_it_was
        and history.now - newest.asked_at <= timedelta(seconds=FRESH_S)
        and Source.objects.get().enabled
    )
    row = row_of(opened(of=history.person, at=at, by=ASKERS[who], now=history.now, serves_others=serves_others))
    event(f"used again: {may_be_used}")
    event(f"answered: {len(history.newest)}")
    assert (row.joins is not None) is may_be_used
    if newest is not None and row.joins is not None:
        assert row.joins.retrieval_id == newest.retrieval_id
        assert serves_others or _asker_of(row.joins) == ASKERS[who].asker_id


def _asker_of(row: SourceOutcome) -> UUID | None:
    return row.retrieval.asker_id


candidates = st.builds(
    lambda **values: candidate(**values),
    may_ask=st.booleans(),
    enabled=st.booleans(),
    needs_user=st.booleans(),
    in_doubt=st.booleans(),
    local_identifiers=st.sampled_from([(), ("1",)]),
    freshness_s=st.sampled_from([0, 1, 300]),
    answers_serve_others=st.booleans(),
)


@given(asked=st.lists(candidates, max_size=4), max_age_s=st.none() | st.integers(0, 400), anew=st.booleans())
def test_to_offer_an_answer_of_every_source_changes_nothing_of_those_that_are_not_asked(
    asked: list[object], max_age_s: int | None, anew: bool
) -> None:
    plan = make_plan(
        candidates=asked,  # type: ignore[arg-type]
        categories=CLINICAL_CATEGORIES,
        person_id=uuid4(),
        asker_id=uuid4(),
        deadline_s=10,
        now=NOW,
        max_age_s=max_age_s,
        anew=[one.source_id for one in asked[:1]] if anew else (),  # type: ignore[attr-defined]
    )
    offered = {one.source_id: FreshAnswer(outcome_id=uuid4(), held_until=NOW) for one in plan.sources}
    kept = with_answers(plan=plan, fresh=offered)
    for before, after in zip(plan.sources, kept.sources, strict=True):
        assert (after.not_asked, after.flight_key, after.deadline_at) == (
            before.not_asked,
            before.flight_key,
            before.deadline_at,
        )
        assert after.answer is None or (after.not_asked is None and max_age_s != 0)
    if anew and kept.sources and kept.sources[0].source_id == asked[0].source_id:  # type: ignore[attr-defined]
        assert kept.sources[0].answer is None
