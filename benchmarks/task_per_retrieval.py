"""The service's own shape, doing what the peer does and no more: one Celery task for all sources of a retrieval.

A task hands its coroutine to the process's one event loop and returns. There every source is asked at once by the
service's HTTP client; each record's bytes are kept and told of in Redis just as by the peer (task_per_source.py).
Nothing is split, judged, sealed, audited or written to a database.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import cache
from uuid import uuid4

import redis.asyncio
import uvloop

from benchmarks.task_per_source import HEADERS, PATIENCE_S, keep, peer_app
from connectors.contract.errors import SourceError
from connectors.transport.addresses import Reach
from connectors.transport.client import HttpTransport

QUEUE = "task-per-retrieval"

app = peer_app(name=QUEUE)
_lock = threading.Lock()


class _Loop:
    """One event loop in a thread of its own, with the clients that live as long."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        opened = asyncio.run_coroutine_threadsafe(self._open(), self.loop)
        self.transport, self.redis = opened.result()

    async def _open(self) -> tuple[HttpTransport, redis.asyncio.Redis]:
        client = redis.asyncio.Redis.from_url(app.conf.broker_read_url)
        return HttpTransport(reach=Reach.of(networks=("127.0.0.0/8",), plain_http=True)), client

    async def retrieve(self, retrieval_id: str, sources: Sequence[Sequence[str]]) -> None:
        """Ask all sources at once."""
        await asyncio.gather(*(self._ask(retrieval_id, at, each) for at, each in enumerate(sources, start=1)))

    async def _ask(self, retrieval_id: str, source: int, addresses: Sequence[str]) -> None:
        """Ask one source, one address after the other; keep the last answer and say how it ended."""
        try:
            status, body = [await self._fetch(source, address) for address in addresses][-1]
        except SourceError:
            status, body = 0, b""
        async with self.redis.pipeline(transaction=False) as pipe:
            keep(pipe, retrieval_id=retrieval_id, source=source, status=status, body=body)
            await pipe.execute()

    async def _fetch(self, source: int, address: str) -> tuple[int, bytes]:
        answer = await self.transport.request(
            method="GET",
            url=address,
            headers=HEADERS,
            source_id=str(source),
            deadline=self.loop.time() + PATIENCE_S,
            correlation_id=uuid4(),
        )
        return answer.status, answer.body


@app.task
def retrieve(*, retrieval_id: str, sources: Sequence[Sequence[str]]) -> None:
    """Have all sources asked, and return at once."""
    running = _running()
    asyncio.run_coroutine_threadsafe(running.retrieve(retrieval_id, sources), running.loop)


def _running() -> _Loop:
    with _lock:  # a pool's first tasks arrive at the same time
        return _made()


@cache
def _made() -> _Loop:
    return _Loop()
