"""How a source is, as the rule makes it of checks, traffic and its own reports."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.health.judging import UNASKED, judge, since_when
from aggregator.health.terms import (
    SILENT_AFTER,
    STALE_AFTER,
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
UP, DEGRADED, DOWN = ReportedStatus.UP, ReportedStatus.DEGRADED, ReportedStatus.DOWN
FRESH = Judgement()


def checks(marks: str) -> Checks:
    """Return checks of a text such as "ggb": good, good, bad."""
    return Checks(recent=tuple(mark == "g" for mark in marks), newest_at=NOW if marks else None)


def known(marks: str = "ggg", *, reports: Reports | None = None, **traffic: float | str) -> Evidence:
    return Evidence(
        limit_ms=1000,
        checks=checks(marks),
        reports=reports or Reports(),
        traffic=Traffic(**traffic),  # type: ignore[arg-type]
    )


def reported(*statuses: ReportedStatus, every_s: int | None = 10, ago_s: float = 0, in_time: int = 9) -> Reports:
    return Reports(
        recent=statuses,
        newest_at=NOW - timedelta(seconds=ago_s),
        interval=timedelta(seconds=every_s) if every_s else None,
        in_time=in_time,
    )


def after(marks: str, *, before: Judgement = FRESH) -> Judgement:
    """Return the judgement once each of these checks has been made, one after another."""
    for count in range(1, len(marks) + 1):
        before = judge(before=before, evidence=known(marks[:count][-10:]), now=NOW)
    return before


@pytest.mark.parametrize(
    ("marks", "condition"),
    [
        ("g", "up"),
        ("b", "unknown"),
        ("bb", "unknown"),
        ("bbb", "down"),
        ("gbb", "up"),
        ("gbbb", "down"),
        ("gbbbg", "down"),
        ("gbbbgb", "down"),
        ("gbbbgbg", "down"),
        ("gbbbgbgg", "up"),
        ("gbbbgg", "up"),
        ("gbgb", "up"),
        ("gbgbgb", "degraded"),
        ("gbgbgbg", "degraded"),
        ("gbgbgbggggg", "degraded"),
        ("gbgbgbggggggg", "up"),
    ],
)
def test_three_failures_make_it_down_and_two_successes_up_again(marks: str, condition: str) -> None:
    assert after(marks).condition == condition


def test_what_alternates_changes_its_condition_once() -> None:
    seen = [after("g" + "bg" * count).condition for count in range(20)]
    assert [left for left, right in itertools.pairwise(seen) if left != right] == [SourceCondition.UP]


def test_one_that_was_not_checked_lately_is_not_known_to_be_up() -> None:
    up = after("ggg")
    stale = replace(known(), checks=replace(checks("ggg"), newest_at=NOW - STALE_AFTER))
    assert judge(before=up, evidence=stale, now=NOW) == Judgement()
    assert judge(before=FRESH, evidence=known(""), now=NOW) == Judgement()


def test_a_paused_one_is_judged_by_nothing() -> None:
    paused = judge(before=after("gbbb"), evidence=replace(known("bbb"), is_paused=True), now=NOW)
    assert paused == Judgement(condition=SourceCondition.UNKNOWN, reasons=(HealthReason.PAUSED,))
    assert judge(before=paused, evidence=known("g"), now=NOW).condition is SourceCondition.UP


@pytest.mark.parametrize(
    ("before", "traffic", "reasons"),
    [
        ((), {"success": 0.89}, ["few-answers"]),
        ((), {"success": 0.92}, []),
        (("few-answers",), {"success": 0.92}, ["few-answers"]),
        (("few-answers",), {"success": 0.95}, []),
        (("few-answers",), {}, []),
        ((), {"p95_ms": 801}, ["slow"]),
        ((), {"p95_ms": 700}, []),
        (("slow",), {"p95_ms": 700}, ["slow"]),
        (("slow",), {"p95_ms": 599}, []),
        (("slow",), {}, []),
        ((), {"breaker": "open"}, ["resting"]),
        ((), {"breaker": "half-open"}, []),
        (("resting",), {"breaker": "half-open"}, ["resting"]),
        (("resting",), {"breaker": "closed"}, []),
    ],
)
def test_traffic_counts_with_a_mark_to_begin_and_another_to_cease(
    before: tuple[str, ...], traffic: dict[str, float], reasons: list[str]
) -> None:
    reasons_before = tuple(HealthReason(reason) for reason in before)
    condition = reasons_before[0].condition if reasons_before else SourceCondition.UP
    judged = judge(before=Judgement(condition=condition, reasons=reasons_before), evidence=known(**traffic), now=NOW)
    assert [reason.value for reason in judged.reasons] == reasons
    assert judged.condition is (HealthReason(reasons[0]).condition if reasons else SourceCondition.UP)


@pytest.mark.parametrize(
    ("marks", "breaker", "failed_s_ago", "condition"),
    [
        ("gg", "half-open", UNASKED.total_seconds(), "up"),
        ("gg", "half-open", UNASKED.total_seconds() - 1, "down"),
        ("bg", "half-open", UNASKED.total_seconds(), "down"),
        ("gg", "open", UNASKED.total_seconds(), "down"),
    ],
)
def test_one_that_rested_and_that_nobody_asks_any_more_is_up_again_by_its_checks(
    marks: str, breaker: str, failed_s_ago: float, condition: str
) -> None:
    resting = Judgement(condition=SourceCondition.DOWN, reasons=(HealthReason.RESTING,))
    evidence = replace(known(marks), traffic=Traffic(breaker=breaker, failed_at=NOW - timedelta(seconds=failed_s_ago)))
    judged = judge(before=resting, evidence=evidence, now=NOW)
    assert judged.condition == condition
    assert judge(before=judged, evidence=evidence, now=NOW) == judged


@pytest.mark.parametrize(
    ("statuses", "before", "condition"),
    [
        ([UP], "up", "up"),
        ([UP, DEGRADED], "up", "degraded"),
        ([UP, DOWN], "up", "down"),
        ([DOWN, UP], "down", "down"),
        ([UP, UP], "down", "up"),
        ([DOWN, DEGRADED], "down", "down"),
        ([DEGRADED, DEGRADED], "down", "degraded"),
        ([DEGRADED, UP], "degraded", "degraded"),
    ],
)
def test_a_bad_report_is_believed_at_once_and_a_better_one_with_the_second(
    statuses: list[ReportedStatus], before: str, condition: str
) -> None:
    reasons = {"up": (), "degraded": (HealthReason.REPORTS_DEGRADED,), "down": (HealthReason.REPORTS_DOWN,)}
    judged = judge(
        before=Judgement(condition=SourceCondition(before), reasons=reasons[before]),
        evidence=known(reports=reported(*statuses)),
        now=NOW,
    )
    assert judged.condition == condition


def test_a_report_without_an_interval_counts_for_a_day_and_is_never_missed() -> None:
    for hours, condition in ((23, "down"), (25, "up")):
        evidence = known(reports=reported(DOWN, every_s=None, ago_s=hours * 3600))
        assert judge(before=after("g"), evidence=evidence, now=NOW).condition == condition


def test_it_is_silent_a_minute_after_a_report_was_due() -> None:
    silent_s = 10 + SILENT_AFTER.total_seconds()
    for ago_s, condition in ((silent_s - 1, "up"), (silent_s, "silent")):
        evidence = known(reports=reported(UP, UP, ago_s=ago_s))
        assert judge(before=after("g"), evidence=evidence, now=NOW).condition == condition


@pytest.mark.parametrize(
    ("every_s", "in_time", "condition"), [(10, 1, "silent"), (10, 2, "up"), (600, 1, "up"), (None, 1, "up")]
)
def test_one_that_was_silent_is_back_with_the_second_report(every_s: int | None, in_time: int, condition: str) -> None:
    before = Judgement(condition=SourceCondition.SILENT, reasons=(HealthReason.NO_REPORT,))
    evidence = known(reports=reported(UP, UP, every_s=every_s, in_time=in_time))
    assert judge(before=before, evidence=evidence, now=NOW).condition == condition


def test_the_worst_counts_and_all_reasons_are_said() -> None:
    evidence = known("bbb", reports=reported(DEGRADED, ago_s=1000), success=0.5)
    judged = judge(before=FRESH, evidence=evidence, now=NOW)
    assert judged.condition is SourceCondition.DOWN
    assert [reason.value for reason in judged.reasons] == [
        "checks-fail",
        "no-report",
        "reports-degraded",
        "few-answers",
    ]


def test_it_is_not_taken_to_be_up_on_a_check_that_failed() -> None:
    slow = Judgement(condition=SourceCondition.DEGRADED, reasons=(HealthReason.SLOW,))
    judged = judge(before=slow, evidence=known("ggb", p95_ms=1), now=NOW)
    assert judged == Judgement(condition=SourceCondition.DEGRADED, reasons=(HealthReason.LAST_CHECK_FAILED,))
    assert judge(before=judged, evidence=known("gbg", p95_ms=1), now=NOW).condition is SourceCondition.UP


def test_since_when_is_told_by_the_time_at_which_a_check_or_a_report_did_not_come() -> None:
    up = Judgement(condition=SourceCondition.UP, reasons=())
    stale = NOW + STALE_AFTER
    assert since_when(before=up, evidence=known(), now=stale + timedelta(hours=5)) == stale
    missed = NOW + timedelta(seconds=10) + SILENT_AFTER
    expects = known(reports=reported(UP))
    for later in (missed, stale, stale + timedelta(hours=5)):
        assert since_when(before=up, evidence=expects, now=later) == missed
    told = known("", reports=reported(DOWN, every_s=None))
    down = Judgement(condition=SourceCondition.DOWN, reasons=(HealthReason.REPORTS_DOWN,))
    assert since_when(before=down, evidence=told, now=NOW + timedelta(days=3)) == NOW + timedelta(days=1)


def test_since_when_is_now_where_it_is_no_question_of_time() -> None:
    assert since_when(before=FRESH, evidence=known("g"), now=NOW) == NOW
