"""When a call may be made again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.transport.limits import TransportLimits

# 500 as well: GP Connect lets a consumer try again after it. Source: GP Connect Access Record Structured 1.6, error
# handling guidance.
RETRIED_STATUSES = frozenset({429, 500, 502, 503})


@dataclass
class RetryBudget:
    """The retries that may still be made: each call earns part of one, up to a burst."""

    earned: float

    def earn(self, *, limits: TransportLimits) -> None:
        """Earn what one call earns."""
        self.earned = min(limits.retry_burst, self.earned + limits.retry_budget)

    def spend(self) -> bool:
        """Spend one retry; return whether there was one."""
        if self.earned < 1:
            return False
        self.earned -= 1
        return True
