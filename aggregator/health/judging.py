"""The rule that says how a source is. Pure.

Each reason begins to hold at one mark and ceases to hold at another, so that a source at the edge does not change with
every check. The worst of the reasons that hold says how the source is. Where none holds it is up, unless it has not
been checked lately, or the newest check failed before it was known to be up.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator.health.terms import (
    CHECKS_KEPT,
    RARE_REPORTS,
    REPORT_COUNTS_FOR,
    SILENT_AFTER,
    STALE_AFTER,
    Checks,
    Evidence,
    HealthReason,
    Judgement,
    ReportedStatus,
    SourceCondition,
    Traffic,
)

FAILURES_IN_A_ROW, SUCCESSES_IN_A_ROW = 3, 2
# How often a check failed after one that went well, among the last ones.
FALLS, FALLS_OVER = 3, 1
FEW, ENOUGH = 0.90, 0.95
# Shares of the time that a source is given.
SLOW, FAST_ENOUGH = 0.8, 0.6
REPORTS_IN_A_ROW = 2
# A source that failed requests, and that nobody has asked for so long since, is judged by its checks alone.
UNASKED = timedelta(minutes=15)

_WORST_FIRST = (SourceCondition.DOWN, SourceCondition.SILENT, SourceCondition.DEGRADED)


@dataclass(frozen=True, kw_only=True)
class _Marks:
    """When a reason begins to hold, and when one that held ceases to."""

    begins: Callable[[Evidence, datetime], bool]
    ceases: Callable[[Evidence, datetime], bool]


def judge(*, before: Judgement, evidence: Evidence, now: datetime) -> Judgement:
    """Return how a source is, given how it was taken to be before."""
    if evidence.is_paused:
        return _because(SourceCondition.UNKNOWN, [HealthReason.PAUSED])
    holding = [reason for reason, marks in _MARKS.items() if _holds(reason, marks, before, evidence, now)]
    for condition in _WORST_FIRST:
        if any(reason.condition is condition for reason in holding):
            return _because(condition, holding)
    if evidence.checks.is_ours:
        return _because(SourceCondition.UNKNOWN, [HealthReason.NOT_ASKABLE])
    newest_at = evidence.checks.newest_at
    if newest_at is None or now >= newest_at + STALE_AFTER:
        return _because(SourceCondition.UNKNOWN, [HealthReason.NOT_CHECKED])
    if evidence.checks.recent[-1] or before.condition is SourceCondition.UP:
        return Judgement(condition=SourceCondition.UP, reasons=())
    condition = SourceCondition.DEGRADED if before.condition.is_trouble else SourceCondition.UNKNOWN
    return _because(condition, [HealthReason.LAST_CHECK_FAILED])


def is_another(*, before: Judgement, judged: Judgement) -> bool:
    """Return whether a source has come into another condition; paused is one, though nothing is known of it either."""
    is_paused = HealthReason.PAUSED in judged.reasons
    return judged.condition is not before.condition or is_paused != (HealthReason.PAUSED in before.reasons)


def still_known(said: Traffic, /, *, before: Traffic, now: datetime) -> Traffic:
    """Return what traffic says of a source where the store of breakers may have lost what it knew.

    One that rested is not well for that: the next request will find out, or its checks once nobody has asked it for
    long enough.
    """
    rested = before.breaker in {"open", "half-open"} and before.failed_at is not None
    if said.breaker or not rested or _is_unasked(before, now=now):
        return said
    return replace(said, breaker="half-open", failure=before.failure, failed_at=before.failed_at)


def since_when(*, before: Judgement, evidence: Evidence, now: datetime) -> datetime:
    """Return since when a source is as it is judged to be now, if nothing was learnt of it after `before`.

    Time alone has changed it then: a check or a report has not come.
    """
    condition = judge(before=before, evidence=evidence, now=now).condition
    since = now
    for moment in sorted((each for each in _moments(evidence) if each <= now), reverse=True):
        if judge(before=before, evidence=evidence, now=moment).condition is not condition:
            break
        since = moment
    return since


def _moments(evidence: Evidence) -> Iterator[datetime]:
    """Return when a source may come to be judged otherwise through time alone."""
    checks, reports = evidence.checks, evidence.reports
    if checks.newest_at is not None:
        yield checks.newest_at + STALE_AFTER
    if reports.due_at is not None:
        yield reports.due_at + SILENT_AFTER
    elif reports.newest_at is not None:
        yield reports.newest_at + REPORT_COUNTS_FOR


def _because(condition: SourceCondition, reasons: Collection[HealthReason]) -> Judgement:
    """Return a judgement with its reasons in the order of their list."""
    return Judgement(condition=condition, reasons=tuple(reason for reason in HealthReason if reason in reasons))


def _holds(reason: HealthReason, marks: _Marks, before: Judgement, evidence: Evidence, now: datetime) -> bool:
    if reason in before.reasons:
        return not marks.ceases(evidence, now)
    return marks.begins(evidence, now)


def _newest_are(checks: Checks, *, good: bool, count: int) -> bool:
    return len(checks.recent) >= count and all(each is good for each in checks.recent[-count:])


def _falls(checks: Checks) -> int:
    recent = checks.recent[-CHECKS_KEPT:]
    return sum(earlier and not later for earlier, later in itertools.pairwise(recent))


def _reports(status: ReportedStatus) -> _Marks:
    """Return marks that believe a bad report at once and a better one when a second says the same."""
    return _Marks(
        begins=lambda evidence, now: evidence.reports.count(now=now) and evidence.reports.recent[-1] is status,
        ceases=lambda evidence, now: (
            not evidence.reports.count(now=now) or status not in evidence.reports.recent[-REPORTS_IN_A_ROW:]
        ),
    )


def _reports_are_back(evidence: Evidence, now: datetime) -> bool:
    reports = evidence.reports
    if reports.interval is None:
        return True
    needed = 1 if reports.interval >= RARE_REPORTS else REPORTS_IN_A_ROW
    return not reports.is_missing(now=now) and reports.in_time >= needed


def _is_unasked(traffic: Traffic, *, now: datetime) -> bool:
    return traffic.failed_at is not None and now >= traffic.failed_at + UNASKED


def _rests_no_longer(evidence: Evidence, now: datetime) -> bool:
    traffic = evidence.traffic
    if traffic.breaker != "half-open":
        return traffic.breaker != "open"
    return _is_unasked(traffic, now=now) and _newest_are(evidence.checks, good=True, count=SUCCESSES_IN_A_ROW)


_MARKS = {
    HealthReason.CHECKS_FAIL: _Marks(
        begins=lambda evidence, _: _newest_are(evidence.checks, good=False, count=FAILURES_IN_A_ROW),
        ceases=lambda evidence, _: (
            not evidence.checks.recent or _newest_are(evidence.checks, good=True, count=SUCCESSES_IN_A_ROW)
        ),
    ),
    HealthReason.RESTING: _Marks(
        begins=lambda evidence, _: evidence.traffic.breaker == "open",
        ceases=_rests_no_longer,
    ),
    HealthReason.REPORTS_DOWN: _reports(ReportedStatus.DOWN),
    HealthReason.NO_REPORT: _Marks(
        begins=lambda evidence, now: evidence.reports.is_missing(now=now),
        ceases=_reports_are_back,
    ),
    HealthReason.REPORTS_DEGRADED: _reports(ReportedStatus.DEGRADED),
    HealthReason.CHECKS_COME_AND_GO: _Marks(
        begins=lambda evidence, _: _falls(evidence.checks) >= FALLS,
        ceases=lambda evidence, _: _falls(evidence.checks) <= FALLS_OVER,
    ),
    HealthReason.FEW_ANSWERS: _Marks(
        begins=lambda evidence, _: evidence.traffic.success is not None and evidence.traffic.success < FEW,
        ceases=lambda evidence, _: evidence.traffic.success is None or evidence.traffic.success >= ENOUGH,
    ),
    HealthReason.SLOW: _Marks(
        begins=lambda evidence, _: (
            evidence.traffic.p95_ms is not None and evidence.traffic.p95_ms > SLOW * evidence.limit_ms
        ),
        ceases=lambda evidence, _: (
            evidence.traffic.p95_ms is None or evidence.traffic.p95_ms < FAST_ENOUGH * evidence.limit_ms
        ),
    ),
}
