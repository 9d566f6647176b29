"""The history of a source as bands of a picture; the table beside it says the same. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aggregator.health.terms import ConditionLine, SourceCondition
from aggregator.services.sources.read_source import HISTORY, MOST_CONDITIONS

WIDTH = 960
# A condition that lasted a moment is still to be seen.
LEAST_WIDTH = 2


@dataclass(frozen=True, kw_only=True)
class Band:
    """A stretch of time in one condition, in units of the picture."""

    x: int
    width: int
    condition: SourceCondition


def bands_of(*, history: Sequence[ConditionLine], now: datetime) -> tuple[Band, ...]:
    """Return the last day's conditions, the oldest first. `history` is as a source's view has it.

    Where it begins later, nothing was known before; where there is more of it than a view has, nothing is drawn there.
    """
    began = now - HISTORY
    bands: list[Band] = []
    until = now
    for line in history:
        start = min(max(line.at, began), until)  # the clock may have been put back
        x = _x(start, began=began)
        width = max(LEAST_WIDTH, _x(until, began=began) - x)
        bands.append(Band(x=min(x, WIDTH - width), width=width, condition=line.condition))
        until = start
    if until > began and len(history) < MOST_CONDITIONS:
        bands.append(Band(x=0, width=_x(until, began=began), condition=SourceCondition.UNKNOWN))
    return tuple(reversed(bands))


def _x(moment: datetime, *, began: datetime) -> int:
    return round(WIDTH * ((moment - began) / HISTORY))
