"""What the launcher shows while it works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Progress:
    """Shows what is being done and how long it took. `write` shows a text at once; `up`: everything is running."""

    write: Callable[[str], None]
    up: bool = False

    def say(self, text: str) -> None:
        """Show a text as it is, without adding a line end."""
        self.write(text)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show that something is being done, and then how many seconds it took."""
        self.write(f"  {what} ...")
        started = time.monotonic()
        try:
            yield
        except BaseException:
            self.write("\n")
            raise
        self.write(f" {time.monotonic() - started:.1f} s\n")
