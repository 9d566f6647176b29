"""How many retrievals may be under way at once, learned from how late a worker is with what it does. Pure.

Each worker process judges itself, several times a second, and says how many it takes. A retrieval is let in while fewer
are under way than all workers take together. So what is shed is the newest work, before anything of it is done, and
what has been let in keeps its time.

The limit falls when the worker is late twice in a row, to a share of what is under way, and not again before that can
have had its effect; a single stall, or one with next to nothing under way, says nothing of the load. It rises slowly
while the worker is in time, and stays as it is between the two marks.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

# How late a worker is, in seconds, from which it takes fewer, and below which it takes more.
LATE_S, IN_TIME_S = 0.3, 0.15
# The limit falls to this share of what is under way, and to no less than LEAST; it rises by this share at a time.
FALLS_TO, RISES_BY = 0.8, 0.08
LEAST = 8
# A limit that has fallen does not fall again for so long: what was let in before is still under way. Seconds.
FALLS_EVERY_S = 1.0
# Emergencies are let in until so many times as many are under way.
EMERGENCY_SHARE = 2.0
# Whoever is turned away is told to come back after so long, at random between the two, lest all come at once. Seconds.
SOONEST_S, LATEST_S = 3, 8


@dataclass(frozen=True, kw_only=True)
class Controller:
    """What one worker takes: at most `limit` at once, of at most `most`. `fell_at` is when the limit last fell.

    `was_late`: at the moment before this one.
    """

    most: int
    limit: float
    fell_at: float = -math.inf
    was_late: bool = False


@dataclass(frozen=True, kw_only=True)
class Load:
    """What there is to do and who does it: retrievals under way anywhere, and how many each live worker takes."""

    under_way: int
    limits: tuple[int, ...]


def begin(*, most: int) -> Controller:
    """Return the controller of a worker that has done nothing yet."""
    return Controller(most=most, limit=most)


def judged(controller: Controller, /, *, late_s: float, under_way: int, now: float) -> Controller:
    """Return the controller after a moment in which the worker was so late with so many under way.

    `now` is of a monotonic clock, in seconds.
    """
    if late_s >= LATE_S:
        is_soon = now - controller.fell_at < FALLS_EVERY_S
        if is_soon or not controller.was_late or under_way <= LEAST:
            return replace(controller, was_late=True)
        limit = max(float(LEAST), FALLS_TO * min(controller.limit, under_way))
        return replace(controller, limit=min(limit, controller.limit), fell_at=now, was_late=True)
    if late_s < IN_TIME_S:
        limit = min(float(controller.most), controller.limit * (1 + RISES_BY))
        return replace(controller, limit=limit, was_late=False)
    return replace(controller, was_late=False)


def is_let_in(load: Load, /, *, emergency: bool) -> bool:
    """Return whether one more retrieval is let in; `under_way` counts it already.

    While no worker says what it takes everything is: then there is nothing to go by.
    """
    if not load.limits:
        return True
    limit = sum(load.limits)
    return load.under_way <= (EMERGENCY_SHARE * limit if emergency else limit)


def retry_after_s(*, rng: random.Random) -> int:
    """Return after how many seconds somebody who is turned away may come back."""
    return rng.randint(SOONEST_S, LATEST_S)


class Lateness:
    """How late a worker is, over the last moments: with what its loop has to run, and with beginning retrievals."""

    def __init__(self) -> None:
        self._loop_s: list[float] = []
        self._begun_s: list[float] = []

    def note_loop(self, late_s: float, /) -> None:
        """Note how late the loop was with something that it had to run."""
        self._loop_s.append(max(0.0, late_s))

    def note_begun(self, waited_s: float, /) -> None:
        """Note how long a retrieval waited until it began."""
        self._begun_s.append(max(0.0, waited_s))

    def take(self) -> float:
        """Return how late it was since this was last asked, in seconds: the mean of the one or of the other."""
        late_s = max(_mean(self._loop_s), _mean(self._begun_s))
        self._loop_s.clear()
        self._begun_s.clear()
        return late_s


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0
