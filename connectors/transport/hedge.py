"""When a read is sent a second time because the first is slow. Pure.

Of two answers the first that comes counts, and the other call is cancelled. Only for sources that may be asked the same
twice, and only for a small share of calls, so that a source that is slow as a whole gets hardly any more work.
Source: J. Dean and L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013 (hedged requests).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

# From so many calls on it is known what is slow for a source; so many are remembered.
LEAST_CALLS, CALLS_KEPT = 20, 200
SLOW_QUANTILE = 0.95
# How often the quantile is worked out anew, in calls.
EVERY_CALLS = 10
# A second call never sooner than this: two calls within a hair's breadth help nobody. Seconds.
LEAST_WAIT_S = 0.01


@dataclass
class Hedges:
    """What is known of how long one source takes, and the second calls that may still be made to it.

    Each call earns `share` of a second call, up to `burst`.
    """

    share: float
    burst: float
    earned: float = 0.0
    _took: deque[float] = field(default_factory=lambda: deque(maxlen=CALLS_KEPT))
    _calls: int = 0
    _slow_s: float | None = None

    def wait_s(self) -> float | None:
        """Return how long to wait for an answer before the second call; None while that is not known."""
        return self._slow_s

    def note(self, *, took_s: float) -> None:
        """Take note of how long a call took to be answered, or how long it had taken when the second was."""
        self.earned = min(self.burst, self.earned + self.share)
        self._took.append(took_s)
        self._calls += 1
        if self._calls >= LEAST_CALLS and self._calls % EVERY_CALLS == 0:
            ordered = sorted(self._took)
            self._slow_s = max(LEAST_WAIT_S, ordered[int(SLOW_QUANTILE * len(ordered))])

    def spend(self) -> bool:
        """Spend one second call; return whether there was one."""
        if self.earned < 1:
            return False
        self.earned -= 1
        return True
