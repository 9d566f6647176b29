"""Whether a source may be called now."""

from __future__ import annotations

from typing import Protocol


class Guard(Protocol):
    """Says whether a source may be called now (circuit breaker, bulkhead); handed to the transport by its maker."""

    async def enter(self, *, source_id: str) -> None:
        """Raise NotAsked if the source may not be called now."""

    async def leave(self, *, source_id: str, succeeded: bool) -> None: ...


class OpenGuard:
    """The guard that lets every call through."""

    async def enter(self, *, source_id: str) -> None:
        """Let it through."""

    async def leave(self, *, source_id: str, succeeded: bool) -> None:
        """Take no note of it."""
