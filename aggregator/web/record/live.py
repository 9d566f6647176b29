"""Live events of one retrieval, natively async: no thread, no database, nothing clinical.

The stream says that something has landed, and the page then requests its content again. It ends with `done`. An invalid
ticket is answered with 204, so that the browser stops reconnecting.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import redis.asyncio
import structlog
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPResponseBodyEvent, HTTPScope
from django.conf import settings
from django.http import parse_cookie

from aggregator.errors import NotPermitted
from aggregator.services import follow_record

MAX_STREAMS = 500  # per process; each takes 47 KB, measured
MAX_STREAMS_PER_SESSION = 3
# A retrieval whose worker died never sends `done`; the page must not wait for it for ever.
PAST_DEADLINE_S = 60.0
RETRY_AFTER_MS = 3000

HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store, private"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
DONE = b"event: done\ndata: done\n\n"
HEARTBEAT = b": waiting\n\n"

log = structlog.get_logger("longview.live")


@dataclass
class LiveDoor:
    """Answers `/live/<ticket>`. `stopping` is set when the process is told to stop: open streams then end at once."""

    client: redis.asyncio.Redis
    stopping: asyncio.Event
    open_streams: Counter[str] = field(default_factory=Counter)

    async def __call__(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable, *, ticket: str
    ) -> None:
        """Check the ticket, then stream until the retrieval, the caller or this process ends."""
        if scope["method"] != "GET":
            await _answer(send, 405, (b"allow", b"GET"))
            return
        session_key = _session_key(scope)
        try:
            follow_record.read_ticket(ticket=ticket, session_key=session_key, now=datetime.now(UTC))
        except NotPermitted:
            await _answer(send, 204)
            return
        if self.open_streams[session_key] >= MAX_STREAMS_PER_SESSION or self.open_streams.total() >= MAX_STREAMS:
            await _answer(send, 503, (b"retry-after", b"5"))
            return
        self.open_streams[session_key] += 1
        try:
            await self._stream(scope, receive, send, ticket=ticket, session_key=session_key)
        finally:
            self.open_streams[session_key] -= 1
            self.open_streams += Counter()  # drops sessions that have no stream

    async def _stream(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable, *, ticket: str, session_key: str
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS), "trailers": False})
        await send(_part(b"retry: %d\n\n" % RETRY_AFTER_MS))
        events = follow_record.follow(
            ticket=ticket,
            session_key=session_key,
            last_event_id=_last_event_id(scope),
            client=self.client,
            now=datetime.now(UTC),
        )
        streaming = asyncio.create_task(_send_events(events, send))
        disconnected = asyncio.create_task(_wait_for_disconnect(receive))
        stopping = asyncio.create_task(self.stopping.wait())
        watched = {streaming, disconnected, stopping}
        await asyncio.wait(
            watched, timeout=settings.RETRIEVAL_DEADLINE_S + PAST_DEADLINE_S, return_when=asyncio.FIRST_COMPLETED
        )
        timed_out = not any(task.done() for task in watched)
        caller_left = disconnected.done()
        for task in watched:
            task.cancel()
        await asyncio.gather(*watched, return_exceptions=True)
        if not caller_left:
            await send(_part(DONE if timed_out else b"", more=False))


async def _send_events(events: AsyncIterator[follow_record.LiveEvent | None], send: ASGISendCallable) -> None:
    try:
        async for event in events:
            await send(_part(_line(event)))
    except redis.RedisError as error:
        # The stream ends without `done`: the browser reconnects, from the last event that it received.
        log.warning("live stream ended", error=type(error).__name__)
    except NotPermitted:
        await send(_part(DONE))


def _line(event: follow_record.LiveEvent | None) -> bytes:
    if event is None:
        return HEARTBEAT
    return f"id: {event.id}\nevent: {event.kind}\ndata: {event.kind}\n\n".encode()


def _part(content: bytes, *, more: bool = True) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def _wait_for_disconnect(receive: ASGIReceiveCallable) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: ASGISendCallable, status: int, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"cache-control", b"no-store, private"), *more]
    if status != 204:
        headers.append((b"content-length", b"0"))
    with suppress(ConnectionError):
        await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
        await send(_part(b"", more=False))


def _header(scope: HTTPScope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _session_key(scope: HTTPScope) -> str:
    return parse_cookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")


def _last_event_id(scope: HTTPScope) -> str:
    """Return the id of the last event that the browser received, if it looks like one of Redis (two numbers)."""
    event_id = _header(scope, b"last-event-id")
    first, _, second = event_id.partition("-")
    is_valid = len(event_id) < 42 and event_id.isascii() and first.isdecimal() and second.isdecimal()
    return event_id if is_valid else ""
