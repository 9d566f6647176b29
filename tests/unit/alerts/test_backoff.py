"""When a delivery that failed is tried again."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.alerts.backoff import next_attempt_at
from aggregator.alerts.terms import GIVEN_UP_AFTER, DeliveryFault

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def pauses(attempts: int, *, seeds: int = 400) -> list[float]:
    found = []
    for seed in range(seeds):
        at = next_attempt_at(attempts=attempts, fault=DeliveryFault.STATUS, since=NOW, now=NOW, rng=random.Random(seed))
        assert at is not None
        found.append((at - NOW).total_seconds())
    return found


@pytest.mark.parametrize(
    ("attempts", "most_s"), [(1, 20), (2, 40), (5, 320), (8, 2560), (9, 3600), (30, 3600), (5000, 3600)]
)
def test_the_pause_is_anything_up_to_twice_the_last_and_an_hour_at_most(attempts: int, most_s: float) -> None:
    found = pauses(attempts)
    assert 0 <= min(found) < most_s * 0.05
    assert most_s * 0.95 < max(found) <= most_s
    assert 0.4 * most_s < sum(found) / len(found) < 0.6 * most_s


@pytest.mark.parametrize("fault", DeliveryFault)
def test_after_three_days_nobody_tries_again(fault: DeliveryFault) -> None:
    def at(since: datetime) -> datetime | None:
        return next_attempt_at(attempts=1, fault=fault, since=since, now=NOW, rng=random.Random(1))

    assert at(NOW - GIVEN_UP_AFTER) is None
    assert (at(NOW - GIVEN_UP_AFTER + timedelta(seconds=1)) is None) == fault.is_final


def test_trying_again_is_no_use_only_where_nobody_is_to_be_told_any_more() -> None:
    final = {fault for fault in DeliveryFault if fault.is_final}
    assert final == {DeliveryFault.NO_LONGER_TOLD, DeliveryFault.WEBHOOK_ENDED}
