"""Password hashes, which are slow and large on purpose, and how many may be made at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from aggregator.errors import TooMany

# How long a sign-in waits for its turn, how many may wait, and when to try again if it is in vain.
WAIT_S = 4.0
MOST_WAITING = 2
RETRY_AFTER_S = 5


class Argon2(Argon2PasswordHasher):
    """argon2id with 46 MiB, one pass and one lane.

    Source: OWASP Password Storage Cheat Sheet, the first of its equivalent choices; docs/decisions/0027.
    """

    memory_cost = 47_104  # KiB
    time_cost = 1
    parallelism = 1


class Slots:
    """Turns at something costly: so many at once, a few who wait for a while, and nobody else."""

    def __init__(self, *, slots: int, most_waiting: int = MOST_WAITING, wait_s: float = WAIT_S) -> None:
        self._free = threading.BoundedSemaphore(slots)
        self._admitted = threading.BoundedSemaphore(slots + most_waiting)
        self._wait_s = wait_s

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one slot.

        Raises: TooMany when too many wait already, or none became free in time.
        """
        if not self._admitted.acquire(blocking=False):
            raise _busy()
        try:
            if not self._free.acquire(timeout=self._wait_s):
                raise _busy()
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._admitted.release()


@cache
def hashing_slots() -> Slots:
    """Return the slots of this process."""
    return Slots(slots=settings.HASHING_SLOTS)


def _busy() -> TooMany:
    return TooMany(
        "Too many people are signing in at this moment. Try again shortly.", code="busy", retry_after_s=RETRY_AFTER_S
    )
