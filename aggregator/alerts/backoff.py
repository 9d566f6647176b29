"""When a delivery that failed is tried again. Pure."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from aggregator.alerts.terms import GIVEN_UP_AFTER, DeliveryFault

BASE_S, CAP_S = 10.0, 3600.0


def next_attempt_at(
    *, attempts: int, fault: DeliveryFault, since: datetime, now: datetime, rng: random.Random
) -> datetime | None:
    """Return when to try again after so many attempts, the last of which has failed now; None: never.

    Full jitter: anything up to the pause, which doubles from 20 seconds to an hour, so that what failed together does
    not come back together. `since` is when the alert was raised.
    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015.
    """
    if fault.is_final or now >= since + GIVEN_UP_AFTER:
        return None
    pause_s = min(CAP_S, BASE_S * 2 ** min(attempts, 20))
    return now + timedelta(seconds=rng.uniform(0, pause_s))
