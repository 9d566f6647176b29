"""What uvicorn runs: live events natively on its loop, everything else Django on a fixed pool of threads.

Each thread keeps its database connection. Under plain ASGI every synchronous view opens a new one, which costs five
times the CPU, and CONN_MAX_AGE then leaks them until the server refuses.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from types import FrameType

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

from a2wsgi import WSGIMiddleware
from django.conf import settings

from config.collector import settle_collector
from config.requests import Application, Receive, Scope, Send, WholeRequests
from config.roles import warn_if_owner
from config.waiting import WaitingDoor
from config.wsgi import application as django

from aggregator.federation.connections import client_for_loop  # isort: skip
from aggregator.services.follow_record import wait_until_done  # isort: skip
from aggregator.web.live import MOST_STREAMS, LiveDoor  # isort: skip (Django's applications are loaded by config.wsgi)

DJANGO_THREADS = 10
LIVE_PATH = "/live/"

# Past the deadline every source has its outcome: a moment later the answer can be had for certain.
PAST_DEADLINE_S = 0.2


class Dispatcher:
    """Sends a request where it belongs."""

    def __init__(self, *, pages: Application) -> None:
        self.pages = pages
        self.stopping = asyncio.Event()
        self.live: LiveDoor | None = None
        self.waiting: WaitingDoor | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the life of the process."""
        if scope["type"] == "lifespan":
            await self._live_and_end(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        elif self.live and scope["path"].startswith(LIVE_PATH):
            await self.live(scope, receive, send, ticket=scope["path"].removeprefix(LIVE_PATH))
        elif self.waiting:
            await self.waiting(scope, receive, send)
        else:
            await self.pages(scope, receive, send)

    async def _live_and_end(self, receive: Receive, send: Send) -> None:
        await receive()
        client = client_for_loop(waits_for_events=True, max_connections=MOST_STREAMS + 10)
        self.live = LiveDoor(client=client, stopping=self.stopping)
        self.waiting = WaitingDoor(
            pages=self.pages,
            wait=lambda retrieval_id: wait_until_done(
                retrieval_id=retrieval_id, wait_s=settings.RETRIEVAL_DEADLINE_S + PAST_DEADLINE_S, client=client
            ),
        )
        await asyncio.to_thread(warn_if_owner)
        self._hear_signals()
        settle_collector()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.stopping.set()
        await client.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    def _hear_signals(self) -> None:
        """End open streams when the process is told to end: uvicorn waits for them before it ends its lifespan."""
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


# An unbounded queue: a thread hands over its whole answer and is free, however slowly the caller reads.
pages = WholeRequests(
    WSGIMiddleware(django, workers=DJANGO_THREADS, send_queue_size=0),
    limit_bytes=settings.BODY_LIMIT_BYTES,
)
application = Dispatcher(pages=pages)
