"""Writes of how sources are. Whatever is learnt of one is judged in the same transaction, and told of if it changes its
condition. The end of a token is recorded by `acting`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from aggregator.alerts.raising import raise_alert
from aggregator.alerts.terms import AlertKind
from aggregator.health.judging import is_another, judge
from aggregator.health.models import (
    ReportToken,
    SourceCheck,
    SourceConditionChange,
    SourceHealth,
    SourcePause,
    SourceReport,
    SourceTrial,
)
from aggregator.health.queries import evidence_of, judgement_of, newest_checks, result_of, step_as_json
from aggregator.health.telling import WITHIN, has_settled, is_held_back, is_told
from aggregator.health.terms import (
    CHECK_EVERY,
    CHECKS_KEPT,
    CheckResult,
    Evidence,
    HealthReason,
    Judgement,
    Report,
    SourceCondition,
    Step,
    Traffic,
    TrialEnd,
    is_own_network_away,
)
from aggregator.health.traffic import forget_breaker
from aggregator.limits import printable
from aggregator.sources.models import Source
from aggregator.sources.operations import set_enabled
from aggregator.sources.queries import address_of
from connectors.contract.outcomes import Reason
from connectors.contract.values import SourceAddress

# How much sooner or later than after CHECK_EVERY the next check is made, so that sources are not all checked at once.
JITTER_S = 5.0
# A check that is due later than that after CHECK_EVERY was set before the clock was put back: no two machines' clocks
# are so far apart.
CLOCKS_APART = timedelta(minutes=5)
REPORTS_KEPT = 2
# What an alert of a fault of ours is about: no source, and always the same.
OURS = UUID("5f0c6b5e-6d0b-4c3e-9a54-0a7c1d3b9e61")
# The number of the lock under which trials are begun.
_TRIALS = 5_270_419_836_611_204

_ALERTS = {
    SourceCondition.DOWN: AlertKind.SOURCE_DOWN,
    SourceCondition.DEGRADED: AlertKind.SOURCE_DEGRADED,
    SourceCondition.SILENT: AlertKind.SOURCE_SILENT,
    SourceCondition.UP: AlertKind.SOURCE_UP,
}


@dataclass(frozen=True, kw_only=True)
class DueCheck:
    """A source that this process checks now. `anew_at` is since when it is asked so."""

    source_id: UUID
    kind: str
    address: SourceAddress
    time_limit_s: float
    anew_at: datetime | None


def ensure_rows(*, now: datetime) -> None:
    """Begin to watch every source that is not watched yet."""
    unwatched = Source.objects.filter(health__isnull=True).values_list("id", flat=True)
    SourceHealth.objects.bulk_create(
        [
            SourceHealth(source_id=source_id, since=now, next_check_at=now, reasons=["not-checked"])
            for source_id in unwatched
        ],
        ignore_conflicts=True,
    )


def claim_checks(*, most: int, now: datetime, rng: random.Random) -> list[DueCheck]:
    """Take checks that are due, the oldest first; when the next of each is due is said at once.

    What another process is taking at this moment is passed over, so that a source is not checked twice. Where a process
    dies during a check, the next is made when it is due.
    """
    is_due = Q(next_check_at__lte=now) | Q(next_check_at__gt=now + CHECK_EVERY + CLOCKS_APART)
    with transaction.atomic():
        rows = list(
            SourceHealth.objects.filter(is_due, source__enabled=True)
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("source")
            .order_by("next_check_at", "source_id")[:most]
        )
        for row in rows:
            row.next_check_at = now + CHECK_EVERY + timedelta(seconds=rng.uniform(-JITTER_S, JITTER_S))
        SourceHealth.objects.bulk_update(rows, ["next_check_at"])
    return [
        DueCheck(
            source_id=row.source_id,
            kind=row.source.kind,
            address=address_of(source=row.source),
            time_limit_s=row.source.time_limit_s,
            anew_at=row.anew_at,
        )
        for row in rows
    ]


def check_now(*, source_ids: Iterable[UUID], now: datetime) -> None:
    """Have sources checked with the next turn of the clock."""
    SourceHealth.objects.filter(source_id__in=list(source_ids)).update(next_check_at=now)


def record_check(*, check: DueCheck, result: CheckResult, now: datetime) -> None:
    """Record how a check ended; not where the source has been paused since, or is asked in another way."""
    source_id = check.source_id

    def change(row: SourceHealth) -> None:
        is_so_still = row.anew_at == check.anew_at and address_of(source=row.source) == check.address
        if not row.source.enabled or not is_so_still:
            return
        is_another = row.checked_at is None or (row.check_outcome, row.check_reason) != _texts(result)
        if not result.is_ours:
            row.recent_checks = [*row.recent_checks, result.is_good][-CHECKS_KEPT:]
        row.checked_at = now
        row.checked_well_at = now if result.is_good else row.checked_well_at
        row.check_outcome, row.check_reason = _texts(result)
        row.check_took_ms = result.took_ms
        if is_another:
            SourceCheck.objects.create(
                source_id=source_id,
                outcome=row.check_outcome,
                reason=row.check_reason,
                took_ms=result.took_ms,
                at=now,
            )

    _learn(source_id, change=change, now=now)


def hold(*, source_id: UUID, now: datetime) -> None:
    """Let nobody else change what is known of a source until the transaction is over. Must run in one."""
    _held(source_id, now=now)


def record_report(*, source_id: UUID, report: Report, now: datetime) -> None:
    """Record what a source reports of itself. The history gets a row where its status is another: a message may count
    something, or tell the time, and the last one is kept with the last report."""

    def change(row: SourceHealth) -> None:
        reports = evidence_of(row=row, is_paused=False, limit_s=row.source.time_limit_s).reports
        was_missed = reports.newest_at is None or reports.is_missing(now=now)
        last = row.report_statuses[-1] if row.report_statuses else ""
        row.reports_in_time = 1 if was_missed else row.reports_in_time + 1
        row.report_statuses = [*row.report_statuses, report.status.value][-REPORTS_KEPT:]
        row.reported_at = now
        row.report_interval_s = report.interval_s
        row.report_message = printable(report.message)
        row.report_counters = report.counters
        if report.status.value != last:
            SourceReport.objects.create(source_id=source_id, status=report.status, message=row.report_message, at=now)

    _learn(source_id, change=change, now=now)


def record_traffic(*, source_id: UUID, traffic: Traffic, anew_at: datetime | None, now: datetime) -> None:
    """Record what real traffic says of a source, and judge it by the time that it is now.

    `anew_at` is since when it was asked as it is, as that was read before: where it is another by now, the traffic is
    that of before a pause or a change of its settings, and counts for nothing.
    """

    def change(row: SourceHealth) -> None:
        if row.anew_at != anew_at:
            return
        row.success, row.p50_ms, row.p95_ms = traffic.success, traffic.p50_ms, traffic.p95_ms
        row.breaker, row.failure, row.failed_at = traffic.breaker, traffic.failure, traffic.failed_at

    _learn(source_id, change=change, now=now)


def is_news(*, row: SourceHealth, evidence: Evidence, now: datetime) -> bool:
    """Return whether a source would be judged otherwise now than it was."""
    before = judgement_of(row=row)
    return judge(before=before, evidence=evidence, now=now) != before


def is_untold(*, row: SourceHealth, now: datetime) -> bool:
    """Return whether a source has settled in a condition that nobody has been told of yet."""
    is_due = not is_held_back(held_back_at=row.held_back_at, now=now) and has_settled(since=row.since, now=now)
    return row.told != row.condition and is_due


def record_pause(*, source_id: UUID, is_resumed: bool, reason: str, by: UUID | None, now: datetime) -> bool:
    """Pause a source, or have it asked again; return False, and do nothing, where it is so already."""
    if not set_enabled(source_id=source_id, is_enabled=is_resumed):
        return False
    SourcePause.objects.create(source_id=source_id, is_resumed=is_resumed, reason=reason, by=by, at=now)
    start_anew(source_id=source_id, now=now)
    return True


def start_anew(*, source_id: UUID, now: datetime) -> None:
    """Forget how a source did before, and that it rests: it was paused, or is asked in another way now."""

    def change(row: SourceHealth) -> None:
        row.recent_checks = []
        row.next_check_at = now
        row.anew_at = now
        row.success = row.p50_ms = row.p95_ms = None
        row.breaker = ""

    _learn(source_id, change=change, now=now)
    transaction.on_commit(partial(forget_breaker, source_id=source_id))


def forget_reports(*, source_id: UUID, now: datetime) -> None:
    """Expect no more reports of a source, and believe its last one no longer: nobody can report for it now."""

    def change(row: SourceHealth) -> None:
        row.report_statuses, row.reported_at, row.report_interval_s = [], None, None
        row.report_message, row.report_counters, row.reports_in_time = "", {}, 0

    _learn(source_id, change=change, now=now)


def add_report_token(*, token_id: UUID, source_id: UUID, token_hash: str, made_by: UUID | None, now: datetime) -> None:
    """Keep the hash of a token with which a source may report."""
    ReportToken.objects.create(id=token_id, source_id=source_id, token_hash=token_hash, made_by=made_by, made_at=now)


def hold_trials() -> None:
    """Let nobody else begin a trial until the transaction is over. Must run in one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TRIALS])


def begin_trial(
    *,
    source_id: UUID | None,
    settings: dict[str, object] | None,
    asked_by: UUID | None,
    asker_organisation: UUID | None,
    now: datetime,
    replaces: str = "",
) -> UUID:
    """Record that a trial is wanted, and return its id. `replaces` is the mark of the settings that it may replace."""
    return SourceTrial.objects.create(
        source_id=source_id,
        settings=settings,
        replaces=replaces,
        asked_by=asked_by,
        asker_organisation=asker_organisation,
        asked_at=now,
    ).id


def record_steps(*, trial_id: UUID, steps: Iterable[Step]) -> None:
    """Record how far a trial has come."""
    _open_trial(trial_id).update(steps=[step_as_json(step) for step in steps])


def end_trial(*, trial_id: UUID, end: TrialEnd, now: datetime) -> None:
    """Record how a trial ended."""
    _open_trial(trial_id).update(
        steps=[step_as_json(step) for step in end.steps],
        is_good=end.is_good,
        description=printable(end.description)[:200],
        holds=sorted(end.holds) if end.holds is not None else None,
        ended_at=now,
    )


def _open_trial(trial_id: UUID) -> QuerySet[SourceTrial]:
    return SourceTrial.objects.filter(id=trial_id, ended_at__isnull=True)


def _texts(result: CheckResult) -> tuple[str, str]:
    return (result.outcome.value if result.outcome else "", result.reason.value if result.reason else "")


def _learn(source_id: UUID, *, change: Callable[[SourceHealth], None], now: datetime) -> None:
    """Change what is known of a source, judge it, and tell of it where that is due."""
    with transaction.atomic():
        # The source is read after its row is locked: it may have been paused meanwhile.
        row = _held(source_id, now=now)
        change(row)
        before = judgement_of(row=row)
        evidence = evidence_of(row=row, is_paused=not row.source.enabled, limit_s=row.source.time_limit_s)
        judged = judge(before=before, evidence=evidence, now=now)
        row.condition, row.reasons = judged.condition.value, [reason.value for reason in judged.reasons]
        if is_another(before=before, judged=judged):
            row.since = _after(row.since, now=now)
            SourceConditionChange.objects.create(
                id=uuid4(), source_id=source_id, condition=row.condition, reasons=row.reasons, at=row.since
            )
        if HealthReason.NOT_ASKABLE in judged.reasons and HealthReason.NOT_ASKABLE not in before.reasons:
            _tell_programme(AlertKind.OWN_CREDENTIALS, now=now)
        if not _is_left_to_us(row, judged=judged, now=now):
            _tell(row, now=now)
        row.save()


def _is_left_to_us(row: SourceHealth, /, *, judged: Judgement, now: datetime) -> bool:
    """Return whether trouble of a source is most likely that of our own network, which the programme is told of once.

    What the source says of itself is not. That it is silent may be: its reports come by the same network.
    """
    is_reported = not {HealthReason.REPORTS_DOWN, HealthReason.REPORTS_DEGRADED}.isdisjoint(judged.reasons)
    if not judged.condition.is_trouble or row.told == row.condition or is_reported:
        return False
    own = result_of(row=row)
    if own is not None and own.reason is Reason.CONNECTION and row.checked_at is not None:
        newest = [(own, row.checked_at), *newest_checks(but=row.source_id)]
        is_ours = is_own_network_away(newest=newest, now=now)
    else:
        is_ours = False
    if is_ours:
        _tell_programme(AlertKind.OWN_NETWORK, now=now)
        row.held_back_at = now
    return is_held_back(held_back_at=row.held_back_at, now=now)


def _tell_programme(kind: AlertKind, /, *, now: datetime) -> None:
    """Tell the service's own operators of a fault of ours, once in an hour: each source finds the same."""
    raise_alert(kind=kind, subject_id=OURS, organisation_id=None, occasion=f"{now:%Y-%m-%dT%H}", now=now)


def _after(last: datetime, /, *, now: datetime) -> datetime:
    """Return the time of a change: later than the last, whose machine's clock may have been a little ahead."""
    is_ahead = now <= last <= now + CLOCKS_APART
    return last + timedelta(microseconds=1) if is_ahead else now


def _held(source_id: UUID, *, now: datetime) -> SourceHealth:
    SourceHealth.objects.bulk_create(
        [SourceHealth(source_id=source_id, since=now, next_check_at=now, reasons=["not-checked"])],
        ignore_conflicts=True,
    )
    return SourceHealth.objects.select_for_update().get(source_id=source_id)


def _tell(row: SourceHealth, *, now: datetime) -> None:
    """Raise an alert of trouble, and of its end; that a source is now known to work is no news."""
    told, condition = SourceCondition(row.told), SourceCondition(row.condition)
    if condition is told:
        return
    changes = SourceConditionChange.objects.filter(source_id=row.source_id, at__gt=now - WITHIN).count()
    if not is_told(told=told, condition=condition, since=row.since, changes=changes, now=now):
        return
    row.told = condition.value
    if condition.is_trouble or (condition is SourceCondition.UP and told.is_trouble):
        raise_alert(
            kind=_ALERTS[condition],
            subject_id=row.source_id,
            organisation_id=row.source.organisation_id,
            occasion=str(uuid4()),
            now=now,
        )
