"""When a call may be made again."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.transport.limits import TransportLimits

# 500 too: GP Connect names it among what may be asked again (protocol facts, GP Connect, errors).
RETRIED_STATUSES = frozenset({429, 500, 502, 503})


@dataclass
class RetryBudget:
    """Retries that may still be made: each call earns a part of one, up to a burst."""

    earned: float

    def call(self, *, limits: TransportLimits) -> None:
        self.earned = min(limits.retry_burst, self.earned + limits.retry_budget)

    def spend(self) -> bool:
        if self.earned < 1:
            return False
        self.earned -= 1
        return True
