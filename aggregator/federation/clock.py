"""The time of day as one piece of work sees it to its end, whatever is done to the machine's clock meanwhile."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.utils import timezone

# A clock that is set by so much while something is under way is worth a word; less is how a clock is kept right.
STEP_S = 1.0


class SteadyClock:
    """Tells the time from when it was made, by a clock that nobody sets: a minute of it is always a minute.

    Work with a deadline is done by one, so that a clock that is set meanwhile ends nothing early and blames nobody.
    """

    def __init__(self) -> None:
        self._began_at, self._began = timezone.now(), time.monotonic()

    def now(self) -> datetime:
        """Return the time of day."""
        return self._began_at + timedelta(seconds=time.monotonic() - self._began)

    def seconds_until(self, moment: datetime, /) -> float:
        """Return in how many seconds a moment comes; less than none for one that is over."""
        return (moment - self.now()).total_seconds()

    def seconds_since(self, moment: datetime, /) -> float:
        """Return how many seconds ago a moment was; less than none for one that is still to come."""
        return (self.now() - moment).total_seconds()

    @property
    def stepped_s(self) -> float:
        """By how much the machine's clock was set forward since, in seconds; back where it is less than none."""
        return (timezone.now() - self.now()).total_seconds()
