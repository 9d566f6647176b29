"""When operators are told that a source is in another condition. Pure.

That it is worse is told at once. That it is better is, too, unless it has changed again and again of late: then only
once it has stayed so. So one that flickers is told of as it is at its worst, and not with every change.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from aggregator.health.terms import SourceCondition

# So many changes within so long are told of one by one.
MANY, WITHIN = 6, timedelta(minutes=10)
# After more, one that has been the same for so long has settled.
SETTLED_AFTER = timedelta(minutes=5)

# Trouble that was taken for one of our own network is not told of before that has been over for so long: what real
# requests met during it counts for five minutes, and what rested has to be asked again.
HELD_BACK = timedelta(minutes=10)

_BADNESS = {SourceCondition.DEGRADED: 1, SourceCondition.SILENT: 2, SourceCondition.DOWN: 3}


def is_told(*, told: SourceCondition, condition: SourceCondition, since: datetime, changes: int, now: datetime) -> bool:
    """Return whether a condition takes the place of the one that was told last.

    `changes` is how often the condition has changed during the time WITHIN; `since` is when it did last.
    """
    if condition is told:
        return False
    is_worse = _BADNESS.get(condition, 0) > _BADNESS.get(told, 0)
    return is_worse or condition is SourceCondition.UNKNOWN or changes <= MANY or has_settled(since=since, now=now)


def is_held_back(*, held_back_at: datetime | None, now: datetime) -> bool:
    """Return whether trouble may still be what our own network has left."""
    return held_back_at is not None and now < held_back_at + HELD_BACK


def has_settled(*, since: datetime, now: datetime) -> bool:
    """Return whether a condition has lasted long enough to be told whatever was before."""
    return now >= since + SETTLED_AFTER
