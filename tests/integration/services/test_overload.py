"""When as much is under way as can be done in time, one more is turned away before anything of it is done."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
import redis
from django.db import connection
from django.utils import timezone

from aggregator.audit.models import AuditEvent
from aggregator.errors import TooBusy
from aggregator.federation import load
from aggregator.federation.admission import LATEST_S, SOONEST_S
from aggregator.federation.connections import client_for_loop
from aggregator.federation.documents import fetch
from aggregator.federation.engine import engine
from aggregator.federation.load import LoadSeen, WorkerLoad, load_seen, take_place
from aggregator.federation.models import Retrieval
from aggregator.federation.operations import start
from aggregator.services.open_record import open_record
from aggregator.sources.models import Source
from tests.break_glass_acts import broken
from tests.crowds import apart, crowded
from tests.one_hospital import Hospital, hospital, opened, run, world
from tests.world import World, signed_in_client

__all__ = ["hospital", "world"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held() -> Iterator[redis.Redis]:
    with apart() as client:
        yield client


def open_it(world: World) -> object:
    return open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())


def test_one_too_many_is_turned_away_with_a_clear_word_and_nothing_is_written_but_that(
    world: World, held: redis.Redis
) -> None:
    crowded(held)
    with pytest.raises(TooBusy) as refused:
        open_it(world)
    seconds = refused.value.retry_after_s
    assert SOONEST_S <= seconds <= LATEST_S
    assert str(refused.value) == (
        f"The service is too busy to open another record just now. Try again in {seconds} seconds."
    )
    assert not Retrieval.objects.exists()
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.outcome, event.person_id) == ("open-record", "refused", world.joan)
    assert event.detail["code"] == "too-busy"
    assert (held.zcard(load.UNDER_WAY), held.get(load.SHED)) == (4, b"1")


def test_as_soon_as_one_is_over_the_next_is_let_in(world: World, held: redis.Redis) -> None:
    crowded(held, count=3)
    retrieval_id = open_it(world)
    assert held.zcard(load.UNDER_WAY) == 4
    with pytest.raises(TooBusy):
        open_it(world)
    assert isinstance(retrieval_id, type(world.joan))
    run(world, retrieval_id)
    assert held.zscore(load.UNDER_WAY, str(retrieval_id)) is None
    open_it(world)


def test_a_message_that_comes_twice_leaves_its_place_to_what_is_under_way(world: World, held: redis.Redis) -> None:
    crowded(held, count=3)
    retrieval_id = UUID(str(open_it(world)))
    begun = start(retrieval_id=retrieval_id, now=timezone.now())
    assert begun is not None
    run(world, retrieval_id)
    assert held.zscore(load.UNDER_WAY, str(retrieval_id)) is not None
    document_id = str(uuid4())
    held.zadd(load.UNDER_WAY, {document_id: time.time() + 10})
    fetching = fetch(retrieval_id=retrieval_id, document_id=document_id, engine=engine())
    engine().start(fetching, within_s=5).result()
    assert held.zscore(load.UNDER_WAY, document_id) is not None


def test_a_page_says_so_in_ordinary_words_and_when_to_come_back(world: World, held: redis.Redis) -> None:
    crowded(held)
    client = signed_in_client("dr.osei")
    answer = client.post(f"/people/{world.joan}/record")
    assert answer.status_code == 503
    page = answer.content.decode()
    assert "The service is very busy" in page
    assert "too busy to open another record just now" in page
    assert re.search(rf"Try again in {answer.headers['Retry-After']} seconds", page)
    part = client.post(f"/people/{world.joan}/record", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Reswap"]) == (503, "none")


def test_a_system_is_told_in_the_words_of_fhir(world: World, held: redis.Redis) -> None:
    crowded(held)
    answer = signed_in_client("dr.osei").get(f"/fhir/Patient/{world.joan}/$everything")
    assert answer.status_code == 503
    assert SOONEST_S <= int(answer.headers["Retry-After"]) <= LATEST_S
    (issue,) = answer.json()["issue"]
    assert (issue["severity"], issue["code"]) == ("error", "throttled")
    assert "too busy" in issue["diagnostics"]


def test_an_emergency_is_turned_away_last(world: World, held: redis.Redis) -> None:
    broken(world, person_id=world.joan)
    crowded(held)
    with pytest.raises(TooBusy):
        open_it(world)
    for _ in range(4):
        open_record(requester=world.outsider, person_id=world.joan, now=timezone.now())
    with pytest.raises(TooBusy):
        open_record(requester=world.outsider, person_id=world.joan, now=timezone.now())
    assert Retrieval.objects.count() == 4


def test_a_record_of_held_answers_is_opened_however_much_is_under_way(
    world: World, hospital: Hospital, held: redis.Redis
) -> None:
    Source.objects.update(freshness_s=300)
    opened(world)
    crowded(held, count=1000)
    view = opened(world)
    assert view.sources[0].kept_for_s is not None
    with pytest.raises(TooBusy):
        open_record(requester=world.clinician, person_id=world.joan, now=timezone.now(), max_age_s=0)


def test_without_redis_or_a_word_of_any_worker_everything_is_let_in(
    world: World, held: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded(held)
    held.delete(load.WORKERS)
    open_it(world)
    away = redis.Redis.from_url("redis://127.0.0.1:9/0")
    monkeypatch.setattr(load, "_client", lambda: away)
    assert take_place(work_id=uuid4(), until=timezone.now(), emergency=False, now=timezone.now())


def test_what_a_worker_said_that_has_ended_counts_no_longer(world: World, held: redis.Redis) -> None:
    crowded(held)
    for key, value in held.hgetall(load.WORKERS).items():
        held.hset(load.WORKERS, "of another version", b"\x00")
        held.hset(load.WORKERS, key, re.sub(rb'"at":[0-9.]+', b'"at":%d' % (time.time() - 10), value))
    assert load_seen(client=held, now=timezone.now()).limit is None
    open_it(world)


def test_a_place_whose_worker_was_killed_lapses_at_the_deadline(world: World, held: redis.Redis) -> None:
    crowded(held)
    held.zadd(load.UNDER_WAY, {member: time.time() - 1 for member in held.zrange(load.UNDER_WAY, 0, -1)})
    open_it(world)


def test_of_many_who_come_at_once_as_many_are_let_in_as_may(held: redis.Redis) -> None:
    crowded(held, limit=10, count=4)

    def come(_: int) -> bool:
        now = timezone.now()
        try:
            return take_place(work_id=uuid4(), until=now + timezone.timedelta(seconds=10), emergency=False, now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as threads:
        let_in = sum(threads.map(come, range(200)))
    # One that is just about to be turned away has a place for a moment, so it may be fewer, and never more.
    assert 1 <= let_in <= 6
    assert held.zcard(load.UNDER_WAY) == 4 + let_in
    assert int(held.get(load.SHED) or 0) == 200 - let_in


def test_a_worker_says_what_it_takes_and_takes_fewer_when_it_is_late(held: redis.Redis) -> None:
    held.hset(load.WORKERS, "dead", b'{"at":1.0,"limit":9,"under_way":9,"late_s":0.0}')

    async def be_late() -> tuple[int | None, int | None]:
        client = client_for_loop()
        worker = WorkerLoad(client=client, loop=asyncio.get_running_loop(), most=100)
        worker.start()
        for _ in range(10):
            worker.took()
        with worker.lag.measured():
            await asyncio.sleep(0.6)
            before = load_seen(client=held, now=timezone.now()).limit
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                time.sleep(0.4)
                await asyncio.sleep(0)
            await asyncio.sleep(0.4)  # it says so as soon as it is in time again
        after = load_seen(client=held, now=timezone.now()).limit
        await worker.stop()
        await client.aclose()
        return before, after

    before, after = asyncio.run(be_late())
    assert before == 100
    assert after is not None
    assert after <= 12
    assert held.hlen(load.WORKERS) == 0


@pytest.mark.parametrize("ahead_s", [3600, -3600])
def test_a_worker_whose_clock_is_off_is_counted_and_operators_are_told(
    held: redis.Redis, monkeypatch: pytest.MonkeyPatch, ahead_s: int
) -> None:
    monkeypatch.setattr(load, "time", SimpleNamespace(time=lambda: time.time() + ahead_s))

    async def work() -> LoadSeen:
        client = client_for_loop()
        worker = WorkerLoad(client=client, loop=asyncio.get_running_loop(), most=100)
        worker.start()
        await asyncio.sleep(1.2)
        seen = load_seen(client=held, now=timezone.now())
        await worker.stop()
        await client.aclose()
        return seen

    seen = asyncio.run(work())
    assert seen.limit == 100
    assert seen.apart_s == pytest.approx(3600, abs=60)


def test_whoever_serves_pages_with_a_clock_that_is_off_counts_the_workers(held: redis.Redis) -> None:
    crowded(held, limit=4)
    for hours in (-1, 1):
        later = timezone.now() + timezone.timedelta(hours=hours)
        seen = load_seen(client=held, now=later)
        assert (seen.limit, round(seen.apart_s / 600)) == (4, 6)
    assert not take_place(work_id=uuid4(), until=timezone.now(), emergency=False, now=timezone.now())


def test_the_worker_of_a_process_says_it_from_the_beginning(world: World, held: redis.Redis) -> None:
    engine()
    until = time.monotonic() + 5
    while load_seen(client=held, now=timezone.now()).limit is None:
        assert time.monotonic() < until
        time.sleep(0.05)
