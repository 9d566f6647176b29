"""What Prometheus is told: how the sources are, only to addresses that may have it, and nothing about anybody."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aggregator.federation.load import LoadSeen
from aggregator.health import operations
from aggregator.health.models import SourceHealth
from aggregator.health.terms import ROUND, Report, ReportedStatus, Traffic
from config.metrics import is_allowed, text_of
from tests.crowds import apart, crowded
from tests.integration.health.test_checking import check, registered
from tests.source_acts import paused, surgery
from tests.world import NOWHERE, make_world, signed_in_client

pytestmark = pytest.mark.django_db

LINE = re.compile(r'(longview_[a-z_]+)(?:\{((?:[a-z]+="[A-Za-z0-9.-]+",?)+)\})? (-?[0-9.e+-]+)')


@pytest.fixture
def client() -> Client:
    make_world()
    return Client(headers={"host": "testserver"})


def samples(client: Client) -> dict[str, float]:
    """Return what is said, by name and labels; every line must be one of the format's."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    said: dict[str, float] = {}
    for line in answer.content.decode().splitlines():
        if not line.startswith(("# HELP ", "# TYPE ")):
            found = LINE.fullmatch(line)
            assert found, line
            said[f"{found[1]}{{{found[2]}}}" if found[2] else found[1]] = float(found[3])
    return said


def test_that_our_own_network_is_away_is_said_here_and_on_the_board(client: Client, settings: Any) -> None:
    settings.METRICS_NETWORKS = ("127.0.0.0/8",)
    for number in range(2):
        registered(NOWHERE, slug=f"ward-{number}")
    assert samples(client)["longview_own_network_away"] == 0
    assert "this service’s own network" not in board()
    check()
    assert samples(client)["longview_own_network_away"] == 1
    assert "this service’s own network" in board()
    SourceHealth.objects.update(checked_at=timezone.now() - ROUND)
    assert samples(client)["longview_own_network_away"] == 0


def board() -> str:
    return signed_in_client("ms.lane").get("/sources").content.decode()


def test_nobody_gets_them_unless_the_settings_say_so(client: Client, settings: Any) -> None:
    assert settings.METRICS_NETWORKS == ()
    assert client.get("/metrics").status_code == 403
    assert signed_in_client("ms.lane").get("/metrics").status_code == 403
    settings.METRICS_NETWORKS = ("10.0.0.0/8",)
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"x-forwarded-for": "10.1.1.1"}).status_code == 403
    settings.METRICS_NETWORKS = ("127.0.0.0/8",)
    assert client.get("/metrics").status_code == 200
    for address in ("", "unknown", "::1"):
        assert not is_allowed(address=address, networks=("127.0.0.0/8",))


def test_the_figures_are_those_of_the_board(client: Client, settings: Any) -> None:
    settings.METRICS_NETWORKS = ("127.0.0.1/32",)
    assert samples(client)['longview_source_state{source="the-surgery",state="unknown"}'] == 1
    check(times=3)
    now = timezone.now()
    traffic = Traffic(success=0.96, p50_ms=250, p95_ms=1200, breaker="half-open")
    anew_at = SourceHealth.objects.get().anew_at
    operations.record_traffic(source_id=surgery(), traffic=traffic, anew_at=anew_at, now=now)
    operations.record_report(source_id=surgery(), report=Report(status=ReportedStatus.UP), now=now)
    said = samples(client)
    of_it = 'source="the-surgery"'
    assert said[f'longview_source_state{{{of_it},state="down"}}'] == 1
    assert said[f'longview_source_state{{{of_it},state="up"}}'] == 0
    assert said[f"longview_source_success_ratio{{{of_it}}}"] == 0.96
    assert said[f'longview_source_latency_seconds{{{of_it},quantile="0.95"}}'] == 1.2
    assert said[f'longview_source_breaker{{{of_it},state="half-open"}}'] == 1
    assert 0 <= said[f"longview_source_report_age_seconds{{{of_it}}}"] < 10
    assert 0 <= said[f"longview_source_check_age_seconds{{{of_it}}}"] < 10
    assert said['longview_queue_length{queue="upkeep"}'] >= 0
    assert said[f"longview_source_paused{{{of_it}}}"] == 0
    paused()
    assert samples(client)[f"longview_source_paused{{{of_it}}}"] == 1


def test_they_cost_two_queries_however_many_sources_there_are(client: Client, settings: Any) -> None:
    settings.METRICS_NETWORKS = ("127.0.0.1/32",)
    for number in range(20):
        registered(NOWHERE, slug=f"source-{number}")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        samples(client)
    assert len(asked) == 2


def test_how_much_is_under_way_and_what_was_turned_away_is_told_and_nothing_without_redis(
    client: Client, settings: Any
) -> None:
    settings.METRICS_NETWORKS = ("127.0.0.1/32",)
    with apart() as held:
        said = samples(client)
        assert (said["longview_retrievals_under_way"], said["longview_retrievals_shed_total"]) == (0, 0)
        assert "longview_retrievals_limit" not in said
        crowded(held, limit=4, late_s=0.3)
        said = samples(client)
        assert said["longview_retrievals_limit"] == 4
        assert said["longview_retrievals_under_way"] == 4
        assert said["longview_worker_late_seconds"] == 0.3
    settings.HELD_REDIS_URL = "redis://127.0.0.1:9/0"
    assert not any("retrievals" in name for name in samples(client))


def test_a_counter_shows_each_step_however_far_it_has_come() -> None:
    for shed in (999_999, 1_000_001, 123_456_789):
        load = LoadSeen(under_way=1, limit=2, late_s=0.0625, shed=shed, apart_s=0.5)
        text = text_of(watched=[], queues={"upkeep": 1_234_567}, load=load, now=timezone.now())
        assert f"longview_retrievals_shed_total {shed}\n" in text
        assert 'longview_queue_length{queue="upkeep"} 1234567\n' in text
        assert "longview_worker_late_seconds 0.0625\n" in text
        assert "longview_clocks_apart_seconds 0.5\n" in text
