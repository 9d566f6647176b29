"""A FHIR caller waits for the sources here, on the loop, and holds none of Django's threads meanwhile.

Django answers such a request with 202 and where the answer will be. Unless the caller asked for that, this waits until
the retrieval is over, asks there, and gives what it gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from config.requests import Application, Message, Receive, Scope, Send

# Called with a retrieval's id; returns when it is over, or at its deadline.
Wait = Callable[[UUID], Awaitable[None]]

OPERATION = "/$everything"
STATUS_PATH = "/fhir/retrievals/"


@dataclass
class _Answer:
    """What Django answered, kept back until it is known whether it is to be given."""

    messages: list[Message] = field(default_factory=list)

    async def keep(self, message: Message) -> None:
        self.messages.append(message)

    def awaited(self) -> UUID | None:
        """Return the retrieval whose answer is still to come, or None when this is the answer."""
        if not self.messages:
            return None  # the caller went away before the request was whole
        start = self.messages[0]
        location = next((v.decode("latin-1") for n, v in start["headers"] if n.lower() == b"content-location"), "")
        if start["status"] != 202 or not location.startswith(STATUS_PATH):
            return None
        return UUID(location.removeprefix(STATUS_PATH))


class WaitingDoor:
    """An ASGI application around the pages that waits for what they only promise."""

    def __init__(self, *, pages: Application, wait: Wait) -> None:
        self.pages = pages
        self.wait = wait

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "GET" or not scope["path"].endswith(OPERATION) or _prefers_to_come_back(scope):
            await self.pages(scope, receive, send)
            return
        first = _Answer()
        await self.pages(scope, receive, first.keep)
        awaited = first.awaited()
        if awaited is None:
            for message in first.messages:
                await send(message)
            return
        await self.wait(awaited)
        path = f"{STATUS_PATH}{awaited}"
        await self.pages({**scope, "path": path, "raw_path": path.encode(), "query_string": b""}, _no_body, send)


def _prefers_to_come_back(scope: Scope) -> bool:
    return any(name == b"prefer" and b"respond-async" in value for name, value in scope["headers"])


async def _no_body() -> Message:
    """Give an empty body once; a second call means that the caller is being watched for leaving, which it may not."""
    await asyncio.sleep(0)
    return {"type": "http.request", "body": b"", "more_body": False}
