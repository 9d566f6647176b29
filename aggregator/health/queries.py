"""Reads of how sources are, and of what was found, reported, paused and tried."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aggregator.accounts.queries import has_ended, names_of_users
from aggregator.health.judging import judge, since_when
from aggregator.health.models import (
    ReportToken,
    SourceCheck,
    SourceConditionChange,
    SourceHealth,
    SourcePause,
    SourceReport,
    SourceTrial,
)
from aggregator.health.terms import (
    CheckResult,
    Checks,
    ConditionLine,
    Evidence,
    HealthReason,
    Judgement,
    ReportedStatus,
    Reports,
    SourceCondition,
    Step,
    StepState,
    Traffic,
    TrialStep,
)
from connectors.contract.outcomes import Outcome, reason_of


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a source is now and since when, with the newest of all that says so."""

    source_id: UUID
    judgement: Judgement
    since: datetime
    checked_at: datetime | None
    checked_well_at: datetime | None
    check: CheckResult | None
    reports: Reports
    message: str
    counters: dict[str, int]
    traffic: Traffic


@dataclass(frozen=True, kw_only=True)
class PauseLine:
    """Somebody paused a source, or had it asked again. `by` "": a command."""

    is_resumed: bool
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ReportLine:
    """What status a source reported, from a moment on, and what the first report of that status said."""

    status: ReportedStatus
    message: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class CheckLine:
    """How checks ended, from a moment on."""

    result: CheckResult
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial. `settings` are those of a source that is not registered so; None for one as it is registered."""

    id: UUID
    source_id: UUID | None
    settings: dict[str, object] | None
    replaces: str
    asked_by: UUID | None
    asker_organisation: UUID | None
    asked_at: datetime
    steps: tuple[Step, ...]
    is_good: bool | None
    description: str
    holds: tuple[str, ...] | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class LiveToken:
    """A token with which a source may report."""

    id: UUID
    source_id: UUID
    token_hash: str
    made_at: datetime


def evidence_of(*, row: SourceHealth, is_paused: bool, limit_s: float) -> Evidence:
    """Return what a row says is known of its source."""
    return Evidence(
        limit_ms=limit_s * 1000,
        checks=Checks(
            recent=tuple(row.recent_checks),
            newest_at=row.checked_at if row.recent_checks else None,
            is_ours=row.check_outcome == Outcome.FAILED,
        ),
        reports=Reports(
            recent=tuple(map(ReportedStatus, row.report_statuses)),
            newest_at=row.reported_at,
            interval=timedelta(seconds=row.report_interval_s) if row.report_interval_s else None,
            in_time=row.reports_in_time,
        ),
        traffic=Traffic(
            success=row.success,
            p50_ms=row.p50_ms,
            p95_ms=row.p95_ms,
            breaker=row.breaker,
            failure=row.failure,
            failed_at=row.failed_at,
        ),
        is_paused=is_paused,
    )


def judgement_of(*, row: SourceHealth) -> Judgement:
    """Return how a row says that its source was taken to be."""
    return Judgement(condition=SourceCondition(row.condition), reasons=_reasons(row.reasons))


def health_of(*, source_ids: Collection[UUID], now: datetime) -> dict[UUID, Health]:
    """Return how sources are at `now`, judged anew: nothing is known of one whose checks have stopped."""
    rows = SourceHealth.objects.filter(source_id__in=source_ids).select_related("source")
    return {row.source_id: _health(row, now=now) for row in rows}


def newest_checks(*, but: UUID) -> list[tuple[CheckResult, datetime]]:
    """Return how the newest check of each source ended that is asked, and when, but for one source."""
    rows = SourceHealth.objects.filter(source__enabled=True, checked_at__isnull=False).exclude(source_id=but)
    ended = rows.values_list("check_outcome", "check_reason", "checked_at")
    return [(_result(outcome, reason, 0), at) for outcome, reason, at in ended if at is not None]


def result_of(*, row: SourceHealth) -> CheckResult | None:
    """Return how the newest check of a source ended, None while there was none."""
    return _result(row.check_outcome, row.check_reason, row.check_took_ms or 0) if row.checked_at else None


def history_of(*, source_id: UUID, since: datetime, most: int) -> list[ConditionLine]:
    """Return the conditions of a source since a moment and the one at that moment, the newest first."""
    rows = list(SourceConditionChange.objects.filter(source_id=source_id).order_by("-at", "-id")[:most])
    within = [row for row in rows if row.at > since]
    return [
        ConditionLine(condition=SourceCondition(row.condition), reasons=_reasons(row.reasons), at=row.at)
        for row in rows[: len(within) + 1]
    ]


def pauses_of(*, source_id: UUID, most: int) -> list[PauseLine]:
    """Return who paused a source and who had it asked again, the newest first."""
    rows = list(SourcePause.objects.filter(source_id=source_id).order_by("-at", "-id")[:most])
    names = names_of_users(user_ids=[row.by for row in rows if row.by])
    return [
        PauseLine(is_resumed=row.is_resumed, reason=row.reason, by=names.get(row.by, "") if row.by else "", at=row.at)
        for row in rows
    ]


def reports_of(*, source_id: UUID, most: int) -> list[ReportLine]:
    """Return what a source reported, where its status was another than before, the newest first."""
    rows = SourceReport.objects.filter(source_id=source_id).order_by("-at", "-id")[:most]
    return [ReportLine(status=ReportedStatus(row.status), message=row.message, at=row.at) for row in rows]


def checks_of(*, source_id: UUID, most: int) -> list[CheckLine]:
    """Return how checks of a source ended, where otherwise than before, the newest first."""
    rows = SourceCheck.objects.filter(source_id=source_id).order_by("-at", "-id")[:most]
    return [CheckLine(result=_result(row.outcome, row.reason, row.took_ms), at=row.at) for row in rows]


def trial_by_id(*, trial_id: UUID) -> Trial | None:
    """Return a trial, ended or not."""
    row = SourceTrial.objects.filter(id=trial_id).first()
    if row is None:
        return None
    return Trial(
        id=row.id,
        source_id=row.source_id,
        settings=row.settings,
        replaces=row.replaces,
        asked_by=row.asked_by,
        asker_organisation=row.asker_organisation,
        asked_at=row.asked_at,
        steps=tuple(_step(step) for step in row.steps),
        is_good=row.is_good,
        description=row.description,
        holds=tuple(row.holds) if row.holds is not None else None,
        ended_at=row.ended_at,
    )


def trials_under_way(*, since: datetime) -> list[UUID | None]:
    """Return who asked for each of the trials, asked for since a moment, that have not ended."""
    rows = SourceTrial.objects.filter(asked_at__gt=since, ended_at__isnull=True)
    return list(rows.values_list("asked_by", flat=True))


def live_token(*, source_id: UUID, now: datetime) -> LiveToken | None:
    """Return the token with which a source may report, None while it has none."""
    row = (
        ReportToken.objects.filter(~has_ended(of="id", now=now), source_id=source_id)
        .order_by("-made_at", "-id")
        .first()
    )
    if row is None:
        return None
    return LiveToken(id=row.id, source_id=row.source_id, token_hash=row.token_hash, made_at=row.made_at)


def live_tokens(*, source_id: UUID, now: datetime) -> list[UUID]:
    """Return every token of a source that has not ended: more than one where two people replaced it at once."""
    rows = ReportToken.objects.filter(~has_ended(of="id", now=now), source_id=source_id)
    return list(rows.values_list("id", flat=True))


def has_live_token(*, token_id: UUID, source_id: UUID, token_hash: str, now: datetime) -> bool:
    """Return whether a token of a source is in force."""
    rows = ReportToken.objects.filter(~has_ended(of="id", now=now), id=token_id, source_id=source_id)
    return rows.filter(token_hash=token_hash).exists()


def step_as_json(step: Step, /) -> dict[str, object]:
    """Return a step as it is kept."""
    return {"step": step.step.value, "state": step.state.value, "detail": step.detail, "took_ms": step.took_ms}


def _step(kept: dict[str, object], /) -> Step:
    took_ms = kept.get("took_ms")
    return Step(
        step=TrialStep(str(kept["step"])),
        state=StepState(str(kept["state"])),
        detail=str(kept.get("detail", "")),
        took_ms=took_ms if isinstance(took_ms, int) else None,
    )


def _health(row: SourceHealth, *, now: datetime) -> Health:
    before = judgement_of(row=row)
    evidence = evidence_of(row=row, is_paused=not row.source.enabled, limit_s=row.source.time_limit_s)
    judged = judge(before=before, evidence=evidence, now=now)
    return Health(
        source_id=row.source_id,
        judgement=judged,
        since=row.since
        if judged.condition is before.condition
        else since_when(before=before, evidence=evidence, now=now),
        checked_at=row.checked_at,
        checked_well_at=row.checked_well_at,
        check=result_of(row=row),
        reports=evidence.reports,
        message=row.report_message,
        counters=row.report_counters,
        traffic=evidence.traffic,
    )


def _result(outcome: str, reason: str, took_ms: int) -> CheckResult:
    return CheckResult(outcome=Outcome(outcome) if outcome else None, reason=reason_of(reason), took_ms=took_ms)


def _reasons(kept: Iterable[str]) -> tuple[HealthReason, ...]:
    """Return reasons that were kept, without those that this version does not know."""
    known = {reason.value: reason for reason in HealthReason}
    return tuple(known[reason] for reason in kept if reason in known)
