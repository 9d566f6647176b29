"""Whether a source may be called now. Pure."""

from __future__ import annotations

from typing import Protocol


class Guard(Protocol):
    """Decides whether a source may be called now: a circuit breaker, a limit on calls at once."""

    async def enter(self, *, source_id: str) -> None:
        """Raise NotAsked if the source may not be called now."""

    async def leave(self, *, source_id: str, succeeded: bool) -> None:
        """Take note of how a call ended."""


class OpenGuard:
    """The guard that lets every call through."""

    async def enter(self, *, source_id: str) -> None:
        """Let the call through."""

    async def leave(self, *, source_id: str, succeeded: bool) -> None:
        """Take no note."""
