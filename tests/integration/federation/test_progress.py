"""What has landed, told through a real Redis stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
import redis.asyncio
from django.conf import settings

from aggregator.federation import progress
from aggregator.federation.progress import DONE, LANDED, STREAM_LIVES_S, Event

Story = Callable[[redis.asyncio.Redis, UUID], Awaitable[None]]


@asynccontextmanager
async def redis_client(*, protocol: int) -> AsyncIterator[redis.asyncio.Redis]:
    client = redis.asyncio.Redis.from_url(settings.HELD_REDIS_URL, protocol=protocol)
    try:
        yield client
    finally:
        await client.aclose()


def tell(story: Story, *, protocol: int = 3) -> None:
    async def run() -> None:
        async with asyncio.timeout(10), redis_client(protocol=protocol) as client:
            await story(client, uuid4())

    asyncio.run(run())


async def heard(
    client: redis.asyncio.Redis, retrieval_id: UUID, *, after: str = "0", wanted: int = 1
) -> list[Event | None]:
    found: list[Event | None] = []
    async for event in progress.follow(client=client, retrieval_id=retrieval_id, after=after, block_ms=200):
        found.append(event)
        if len(found) == wanted:
            break
    return found


def kinds(events: list[Event | None]) -> list[str | None]:
    return [event.kind if event else None for event in events]


@pytest.mark.parametrize("protocol", [2, 3])
def test_what_was_published_is_followed_in_order(protocol: int) -> None:
    async def story(client: redis.asyncio.Redis, retrieval_id: UUID) -> None:
        for kind in (LANDED, LANDED, DONE):
            await progress.publish(client=client, retrieval_id=retrieval_id, kinds=[kind])
        found = await heard(client, retrieval_id, wanted=4)
        assert kinds(found) == [LANDED, LANDED, DONE, None]

    tell(story, protocol=protocol)


def test_a_page_that_comes_back_hears_what_it_missed_and_no_more() -> None:
    async def story(client: redis.asyncio.Redis, retrieval_id: UUID) -> None:
        await progress.publish(client=client, retrieval_id=retrieval_id, kinds=[LANDED])
        (last,) = await heard(client, retrieval_id)
        assert last is not None
        await progress.publish(client=client, retrieval_id=retrieval_id, kinds=[DONE])
        assert kinds(await heard(client, retrieval_id, after=last.id, wanted=2)) == [DONE, None]

    tell(story)


def test_an_event_that_comes_while_a_page_waits_is_heard_at_once() -> None:
    async def story(client: redis.asyncio.Redis, retrieval_id: UUID) -> None:
        waiting = asyncio.create_task(heard(client, retrieval_id, wanted=2))
        await asyncio.sleep(0.3)
        async with redis_client(protocol=3) as other:
            await progress.publish(client=other, retrieval_id=retrieval_id, kinds=[LANDED])
        assert kinds(await waiting) == [None, LANDED]

    tell(story)


def test_retrievals_do_not_hear_one_another() -> None:
    async def story(client: redis.asyncio.Redis, retrieval_id: UUID) -> None:
        await progress.publish(client=client, retrieval_id=uuid4(), kinds=[DONE])
        assert await heard(client, retrieval_id) == [None]

    tell(story)


def test_a_stream_says_nothing_clinical_and_ends() -> None:
    async def story(client: redis.asyncio.Redis, retrieval_id: UUID) -> None:
        await progress.publish(client=client, retrieval_id=retrieval_id, kinds=[LANDED])
        name = f"progress:{retrieval_id}"
        ((_, fields),) = await client.xrange(name)
        assert fields == {b"kind": b"landed"}
        assert 0 < await client.ttl(name) <= STREAM_LIVES_S

    tell(story)
