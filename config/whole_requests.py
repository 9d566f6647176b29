"""Passes only complete requests of limited size to Django, so that slow senders do not occupy its few threads.

Django on ASGI writes a whole body to disk before it looks at the path, whoever sends it, and a thread that waits for a
slow sender serves nobody else. So the body is read here, on the event loop, within limits of size and time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from asgiref.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPScope,
)

from config.refusals import Refusal, refuse

BODY_TIMEOUT_S = 15.0
REFUSALS: Mapping[int, Refusal] = {
    refusal.status: refusal
    for refusal in (
        Refusal(
            status=400,
            title="There is a problem with this request",
            words="The length that this request states is no number.",
            code="structure",
        ),
        Refusal(
            status=408,
            title="The request took too long",
            words="The request did not come to its end in time.",
            code="timeout",
        ),
        Refusal(
            status=413,
            title="The request is too large",
            words="The request is larger than anything that this service takes.",
            code="too-long",
        ),
    )
}

Answering = Callable[[HTTPScope, ASGIReceiveCallable, ASGISendCallable], Awaitable[None]]


class BodyRefused(Exception):
    """A body was refused. `status` is the answer: 413 too long, 400 invalid length."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Disconnected(Exception):
    """The caller disconnected before the request was complete."""


class WholeRequests:
    """An ASGI application around another that passes on only complete requests."""

    def __init__(self, application: Answering, *, limit_bytes: int, timeout_s: float = BODY_TIMEOUT_S) -> None:
        self.application = application
        self.limit_bytes = limit_bytes
        self.timeout_s = timeout_s

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Read the body, then let the application answer."""
        try:
            self._check_length(scope)
            async with asyncio.timeout(self.timeout_s):
                body = await self._body(receive)
        except BodyRefused as refused:
            await _refuse(scope, send, status=refused.status)
        except TimeoutError:
            await _refuse(scope, send, status=408)
        except Disconnected:
            return
        else:
            await self.application(_without_underscores(scope), _once(body, receive), send)

    def _check_length(self, scope: HTTPScope) -> None:
        for name, value in scope["headers"]:
            if name == b"content-length":
                if not value.isdigit():
                    raise BodyRefused(400)
                if len(value) > 12 or int(value) > self.limit_bytes:
                    raise BodyRefused(413)

    async def _body(self, receive: ASGIReceiveCallable) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            if message["type"] != "http.request":
                continue
            part = message.get("body", b"")
            size += len(part)
            if size > self.limit_bytes:
                raise BodyRefused(413)
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)


def _without_underscores(scope: HTTPScope) -> HTTPScope:
    """Drop headers with "_" in their names: WSGI reads X_Forwarded_Proto as X-Forwarded-Proto, which a proxy sets."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if b"_" not in name]}


def _once(body: bytes, receive: ASGIReceiveCallable) -> ASGIReceiveCallable:
    sent = False

    async def replay() -> ASGIReceiveEvent:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(scope: HTTPScope, send: ASGISendCallable, *, status: int) -> None:
    """Say what was wrong, and close the connection, since the request was not read to its end."""
    await refuse(scope, send, refusal=REFUSALS[status], headers=((b"connection", b"close"),))
