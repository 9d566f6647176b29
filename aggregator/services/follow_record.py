"""Follow a retrieval live: something has landed, or it is complete. It shows no content, so it alone writes no audit.

A ticket is issued with a page that `view_record` has already allowed. It is valid for one retrieval and one session,
until a minute past the deadline, so no database is needed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import redis.asyncio
from django.core import signing

from aggregator.errors import NotPermitted
from aggregator.federation import progress
from aggregator.federation.progress import DONE

SALT = "longview.live"
VALID_PAST_DEADLINE = timedelta(minutes=1)
HEARTBEAT_MS = 15_000


@dataclass(frozen=True, kw_only=True)
class Ticket:
    retrieval_id: UUID
    ends_at: datetime


def issue_ticket(*, retrieval_id: UUID, deadline_at: datetime, session_key: str) -> str:
    """Return a signed ticket, safe to put in a path, for a page of one session."""
    ends_at = deadline_at + VALID_PAST_DEADLINE
    return signing.dumps([str(retrieval_id), ends_at.isoformat(), _session_hash(session_key)], salt=SALT)


def read_ticket(*, ticket: str, session_key: str, now: datetime) -> Ticket:
    """Return what a ticket says.

    Raises: NotPermitted when it was not issued by this service or not for this session, or has expired.
    """
    try:
        identifier, ends_at, mark = signing.loads(ticket, salt=SALT)
        parsed = Ticket(retrieval_id=UUID(identifier), ends_at=datetime.fromisoformat(ends_at))
    except (signing.BadSignature, ValueError, TypeError):
        raise NotPermitted("This ticket is not valid.", code="ticket") from None
    if mark != _session_hash(session_key) or now > parsed.ends_at:
        raise NotPermitted("This ticket is not valid.", code="ticket")
    return parsed


@dataclass(frozen=True, kw_only=True)
class LiveEvent:
    """Something in a retrieval has landed, or it is complete. `id` is the position in the stream to resume from."""

    id: str
    kind: str


async def follow(
    *, ticket: str, session_key: str, last_event_id: str, client: redis.asyncio.Redis, now: datetime
) -> AsyncIterator[LiveEvent | None]:
    """Yield events as they come, None as a heartbeat after each silent 15 s, and one DONE as the last.

    Raises: NotPermitted for an invalid ticket; redis.RedisError when the stream cannot be read.
    """
    parsed = read_ticket(ticket=ticket, session_key=session_key, now=now)
    async for event in progress.follow(
        client=client, retrieval_id=parsed.retrieval_id, after=last_event_id or "0", block_ms=HEARTBEAT_MS
    ):
        yield LiveEvent(id=event.id, kind=event.kind) if event else None
        if event is not None and event.kind == DONE:
            return


async def wait_until_done(*, retrieval_id: UUID, wait_s: float, client: redis.asyncio.Redis) -> None:
    """Return when a retrieval is complete, after `wait_s` seconds, or at once when it cannot be followed.

    The caller then reads its state in any case, so a lost event or an unreachable Redis causes delay, no error.
    """
    try:
        async with asyncio.timeout(wait_s):
            async for event in progress.follow(
                client=client, retrieval_id=retrieval_id, after="0", block_ms=HEARTBEAT_MS
            ):
                if event is not None and event.kind == DONE:
                    return
    except (TimeoutError, redis.RedisError):
        return


def _session_hash(session_key: str) -> str:
    return hashlib.sha256(f"{SALT}|{session_key}".encode()).hexdigest()[:32]
