"""Answers "not found" no sooner than a fixed moment, so that its time does not tell why (T05).

What is not there and what is not the asker's are answered alike, after the same queries; what is left, such as a page
of an index that one of the two had to read, is below this moment. The wait is on the event loop and holds no thread.
"""

from __future__ import annotations

import asyncio
import random

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, HTTPScope

from config.whole_requests import Answering

FLOOR_S = 0.15
JITTER_S = 0.05
NOT_FOUND = 404


class NotFoundFloor:
    """An ASGI application around another: its 404s leave at `floor_s`, and up to `jitter_s` more, after the request."""

    def __init__(self, application: Answering, *, floor_s: float = FLOOR_S, jitter_s: float = JITTER_S) -> None:
        self.application = application
        self.floor_s = floor_s
        self.jitter_s = jitter_s

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Let the application answer, and hold its answer back where it is "not found"."""
        loop = asyncio.get_running_loop()
        earliest = loop.time() + self.floor_s + random.uniform(0, self.jitter_s)  # noqa: S311 - no secret

        async def hold_back(event: ASGISendEvent) -> None:
            if event["type"] == "http.response.start" and event["status"] == NOT_FOUND:
                await asyncio.sleep(max(0.0, earliest - loop.time()))
            await send(event)

        await self.application(scope, receive, hold_back)
