"""What has landed, as a Redis stream per retrieval. Events say that something happened, but not what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import redis
import redis.asyncio
import structlog

from aggregator.federation.connections import client_for_threads

log = structlog.get_logger(__name__)

LANDED = "landed"
DONE = "done"
# A stream outlives its retrieval's deadline, so that a page that connects late still hears that it is over.
STREAM_LIVES_S = 120


@dataclass(frozen=True, kw_only=True)
class Event:
    """`id` is the stream's own, for `Last-Event-ID`; `kind` is LANDED or DONE."""

    id: str
    kind: str


async def publish(*, client: redis.asyncio.Redis, retrieval_id: UUID, kinds: Iterable[str]) -> None:
    """Add events to a retrieval's stream, in one journey."""
    name = _name(retrieval_id)
    async with client.pipeline(transaction=False) as pipe:
        for kind in kinds:
            pipe.xadd(name, {"kind": kind}, maxlen=200, approximate=True)
        pipe.expire(name, STREAM_LIVES_S)
        await pipe.execute()


def note_done(*, retrieval_id: UUID) -> None:
    """Say that a retrieval is over that nothing has to be waited for. A lost event costs its reader time only."""
    try:
        client = _client()
        client.xadd(_name(retrieval_id), {"kind": DONE})
        client.expire(_name(retrieval_id), STREAM_LIVES_S)
    except redis.RedisError:
        log.warning("event_lost", retrieval_id=str(retrieval_id))


async def follow(
    *, client: redis.asyncio.Redis, retrieval_id: UUID, after: str, block_ms: int
) -> AsyncIterator[Event | None]:
    """Yield a retrieval's events after the id `after` ("0": all) as they come, None after each silent `block_ms`.

    The client must have no socket timeout, or one longer than `block_ms`.
    Raises: redis.RedisError when the stream cannot be read.
    """
    name = _name(retrieval_id)
    while True:
        answer = await client.xread({name: after}, block=block_ms, count=100)
        entries = answer[0][1] if answer and isinstance(answer, list) else _entries(answer, name)
        if not entries:
            yield None
            continue
        for identifier, fields in entries:
            after = _text(identifier)
            yield Event(id=after, kind=_text(fields.get(b"kind") or fields.get("kind") or b""))


def _entries(answer: object, name: str) -> list[tuple[object, dict[object, object]]]:
    """Return a stream's entries from the mapping in which the RESP3 protocol sends them."""
    if not isinstance(answer, dict):
        return []
    entries = answer.get(name.encode()) or answer.get(name) or []
    return entries[0] if entries and isinstance(entries[0], list) else entries


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@cache
def _client() -> redis.Redis:
    return client_for_threads()


def _name(retrieval_id: UUID) -> str:
    return f"progress:{retrieval_id}"
