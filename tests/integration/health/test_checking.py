"""Sources are checked, judged and told of: real servers, a real database, and nothing said of what did not change."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.alerts.models import Alert, AlertDelivery
from aggregator.federation import guard
from aggregator.federation.connections import client_for_loop, client_for_threads
from aggregator.federation.endings import Sign
from aggregator.federation.models import Retrieval, SourceOutcome
from aggregator.health import checking, operations, traffic
from aggregator.health.checking import check_due, judge_all
from aggregator.health.models import SourceCheck, SourceConditionChange, SourceHealth
from aggregator.health.telling import HELD_BACK
from aggregator.health.terms import CHECK_EVERY, STALE_AFTER, Report, ReportedStatus
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.open_record import open_record
from aggregator.services.sources import registering
from aggregator.services.sources.list_sources import list_sources
from aggregator.services.sources.read_source import read_source
from aggregator.sources.models import Source
from connectors.contract.outcomes import Outcome, Reason
from tests.hospital import Hospital, Said, outcome, running, statement
from tests.world import HOSPITAL_ODS, NOWHERE, PASSWORD, make_world, signed_in_client

pytestmark = pytest.mark.django_db

WORKS = {"metadata": Said(body=statement("Condition", "Observation", everything=True))}
FAILS = {"": Said(body=outcome(), status=503)}


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    with running(Hospital(answers=dict(WORKS))) as served:
        yield served


def registered(address: str, *, slug: str = "royal", time_limit_s: float = 2) -> UUID:
    add_source(
        requester=operator(),
        source=NewSource(
            slug=slug,
            name="Royal",
            kind="fhir_r4",
            base_url=address,
            organisation_ods=HOSPITAL_ODS,
            organisation_name="Royal",
            time_limit_s=time_limit_s,
        ),
        check=False,
    )
    return Source.objects.get(slug=slug).id


def check(*, times: int = 1) -> None:
    """Have the clock come round, so many times, when checks are due."""
    for _ in range(times):
        SourceHealth.objects.update(next_check_at=timezone.now())
        check_due(clock=timezone.now, rng=random.Random(1))


def condition(source_id: UUID) -> str:
    return SourceHealth.objects.get(source_id=source_id).condition


def told() -> list[str]:
    return list(Alert.objects.order_by("created_at").values_list("kind", flat=True))


def test_three_failures_are_told_of_and_two_successes_too_each_once(hospital: Hospital) -> None:
    add_user(
        requester=operator(),
        user=NewUser(
            username="op.er",
            password=PASSWORD,
            family="Er",
            given="Op",
            organisation_ods=HOSPITAL_ODS,
            role=Role.SOURCE_OPERATOR,
        ),
        now=timezone.now(),
    )
    source_id = registered(hospital.address)
    check()
    assert (condition(source_id), told()) == ("up", [])
    hospital.answers = dict(FAILS)
    check(times=2)
    assert (condition(source_id), told()) == ("up", [])
    check()
    assert (condition(source_id), told()) == ("down", ["source-down"])
    check(times=3)
    hospital.answers = dict(WORKS)
    check()
    assert (condition(source_id), told()) == ("down", ["source-down"])
    check()
    assert (condition(source_id), told()) == ("up", ["source-down", "source-up"])
    assert AlertDelivery.objects.count() == 2
    alert = Alert.objects.earliest("created_at")
    assert (alert.subject_id, alert.organisation.ods_code) == (source_id, HOSPITAL_ODS)
    changes = SourceConditionChange.objects.order_by("at").values_list("condition", "reasons")
    assert list(changes) == [("up", []), ("down", ["checks-fail"]), ("up", [])]
    # Eleven checks, of which three differed from the one before.
    checks = SourceCheck.objects.order_by("at").values_list("outcome", "reason")
    assert list(checks) == [("", ""), ("unreachable", "status"), ("", "")]


def test_if_hardly_any_source_can_be_reached_the_programme_is_told_once_and_no_organisation(
    hospital: Hospital,
) -> None:
    ids = [registered(hospital.address, slug=f"ward-{number}") for number in range(4)]
    check()
    lose_our_network()
    check(times=4)
    assert {condition(source_id) for source_id in ids} == {"down"}  # which is what was seen
    assert told() == ["own-network"]
    assert Alert.objects.get().organisation is None
    for _ in range(2):
        SourceHealth.objects.update(since=timezone.now() - timedelta(minutes=6))  # it lasts
        judge_all(now=timezone.now())
    assert told() == ["own-network"]
    Source.objects.update(base_url=hospital.address)
    check()
    judge_all(now=timezone.now())
    assert {condition(source_id) for source_id in ids} == {"down"}
    check()
    assert {condition(source_id) for source_id in ids} == {"up"}
    assert told() == ["own-network"]


def test_what_is_down_still_when_our_network_has_long_been_back_is_told_of(hospital: Hospital) -> None:
    for number in range(4):
        registered(hospital.address, slug=f"ward-{number}")
    check()
    lose_our_network()
    check(times=3)
    Source.objects.exclude(slug="ward-0").update(base_url=hospital.address)
    check(times=2)
    assert told() == ["own-network"]
    SourceHealth.objects.update(held_back_at=timezone.now() - HELD_BACK)
    check()
    assert told() == ["own-network", "source-down"]


@pytest.mark.parametrize("sources", [1, 2])
def test_of_few_sources_nothing_is_concluded(hospital: Hospital, sources: int) -> None:
    for number in range(sources):
        registered(hospital.address, slug=f"ward-{number}")
    check()
    lose_our_network()
    check(times=3)
    assert told() == ["source-down"] * sources


def test_what_a_source_says_of_itself_is_told_whatever_our_network_does(hospital: Hospital) -> None:
    ids = [registered(hospital.address, slug=f"ward-{number}") for number in range(4)]
    check()
    lose_our_network()
    check(times=3)
    operations.record_report(source_id=ids[0], report=Report(status=ReportedStatus.DOWN), now=timezone.now())
    assert told() == ["own-network", "source-down"]


def lose_our_network() -> None:
    Source.objects.update(base_url=NOWHERE)


def test_where_our_own_credentials_are_missing_a_source_is_not_known_to_be_down_and_the_programme_is_told(
    hospital: Hospital,
) -> None:
    source_id = registered(hospital.address)
    check()
    Source.objects.update(options={"auth": "token", "token_secret": "nowhere"})
    check(times=4)
    row = SourceHealth.objects.get(source_id=source_id)
    assert (row.check_outcome, row.check_reason, row.recent_checks) == ("failed", "no-credentials", [True])
    assert (row.condition, row.reasons, told()) == ("unknown", ["not-askable"], ["own-credentials"])
    Source.objects.update(options={})
    check()
    assert (condition(source_id), told()) == ("up", ["own-credentials"])


def test_a_source_is_checked_when_it_is_due_and_not_before(hospital: Hospital) -> None:
    source_id = registered(hospital.address)
    for _ in range(3):
        check_due(clock=timezone.now, rng=random.Random(1))
    assert [path.partition("?")[0] for path in hospital.asked] == ["metadata", "Patient"]
    due_in = SourceHealth.objects.get(source_id=source_id).next_check_at - timezone.now()
    assert CHECK_EVERY - timedelta(seconds=6) < due_in < CHECK_EVERY + timedelta(seconds=6)


def test_one_that_hangs_keeps_none_of_the_rest_waiting(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Hospital(answers={"": Said(after_s=1.5)})) as slow:
        hung = registered(slow.address, slug="slow", time_limit_s=1)
        quick = [registered(hospital.address, slug=f"quick-{number}") for number in range(5)]
        landed: dict[UUID, float] = {}
        record = operations.record_check

        def recorded(**given: Any) -> None:
            landed[given["check"].source_id] = time.monotonic() - began
            record(**given)

        monkeypatch.setattr(operations, "record_check", recorded)
        began = time.monotonic()
        check()
    assert max(landed[source_id] for source_id in quick) < 0.8
    assert landed[hung] >= 0.9
    assert SourceHealth.objects.get(source_id=hung).check_outcome == "timed-out"


def test_a_paused_source_is_not_checked_and_starts_anew(hospital: Hospital) -> None:
    source_id = registered(NOWHERE)
    check(times=3)
    assert condition(source_id) == "down"
    pause = {"source_id": source_id, "reason": "Works.", "by": None}
    assert operations.record_pause(is_resumed=False, **pause, now=timezone.now())
    assert not operations.record_pause(is_resumed=False, **pause, now=timezone.now())
    check(times=3)
    row = SourceHealth.objects.get(source_id=source_id)
    assert (row.condition, row.reasons, row.recent_checks) == ("unknown", ["paused"], [])
    Source.objects.filter(id=source_id).update(base_url=hospital.address)
    assert operations.record_pause(is_resumed=True, **pause, now=timezone.now())
    check()
    assert condition(source_id) == "up"
    assert told() == ["source-down"]


def test_a_check_of_another_address_or_of_a_paused_source_counts_for_nothing(hospital: Hospital) -> None:
    source_id = registered(NOWHERE)
    operations.ensure_rows(now=timezone.now())
    (due,) = operations.claim_checks(most=1, now=timezone.now(), rng=random.Random(1))
    Source.objects.filter(id=source_id).update(base_url=hospital.address)
    result = operations.CheckResult()
    operations.record_check(check=due, result=result, now=timezone.now())
    assert SourceHealth.objects.get(source_id=source_id).checked_at is None


def test_a_check_by_settings_that_are_no_longer_those_counts_for_nothing(hospital: Hospital) -> None:
    source_id = registered(hospital.address)
    operations.ensure_rows(now=timezone.now())
    (due,) = operations.claim_checks(most=1, now=timezone.now(), rng=random.Random(1))
    Source.objects.filter(id=source_id).update(options={"auth": "token", "token_secret": "renewed"})
    result = operations.CheckResult(outcome=Outcome.REFUSED, reason=Reason.CREDENTIALS)
    operations.record_check(check=due, result=result, now=timezone.now())
    assert SourceHealth.objects.get(source_id=source_id).checked_at is None


def test_a_check_that_ran_out_of_time_because_we_were_late_says_nothing(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.answers = {"": Said(body=statement(), after_s=0.3)}
    late = registered(hospital.address, time_limit_s=1)
    asks = checking.ask_what_it_is

    async def asked_on_a_busy_loop(**given: Any) -> Any:
        asyncio.get_running_loop().call_later(0.1, time.sleep, 1.5)
        return await asks(**given)

    monkeypatch.setattr(checking, "ask_what_it_is", asked_on_a_busy_loop)
    check()
    assert SourceHealth.objects.get(source_id=late).checked_at is None
    assert not SourceCheck.objects.exists()


def test_one_that_promised_a_report_and_sends_none_is_silent_until_two_have_come(hospital: Hospital) -> None:
    source_id = registered(hospital.address)
    check()
    now = timezone.now()
    report = Report(status=ReportedStatus.UP, interval_s=10)
    operations.record_report(source_id=source_id, report=report, now=now)
    operations.record_report(source_id=source_id, report=report, now=now + timedelta(seconds=10))
    for seconds, expected in ((79, "up"), (81, "silent")):
        judge_all(now=now + timedelta(seconds=seconds))
        assert condition(source_id) == expected
    for seconds, expected in ((90, "silent"), (100, "up")):
        operations.record_report(source_id=source_id, report=report, now=now + timedelta(seconds=seconds))
        assert condition(source_id) == expected
    assert told() == ["source-silent", "source-up"]


def test_one_that_flickers_is_told_of_as_it_is_at_its_worst_until_it_has_settled(hospital: Hospital) -> None:
    source_id = registered(hospital.address)
    check()
    now = timezone.now()
    for second in range(120):  # three in a row: down, which counts at once, and up twice, which ends it
        status = ReportedStatus.UP if second % 3 else ReportedStatus.DOWN
        report = Report(status=status, interval_s=3600)
        operations.record_report(source_id=source_id, report=report, now=now + timedelta(seconds=second))
    assert condition(source_id) == "up"
    assert SourceConditionChange.objects.count() == 81
    assert told() == ["source-down", "source-up"] * 2 + ["source-down"]  # with the first check, six changes
    for minutes, last in ((6, "source-down"), (7.1, "source-up"), (8, "source-up")):
        SourceHealth.objects.update(checked_at=now + timedelta(minutes=minutes))
        judge_all(now=now + timedelta(minutes=minutes))
        assert told()[-1] == last
    assert told().count("source-up") == 3
    # Later it is told of at once again.
    for minutes, status, last in ((30, ReportedStatus.DOWN, "source-down"), (31, ReportedStatus.UP, "source-down")):
        SourceHealth.objects.update(checked_at=now + timedelta(minutes=minutes))
        report = Report(status=status, interval_s=3600)
        operations.record_report(source_id=source_id, report=report, now=now + timedelta(minutes=minutes))
        assert told()[-1] == last
    operations.record_report(source_id=source_id, report=report, now=now + timedelta(minutes=31.5))
    assert told()[-1] == "source-up"


def asked(*, outcome: str, took_s: float, ago_s: float = 10, reason: str = "", count: int = 1) -> None:
    """Have retrievals asked the surgery, which ended so."""
    retrieval = Retrieval.objects.latest("created_at")
    now = timezone.now()
    source = Source.objects.get(slug="the-surgery")
    for number in range(count):
        ended_at = now - timedelta(seconds=ago_s)
        other = Retrieval.objects.get(id=retrieval.id)
        other.pk = UUID(int=SourceOutcome.objects.count() + 1000)
        other.save(force_insert=True)
        SourceOutcome.objects.create(
            retrieval=other,
            source=source,
            flight_key=f"{number}",
            deadline_at=now,
            asked_at=ended_at - timedelta(seconds=took_s),
            outcome=outcome,
            reason=reason,
            ended_at=ended_at,
        )


@pytest.fixture
def unasked(hospital: Hospital) -> UUID:
    """Return a source that has been checked and whose records nobody opens: a worker that runs may ask the surgery."""
    source_id = registered(hospital.address)
    check()
    return source_id


@pytest.fixture
def surgery(hospital: Hospital) -> UUID:
    world = make_world(base_url=hospital.address)
    open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    check()
    SourceHealth.objects.update(anew_at=timezone.now() - timedelta(hours=1))
    return Source.objects.get().id


def judged(now: datetime | None = None) -> SourceHealth:
    judge_all(now=now or timezone.now())
    return SourceHealth.objects.get()


@pytest.mark.usefixtures("surgery")
def test_real_traffic_counts_once_there_is_enough_of_it() -> None:
    asked(outcome="answered", took_s=0.2, count=7)
    asked(outcome="timed-out", took_s=2, count=2)
    assert (judged().success, judged().condition) == (None, "up")
    asked(outcome="unknown-patient", took_s=0.4, count=1)
    row = judged()
    assert (row.success, row.condition, row.reasons) == (0.8, "degraded", ["few-answers"])
    assert (row.p50_ms, row.p95_ms) == (pytest.approx(200), pytest.approx(400))
    assert told() == ["source-degraded"]


@pytest.mark.usefixtures("surgery")
def test_what_is_our_fault_or_old_says_nothing_of_a_source() -> None:
    asked(outcome="answered", took_s=0.2, count=10)
    asked(outcome="failed", took_s=0.2, reason="overload", count=20)
    asked(outcome="not-asked", took_s=0.2, reason="paused", count=20)
    asked(outcome="unreachable", took_s=0.2, reason="address", count=20)
    asked(outcome="timed-out", took_s=2, ago_s=400, count=20)
    assert (judged().success, judged().condition) == (1.0, "up")


@pytest.mark.usefixtures("surgery")
def test_one_that_takes_nearly_all_its_time_is_degraded() -> None:
    asked(outcome="answered", took_s=1.7, count=20)
    assert (judged().condition, judged().reasons) == ("degraded", ["slow"])


def test_what_was_asked_before_a_pause_or_a_change_says_nothing_of_a_source(surgery: UUID) -> None:
    asked(outcome="timed-out", took_s=2, count=20)
    assert (judged().condition, told()) == ("degraded", ["source-degraded"])
    pause = {"source_id": surgery, "reason": "Mended.", "by": None, "now": timezone.now()}
    for is_resumed in (False, True):
        operations.record_pause(is_resumed=is_resumed, **pause)
    row = SourceHealth.objects.get()
    assert (row.success, row.p50_ms, row.p95_ms) == (None, None, None)
    check()
    assert (judged().success, judged().condition) == (None, "up")
    assert told() == ["source-degraded"]


def test_traffic_that_was_read_before_a_pause_is_not_recorded_after_it(
    surgery: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(failed(surgery, times=guard.FAILURES))
    read = checking.traffic_of_sources

    def read_and_resumed(**given: Any) -> Any:
        traffic = read(**given)
        for is_resumed in (False, True):
            pause = {"source_id": surgery, "reason": "Mended.", "by": None, "now": timezone.now()}
            operations.record_pause(is_resumed=is_resumed, **pause)
        return traffic

    monkeypatch.setattr(checking, "traffic_of_sources", read_and_resumed)
    row = judged()
    assert (row.breaker, row.condition, told()) == ("", "unknown", [])


def test_a_source_is_paused_since_it_was_paused_and_its_history_says_so(hospital: Hospital) -> None:
    source_id = registered(hospital.address)
    began = SourceHealth.objects.get().since
    paused_at, resumed_at = began + timedelta(hours=1), began + timedelta(hours=2)
    pause = {"source_id": source_id, "reason": "Move.", "by": None}
    operations.record_pause(is_resumed=False, **pause, now=paused_at)
    view = read_source(requester=operator(), source_id=source_id, now=paused_at)
    assert view.health
    assert view.health.since == paused_at
    operations.record_pause(is_resumed=True, **pause, now=resumed_at)
    view = read_source(requester=operator(), source_id=source_id, now=resumed_at)
    assert [([reason.value for reason in line.reasons], line.at) for line in view.history] == [
        (["not-checked"], resumed_at),
        (["paused"], paused_at),
    ]


def test_of_two_machines_whose_clocks_are_apart_the_later_change_is_the_later_in_the_history(
    hospital: Hospital,
) -> None:
    source_id = registered(hospital.address)
    check()
    now = timezone.now()
    for ahead_s, status in ((60, ReportedStatus.DOWN), (10, ReportedStatus.UP), (11, ReportedStatus.UP)):
        report = Report(status=status, interval_s=3600)
        operations.record_report(source_id=source_id, report=report, now=now + timedelta(seconds=ahead_s))
    assert condition(source_id) == "up"
    history = read_source(requester=operator(), source_id=source_id, now=now + timedelta(seconds=70)).history
    assert [line.condition.value for line in history] == ["up", "down", "up"]
    assert history[0].at - history[1].at == timedelta(microseconds=1)
    # A clock that was put back by more is another matter: what happens from then on has its own time.
    operations.record_report(
        source_id=source_id,
        report=Report(status=ReportedStatus.DOWN),
        now=now - timedelta(hours=1),
    )
    assert SourceHealth.objects.get().since == now - timedelta(hours=1)


@pytest.mark.usefixtures("surgery")
def test_its_breaker_and_last_failure_are_those_that_all_workers_share() -> None:
    assert (judged().breaker, judged().failure) == ("", "")
    source_id = judged().source_id
    asyncio.run(failed(source_id, times=guard.FAILURES))
    row = judged()
    assert (row.breaker, row.failure, row.condition, row.reasons) == ("open", "timed-out", "down", ["resting"])
    assert row.failed_at is not None
    assert abs(row.failed_at - timezone.now()) < timedelta(seconds=5)
    board = signed_in_client("ms.lane").get("/sources")
    assert "Did not answer in time" in board.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("changed", [True, False])
def test_one_that_rested_and_was_mended_is_asked_as_usual_and_raises_no_alarm(unasked: UUID, changed: bool) -> None:
    asyncio.run(failed(unasked, times=guard.FAILURES))
    assert judged().reasons == ["resting"]
    pause = {"source_id": unasked, "reason": "Mended.", "by": None, "now": timezone.now()}
    if changed:
        with transaction.atomic():
            operations.start_anew(source_id=unasked, now=timezone.now())
    else:
        for is_resumed in (False, True):
            with transaction.atomic():
                operations.record_pause(is_resumed=is_resumed, **pause)
    assert SourceHealth.objects.get().reasons == ["not-checked"]
    asyncio.run(failed(unasked, times=1))  # one that rests would not be asked
    check()
    assert (judged().breaker, judged().condition) == ("closed", "up")
    assert told() == ["source-down"]


@pytest.mark.django_db(transaction=True)
def test_a_source_is_paused_while_redis_is_away(unasked: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "HELD_REDIS_URL", "redis://127.0.0.1:9/0")
    traffic._client.cache_clear()
    try:
        with transaction.atomic():
            assert operations.record_pause(
                source_id=unasked, is_resumed=False, reason="Away.", by=None, now=timezone.now()
            )
    finally:
        traffic._client.cache_clear()
    assert condition(unasked) == "unknown"


@pytest.mark.usefixtures("surgery")
def test_while_redis_is_away_what_was_known_last_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(outcome="answered", took_s=0.2, count=10)
    source_id = judged().source_id
    asyncio.run(failed(source_id, times=1))
    assert (judged().success, judged().failure) == (1.0, "timed-out")
    monkeypatch.setattr(settings, "HELD_REDIS_URL", "redis://127.0.0.1:9/0")
    traffic._client.cache_clear()
    try:
        assert (judged().success, judged().failure) == (1.0, "timed-out")
    finally:
        traffic._client.cache_clear()


async def failed(source_id: UUID, *, times: int) -> None:
    """Have requests to a source end as time-outs, as a worker would."""
    client = client_for_loop()
    shared = guard.SourceGuard(client=client, most_at_once=100)
    for _ in range(times):
        async with shared.leave_to_ask(source_id=source_id, until=asyncio.get_running_loop().time() + 1) as ended:
            ended.sign, ended.what = Sign.BAD, "timed-out"
    await client.aclose()


async def succeeded(source_id: UUID) -> None:
    """Have a request to a source end well."""
    client = client_for_loop()
    shared = guard.SourceGuard(client=client, most_at_once=100)
    async with shared.leave_to_ask(source_id=source_id, until=asyncio.get_running_loop().time() + 1) as ended:
        ended.sign = Sign.GOOD
    await client.aclose()


@pytest.mark.parametrize("table", ["source_condition_change", "source_check"])
def test_what_was_found_is_never_changed(hospital: Hospital, table: str) -> None:
    registered(hospital.address)
    check()
    model = {"source_condition_change": SourceConditionChange, "source_check": SourceCheck}[table]
    for change in (lambda: model.objects.update(at=timezone.now()), lambda: model.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_a_check_that_was_begun_before_a_pause_counts_for_nothing_after_it(hospital: Hospital) -> None:
    source_id = registered(hospital.address)
    operations.ensure_rows(now=timezone.now())
    (due,) = operations.claim_checks(most=1, now=timezone.now(), rng=random.Random(1))
    for is_resumed in (False, True):
        pause = {"source_id": source_id, "reason": "Mended.", "by": None, "now": timezone.now()}
        operations.record_pause(is_resumed=is_resumed, **pause)
    result = operations.CheckResult(outcome=Outcome.TIMED_OUT)
    operations.record_check(check=due, result=result, now=timezone.now())
    assert SourceHealth.objects.get(source_id=source_id).checked_at is None


@pytest.mark.django_db(transaction=True)
def test_that_redis_has_lost_what_it_knew_makes_no_source_well(unasked: UUID) -> None:
    asyncio.run(failed(unasked, times=guard.FAILURES))
    check()
    assert (judged().reasons, told()) == (["resting"], ["source-down"])
    guard.forget(client=client_for_threads(), source_id=unasked)  # as when it is started anew
    check(times=2)
    row = judged()
    assert (row.condition, row.breaker, row.failure) == ("down", "half-open", "timed-out")
    check()
    assert told() == ["source-down"]
    asyncio.run(succeeded(unasked))
    assert (judged().condition, told()) == ("up", ["source-down", "source-up"])


def test_a_check_that_was_begun_with_other_options_counts_for_nothing(hospital: Hospital) -> None:
    source_id = registered(hospital.address)
    operations.ensure_rows(now=timezone.now())
    (due,) = operations.claim_checks(most=1, now=timezone.now(), rng=random.Random(1))
    Source.objects.filter(id=source_id).update(options={"search": "post"})
    result = operations.CheckResult()
    operations.record_check(check=due, result=result, now=timezone.now())
    assert SourceHealth.objects.get(source_id=source_id).checked_at is None


def test_a_clock_that_was_put_back_keeps_no_source_from_being_checked(hospital: Hospital) -> None:
    source_id = registered(hospital.address)
    tomorrow = timezone.now() + timedelta(days=1)
    check_due(clock=lambda: tomorrow, rng=random.Random(1))
    assert SourceHealth.objects.get(source_id=source_id).checked_at == tomorrow
    asked = len(hospital.asked)
    check_due(clock=timezone.now, rng=random.Random(1))
    assert len(hospital.asked) > asked
    assert SourceHealth.objects.get(source_id=source_id).checked_at < timezone.now()
    asked = len(hospital.asked)
    check_due(clock=timezone.now, rng=random.Random(1))
    assert len(hospital.asked) == asked


def test_machines_whose_clocks_are_a_little_apart_do_not_check_a_source_twice(hospital: Hospital) -> None:
    registered(hospital.address)
    ahead = timezone.now() + timedelta(minutes=2)
    check_due(clock=lambda: ahead, rng=random.Random(1))
    asked = len(hospital.asked)
    check_due(clock=timezone.now, rng=random.Random(1))
    assert len(hospital.asked) == asked


def test_while_nothing_judges_the_board_says_since_when_nothing_is_known(hospital: Hospital) -> None:
    make_world(base_url=hospital.address)
    check()
    (source,) = Source.objects.all()
    checked_at = SourceHealth.objects.get().checked_at
    assert checked_at
    view = read_source(requester=operator(), source_id=source.id, now=checked_at + timedelta(hours=3))
    assert view.health
    assert (view.health.judgement.condition.value, view.health.since) == ("unknown", checked_at + STALE_AFTER)
    assert [(line.condition.value, line.at) for line in view.history] == [
        ("unknown", checked_at + STALE_AFTER),
        ("up", checked_at),
    ]
    (line,) = list_sources(requester=operator(), now=checked_at + timedelta(hours=3))
    assert line.health
    assert line.health.since == checked_at + STALE_AFTER


@pytest.mark.django_db(transaction=True)
def test_settings_are_saved_while_a_check_is_recorded(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one locks the source and wants its health, and the other has its health and writes a row of the source."""
    registered(hospital.address)
    operations.ensure_rows(now=timezone.now())
    (due,) = operations.claim_checks(most=1, now=timezone.now(), rng=random.Random(1))
    has_health, has_source = threading.Event(), threading.Event()
    judge, start_anew = operations.judge, registering.start_anew
    faults: list[Exception] = []

    def judged(**given: Any) -> Any:
        if threading.current_thread() is recording:
            has_health.set()
            has_source.wait(5)
            time.sleep(0.3)  # until the other waits
        return judge(**given)

    def anew(**given: Any) -> None:
        has_source.set()
        start_anew(**given)

    def record() -> None:
        try:
            operations.record_check(check=due, result=operations.CheckResult(), now=timezone.now())
        except DatabaseError as error:
            faults.append(error)
        finally:
            connection.close()

    recording = threading.Thread(target=record)
    monkeypatch.setattr(operations, "judge", judged)
    monkeypatch.setattr(registering, "start_anew", anew)
    recording.start()
    assert has_health.wait(5)
    registered(hospital.address, time_limit_s=3)
    recording.join()
    assert faults == []
    assert Source.objects.get().time_limit_s == 3
