"""FHIR callers wait for the sources here, on the event loop, without occupying one of Django's threads.

Django answers an operation that waits with 202 and where the answer will be. Unless the caller prefers that
(`Prefer: respond-async`), this waits until the retrieval is complete, at most until its deadline, requests the answer
and returns it. Source: FHIR R4 asynchronous pattern.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, HTTPRequestEvent, HTTPScope

from aggregator.api.fhir.operation import Operation

# Called with a retrieval's id; returns when it is complete, or at its deadline.
Wait = Callable[[UUID], Awaitable[None]]
Answering = Callable[[HTTPScope, ASGIReceiveCallable, ASGISendCallable], Awaitable[None]]

BASE_PATH = "/fhir/"
STATUS_PATH = f"{BASE_PATH}retrievals/"
# Marks the scope of our own request for an answer that was awaited; no caller can send it.
AWAITED = "longview.awaited"
# Of the request that asked and not of the one for its answer: what its body was, and the format, which is settled.
_OF_THE_FIRST = frozenset({b"accept", b"content-length", b"content-type", b"transfer-encoding"})


def is_awaited(scope: HTTPScope | None) -> bool:
    """Return whether a request is our own, for the answer that its caller waited for: the caller asked once."""
    return scope is not None and AWAITED in (scope.get("extensions") or {})


@dataclass
class _BufferedAnswer:
    """Django's answer, held back until it is known whether to send it."""

    events: list[ASGISendEvent] = field(default_factory=list)

    async def keep(self, event: ASGISendEvent) -> None:
        self.events.append(event)

    def awaited(self) -> UUID | None:
        """Return the retrieval to wait for, or None when this is already the answer."""
        if not self.events:
            return None  # the caller disconnected before the request was complete
        start = self.events[0]
        if start["type"] != "http.response.start" or start["status"] != 202:
            return None
        location = next(
            (value.decode("latin-1") for name, value in start["headers"] if name.lower() == b"content-location"), ""
        )
        return UUID(location.removeprefix(STATUS_PATH)) if location.startswith(STATUS_PATH) else None


class WaitingDoor:
    """An ASGI application around Django's FHIR door that waits for answers that an operation only promises."""

    def __init__(self, *, django: Answering, operations: Iterable[Operation], wait: Wait) -> None:
        self.django = django
        self.waiting = tuple(operation for operation in operations if operation.waits)
        self.wait = wait

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if not self._waits(scope):
            await self.django(scope, receive, send)
            return
        first = _BufferedAnswer()
        await self.django(scope, receive, first.keep)
        awaited = first.awaited()
        if awaited is None:
            for event in first.events:
                await send(event)
            return
        await self.wait(awaited)
        path = f"{STATUS_PATH}{awaited}"
        again: HTTPScope = {
            **scope,
            "method": "GET",
            "headers": [(name, value) for name, value in scope["headers"] if name not in _OF_THE_FIRST],
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "extensions": {**(scope.get("extensions") or {}), AWAITED: {}},
        }
        await self.django(again, _no_body, send)

    def _waits(self, scope: HTTPScope) -> bool:
        if scope["method"] not in {"GET", "POST"} or _prefers_async(scope):
            return False
        path = scope["path"].removeprefix(BASE_PATH)
        return any(operation.matches(path=path) for operation in self.waiting)


def _prefers_async(scope: HTTPScope) -> bool:
    return any(name == b"prefer" and b"respond-async" in value.lower() for name, value in scope["headers"])


async def _no_body() -> HTTPRequestEvent:
    """Return an empty request body, as often as it is asked for."""
    await asyncio.sleep(0)
    return {"type": "http.request", "body": b"", "more_body": False}
