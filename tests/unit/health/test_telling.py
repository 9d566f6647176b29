"""Operators are told of a source's condition, and not of every flicker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.health.telling import MANY, SETTLED_AFTER, is_told
from aggregator.health.terms import SourceCondition

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "condition", "changes", "for_s", "expected"),
    [
        ("up", "down", 1, 0, True),
        ("up", "down", MANY + 1, 0, True),
        ("degraded", "silent", MANY + 1, 0, True),
        ("unknown", "degraded", MANY + 1, 0, True),
        ("down", "up", MANY, 0, True),
        ("down", "up", MANY + 1, 0, False),
        ("down", "degraded", MANY + 1, 0, False),
        ("down", "up", MANY + 1, SETTLED_AFTER.total_seconds(), True),
        ("down", "unknown", MANY + 1, 0, True),
        ("down", "down", 1, 1e6, False),
    ],
)
def test_worse_is_told_at_once_and_better_unless_it_flickers(
    told: str, condition: str, changes: int, for_s: float, expected: bool
) -> None:
    said = is_told(
        told=SourceCondition(told),
        condition=SourceCondition(condition),
        since=NOW - timedelta(seconds=for_s),
        changes=changes,
        now=NOW,
    )
    assert said is expected
