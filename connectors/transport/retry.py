"""When a call may be made again. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from connectors.transport.limits import TransportLimits

# 500 as well: GP Connect lets a consumer try again after it. Source: GP Connect Access Record Structured 1.6, error
# handling guidance.
RETRIED_STATUSES = frozenset({429, 500, 502, 503})

# However long a source asks us to wait, it is asked again after a day. Seconds.
LONGEST_ASKED_S = 86_400.0
# Where Azure's services say it, in milliseconds: the database behind one that throttles says it in no other way.
_MILLISECONDS = ("x-ms-retry-after-ms", "retry-after-ms")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def asked_to_wait_s(*, headers: Mapping[str, str], now: float) -> float | None:
    """Return how long a source asks us to wait, in seconds; None where it does not, or in no way that can be read.

    `headers` are by their names in lower case; `now` is in seconds since 1970.
    Source: RFC 9110, 10.2.3 (Retry-After: seconds, or a date; some write a fraction); Azure SDK guidelines, "Retry".
    """
    asked = headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(asked):
        return min(float(asked), LONGEST_ASKED_S)
    for name in _MILLISECONDS:
        if _NUMBER.fullmatch(said := headers.get(name, "").strip()):
            return min(float(said) / 1000, LONGEST_ASKED_S)
    try:
        until = parsedate_to_datetime(asked)
    except (ValueError, OverflowError):  # the second for a year, an hour or a zone of many digits
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(0.0, until.timestamp() - now), LONGEST_ASKED_S)


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
