"""What uvicorn runs: live events on its event loop, and Django on a fixed pool of threads.

Each thread keeps its database connection. Under plain ASGI every synchronous view opens a new one, which takes five
times the CPU, and with CONN_MAX_AGE they leak until PostgreSQL refuses more.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from types import FrameType
from typing import cast
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp
from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from django.conf import settings

from config.database_roles import warn_if_owner
from config.gate import Gate, Places
from config.not_found import NotFoundFloor
from config.process import freeze_gc
from config.whole_requests import WholeRequests
from config.wsgi import application as django

from aggregator.api.fhir.operations import OPERATIONS  # isort: skip
from aggregator.api.fhir.waiting import BASE_PATH as FHIR_PATH  # isort: skip
from aggregator.api.fhir.waiting import WaitingDoor  # isort: skip
from aggregator.federation.connections import client_for_loop  # isort: skip
from aggregator.services.follow_record import wait_until_done  # isort: skip
from aggregator.web.record.live import MAX_STREAMS, LiveDoor  # isort: skip (Django's applications are loaded by config.wsgi)

DJANGO_THREADS = 10
LIVE_PATH = "/live/"

# At the deadline every source has its outcome: a moment later the answer is certain to be available.
PAST_DEADLINE_S = 0.2


class Dispatcher:
    """Routes a request past the gate to the live events, the FHIR door or the pages."""

    def __init__(self, *, whole: WholeRequests, gate: Gate) -> None:
        self.whole = whole
        self.gate = gate
        self.stopping = asyncio.Event()
        self.live: LiveDoor | None = None
        self.fhir: WaitingDoor | None = None

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request, or handle the start and stop of the process."""
        if scope["type"] == "lifespan":
            await self._handle_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000, "reason": None})
        elif refusal := self.gate.refusal(scope):
            await self.gate.refuse(scope, send, refusal=refusal)
        elif self.live and scope["path"].startswith(LIVE_PATH):
            await self.live(scope, receive, send, ticket=scope["path"].removeprefix(LIVE_PATH))
        elif self.fhir and scope["path"].startswith(FHIR_PATH):
            await self.fhir(scope, receive, send)
        else:
            await self.whole(scope, receive, send)

    async def _handle_lifespan(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()
        client = client_for_loop(waits_for_events=True, max_connections=MAX_STREAMS + 10)
        wait_s = settings.RETRIEVAL_DEADLINE_S + PAST_DEADLINE_S

        async def wait(retrieval_id: UUID) -> None:
            await wait_until_done(retrieval_id=retrieval_id, wait_s=wait_s, client=client)

        self.live = LiveDoor(client=client, stopping=self.stopping)
        self.fhir = WaitingDoor(django=self.whole, operations=OPERATIONS, wait=wait)
        await asyncio.to_thread(warn_if_owner)
        self._end_streams_on_signals()
        freeze_gc()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.stopping.set()
        await client.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    def _end_streams_on_signals(self) -> None:
        """End open streams when the process is told to stop: uvicorn waits for them before it ends the lifespan."""
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)

            def handle(received: int, frame: FrameType | None, before: object = before) -> None:
                loop.call_soon_threadsafe(self.stopping.set)
                if callable(before):
                    before(received, frame)

            signal.signal(number, handle)


# An unbounded queue, so that a thread hands over its whole answer and is free, however slowly the caller reads.
_threads = cast(ASGI3Application, WSGIMiddleware(cast(WSGIApp, django), workers=DJANGO_THREADS, send_queue_size=0))
application = Dispatcher(
    whole=WholeRequests(NotFoundFloor(Places(_threads)), limit_bytes=settings.BODY_LIMIT_BYTES),
    gate=Gate(
        per_minute=settings.ANONYMOUS_REQUESTS_PER_MINUTE,
        reports_per_minute=settings.HEALTH_REPORTS_PER_MINUTE,
    ),
)
