"""Laws of how a source is judged, over whatever happens to it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import event, given
from hypothesis import strategies as st

from aggregator.health.judging import judge
from aggregator.health.terms import (
    CHECKS_KEPT,
    Checks,
    Evidence,
    HealthReason,
    Judgement,
    ReportedStatus,
    Reports,
    SourceCondition,
    Traffic,
)

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
TROUBLE = [reason for reason in HealthReason if reason.condition.is_trouble]

checks = st.lists(st.booleans(), max_size=CHECKS_KEPT).map(
    lambda recent: Checks(recent=tuple(recent), newest_at=NOW if recent else None)
)
reports = st.lists(st.sampled_from(ReportedStatus), max_size=2).flatmap(
    lambda recent: st.builds(
        Reports,
        recent=st.just(tuple(recent)),
        newest_at=st.integers(0, 200_000).map(lambda s: NOW - timedelta(seconds=s)) if recent else st.none(),
        interval=st.none() | st.integers(5, 86_400).map(lambda s: timedelta(seconds=s)),
        in_time=st.integers(1, 3),
    )
)
traffic = st.builds(
    Traffic,
    success=st.none() | st.floats(0, 1),
    p95_ms=st.none() | st.floats(0, 2000),
    breaker=st.sampled_from(["", "closed", "open", "half-open"]),
)
evidence = st.builds(
    Evidence, limit_ms=st.just(1000.0), checks=checks, reports=reports, traffic=traffic, is_paused=st.booleans()
)
befores = st.builds(
    Judgement,
    condition=st.sampled_from(SourceCondition),
    reasons=st.lists(st.sampled_from(HealthReason), unique=True).map(tuple),
)


def conditions(marks: Sequence[bool]) -> list[SourceCondition]:
    """Return how a source is after each of these checks."""
    judged, seen = Judgement(), []
    for count in range(1, len(marks) + 1):
        recent = tuple(marks[:count][-CHECKS_KEPT:])
        known = Evidence(limit_ms=1000, checks=Checks(recent=recent, newest_at=NOW))
        judged = judge(before=judged, evidence=known, now=NOW)
        seen.append(judged.condition)
    return seen


@given(before=befores, known=evidence)
def test_it_becomes_up_only_with_a_good_newest_check_and_never_against_what_is_said_now(
    before: Judgement, known: Evidence
) -> None:
    judged = judge(before=before, evidence=known, now=NOW)
    if judged.condition is not SourceCondition.UP:
        return
    event("up")
    assert known.checks.recent
    assert known.checks.recent[-1] or before.condition is SourceCondition.UP
    assert known.traffic.breaker != "open"
    assert not known.reports.is_missing(now=NOW)
    if known.reports.count(now=NOW):
        assert known.reports.recent[-1] is ReportedStatus.UP
    assert not judged.reasons


@given(before=befores, known=evidence)
def test_a_judgement_says_why_and_its_condition_is_that_of_its_worst_reason(before: Judgement, known: Evidence) -> None:
    judged = judge(before=before, evidence=known, now=NOW)
    assert bool(judged.reasons) is (judged.condition is not SourceCondition.UP)
    worst = [SourceCondition.DOWN, SourceCondition.SILENT, SourceCondition.DEGRADED]
    said = {reason.condition for reason in judged.reasons}
    if judged.condition.is_trouble:
        assert judged.condition == next(condition for condition in worst if condition in said)
    assert (HealthReason.PAUSED in judged.reasons) is known.is_paused


@given(before=befores, known=evidence)
def test_the_same_evidence_again_changes_nothing(before: Judgement, known: Evidence) -> None:
    judged = judge(before=before, evidence=known, now=NOW)
    assert judge(before=judged, evidence=known, now=NOW) == judged


@given(marks=st.lists(st.booleans(), min_size=1, max_size=200))
def test_it_goes_down_only_after_three_failures_and_up_only_after_two_successes(marks: list[bool]) -> None:
    seen = [SourceCondition.UNKNOWN, *conditions(marks)]
    for at, (earlier, later) in enumerate(itertools.pairwise(seen), 1):
        if later is SourceCondition.DOWN and earlier is not SourceCondition.DOWN:
            event("goes down")
            assert marks[at - 3 : at] == [False] * 3
        if earlier is SourceCondition.DOWN and later is not SourceCondition.DOWN:
            event("comes back")
            assert marks[at - 2 : at] == [True] * 2


@given(start=st.lists(st.booleans(), max_size=20), turns=st.integers(20, 60))
def test_checks_that_alternate_settle(start: list[bool], turns: int) -> None:
    seen = conditions([*start, *[bool(turn % 2) for turn in range(turns)]])
    assert len(set(seen[len(start) + 10 :])) == 1


@given(marks=st.lists(st.booleans(), min_size=1, max_size=60), alike=st.booleans())
def test_checks_that_all_end_alike_in_the_end_decide(marks: list[bool], alike: bool) -> None:
    seen = conditions([*marks, *[alike] * CHECKS_KEPT])
    assert seen[-1] is (SourceCondition.UP if alike else SourceCondition.DOWN)
