"""Starts again what dies, at the address that it had, and says so."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from launcher.processes import Child, StartError, raise_if_stopped

RESTARTS = 3
WITHIN_S = 60.0


@dataclass
class Part:
    """A child that can be started again. `start_again` returns it as soon as others may rely on it.

    `restarted_at`: when it was started again, in seconds of the monotonic clock.
    """

    child: Child
    start_again: Callable[[], Child]
    restarted_at: list[float] = field(default_factory=list)

    def restart(self, *, now: float) -> None:
        """Start it again.

        Raises: StartError when it has died too often, or cannot be started.
        """
        self.restarted_at = [at for at in self.restarted_at if now - at < WITHIN_S]
        if len(self.restarted_at) >= RESTARTS:
            raise StartError(
                f"{self.child.name} {how_it_ended(self.child)}, after {RESTARTS} restarts within a minute: "
                f"{self.child.last_words().rstrip('.')}. Read {self.child.log}, then start again."
            )
        self.restarted_at.append(now)
        try:
            self.child = self.start_again()
        except OSError as error:
            raise StartError(f"{self.child.name} could not be started again: {error.strerror}.") from None


def supervise(*, parts: Sequence[Part], say: Callable[[str], None], every_s: float = 0.5) -> NoReturn:
    """Start again every part that dies, until stopped from outside. `parts`: first what the others rely on.

    Raises: StartError when a part has died too often or cannot be started again; Stopped.
    """
    while True:
        raise_if_stopped()
        for part in parts:
            if not part.child.running():
                child = part.child
                part.restart(now=time.monotonic())
                say(f"  {child.name} {how_it_ended(child)} and was started again (log: {child.log}).\n")
        time.sleep(every_s)


def how_it_ended(child: Child) -> str:
    """Return how a child that has ended did so, as the rest of a sentence."""
    status = child.process.returncode
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"
