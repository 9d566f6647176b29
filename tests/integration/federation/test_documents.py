"""A document that a record only names is fetched by a worker, held sealed, and gone with its retrieval."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import timedelta
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from aggregator.federation import documents
from aggregator.federation.answers import HeldDocument
from aggregator.federation.endings import Sign
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval
from aggregator.federation.models import Retrieval, SourceOutcome
from aggregator.mpi.models import Link
from aggregator.services.open_record import open_record
from aggregator.sources.models import Source
from connectors.contract.errors import Refused, TimedOut
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import Document, DocumentQuery
from connectors.fhir_r4.connector import FhirR4
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "Binary/b1"
LETTER = Document(content_type="text/plain", encoded="RGVhciBjb2xsZWFndWU=", head=b'{"resourceType":"Binary"}')


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    yield make_world()
    close_engine()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[DocumentQuery]:
    """The questions that reached the source, which gives its letter."""
    queries: list[DocumentQuery] = []

    async def gives(*_: object, query: DocumentQuery, **__: object) -> Document:
        queries.append(query)
        return LETTER

    monkeypatch.setattr(FhirR4, "fetch_document", gives)
    return queries


def opened(world: World) -> UUID:
    return open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())


def source_id() -> UUID:
    found: UUID = Source.objects.get().id
    return found


def ask(retrieval_id: UUID, address: str = ADDRESS) -> documents.AskedFor | None:
    return documents.ask_for(retrieval_id=retrieval_id, source_id=source_id(), address=address, now=timezone.now())


def fetch(retrieval_id: UUID, document_id: str) -> None:
    engine().start(
        documents.fetch(retrieval_id=retrieval_id, document_id=document_id, engine=engine()), within_s=5
    ).result()


def read(retrieval_id: UUID, address: str = ADDRESS, *, later_s: float = 0.0) -> HeldDocument | None:
    now = timezone.now() + timedelta(seconds=later_s)
    return documents.read(retrieval_id=retrieval_id, source_id=source_id(), address=address, now=now)


def fetched(retrieval_id: UUID) -> HeldDocument:
    request = ask(retrieval_id)
    assert request is not None
    fetch(retrieval_id, request.document_id)
    document = read(retrieval_id)
    assert document is not None
    return document


def ending_of(document: HeldDocument | None) -> tuple[Outcome, Reason | None]:
    assert document is not None
    assert document.ending is not None
    return document.ending.outcome, document.ending.reason


def test_what_the_source_gives_is_held_as_it_came(world: World, asked: list[DocumentQuery]) -> None:
    document = fetched(opened(world))
    assert ending_of(document) == (Outcome.ANSWERED, None)
    assert (document.content_type, document.encoded) == (LETTER.content_type, LETTER.encoded)
    [query] = asked
    assert (query.address, query.asker.organisation_ods) == (ADDRESS, world.clinician.organisation_ods)


def test_it_is_not_there_before_it_is_asked_for_nor_for_another_address(
    world: World, asked: list[DocumentQuery]
) -> None:
    retrieval_id = opened(world)
    assert read(retrieval_id) is None
    fetched(retrieval_id)
    assert read(retrieval_id, "Binary/b2") is None
    assert read(opened(world)) is None


def test_one_that_is_awaited_or_there_is_not_asked_for_again(world: World, asked: list[DocumentQuery]) -> None:
    retrieval_id = opened(world)
    request = ask(retrieval_id)
    assert request is not None
    assert ask(retrieval_id) is None
    awaited = read(retrieval_id)
    assert awaited is not None
    assert awaited.ending is None
    fetch(retrieval_id, request.document_id)
    assert ask(retrieval_id) is None
    fetch(retrieval_id, request.document_id)  # the message came twice
    assert len(asked) == 1


@pytest.mark.parametrize("is_under_way", [False, True])
def test_one_whose_message_is_delivered_twice_is_fetched_once(
    world: World, monkeypatch: pytest.MonkeyPatch, is_under_way: bool
) -> None:
    queries: list[DocumentQuery] = []
    is_asked, may_answer = threading.Event(), threading.Event()

    async def gives(*_: object, query: DocumentQuery, **__: object) -> Document:
        queries.append(query)
        is_asked.set()
        await asyncio.to_thread(may_answer.wait, 5)
        return LETTER

    def deliver() -> Future[None]:
        work = documents.fetch(retrieval_id=retrieval_id, document_id=request.document_id, engine=engine())
        return engine().start(work, within_s=8)

    monkeypatch.setattr(FhirR4, "fetch_document", gives)
    retrieval_id = opened(world)
    request = ask(retrieval_id)
    assert request is not None
    deliveries = [deliver()]
    if is_under_way:
        assert is_asked.wait(5)
    deliveries.append(deliver())
    assert is_asked.wait(5)
    wait(deliveries, timeout=5, return_when=FIRST_COMPLETED)  # one of them has nothing to do
    may_answer.set()
    for delivery in deliveries:
        delivery.result(5)
    assert len(queries) == 1
    assert ending_of(read(retrieval_id)) == (Outcome.ANSWERED, None)


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (Refused(Reason.NO_DOCUMENT), (Outcome.REFUSED, Reason.NO_DOCUMENT)),
        (TimedOut(), (Outcome.TIMED_OUT, None)),
        (KeyError("x"), (Outcome.FAILED, Reason.OUR_FAULT)),
    ],
)
def test_why_it_did_not_come_is_kept_and_it_can_be_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, ending: tuple[Outcome, Reason | None]
) -> None:
    async def fails(*_: object, **__: object) -> Document:
        raise error

    monkeypatch.setattr(FhirR4, "fetch_document", fails)
    retrieval_id = opened(world)
    assert ending_of(fetched(retrieval_id)) == ending
    assert ask(retrieval_id) is not None


def test_one_that_no_worker_fetched_in_time_is_our_fault(world: World, asked: list[DocumentQuery]) -> None:
    retrieval_id = opened(world)
    request = ask(retrieval_id)
    assert request is not None
    assert ending_of(read(retrieval_id, later_s=60)) == (Outcome.FAILED, Reason.NOT_STARTED)


def pause() -> None:
    Source.objects.update(enabled=False)


def unlink() -> None:
    Link.objects.update(ended_at=timezone.now())


@pytest.mark.parametrize(("meanwhile", "reason"), [(pause, Reason.PAUSED), (unlink, Reason.NO_LINK)])
def test_a_source_that_may_no_longer_be_asked_is_not(
    world: World, asked: list[DocumentQuery], meanwhile: Callable[[], None], reason: Reason
) -> None:
    retrieval_id = opened(world)
    request = ask(retrieval_id)
    assert request is not None
    meanwhile()
    fetch(retrieval_id, request.document_id)
    assert ending_of(read(retrieval_id)) == (Outcome.NOT_ASKED, reason)
    assert asked == []


def test_a_source_that_rests_is_not_asked_and_its_documents_wake_it_no_sooner(
    world: World, asked: list[DocumentQuery]
) -> None:
    at = source_id()

    async def ask_for_a_rest() -> None:
        leave = engine().guard.leave_to_ask(source_id=at, until=engine().loop.time() + 1)
        async with leave as told:
            told.sign, told.rest_s = Sign.BAD, 60.0

    engine().start(ask_for_a_rest(), within_s=5).result()
    document = fetched(opened(world))
    assert ending_of(document) == (Outcome.NOT_ASKED, Reason.RESTING)
    assert document.ending is not None
    assert document.ending.since is not None
    assert asked == []


def test_documents_that_hang_leave_their_source_turns_for_records(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, come = threading.Event(), threading.Semaphore(0)

    async def hangs(*_: object, **__: object) -> Document:
        come.release()
        while not waiting.is_set():
            await asyncio.sleep(0.02)
        return LETTER

    monkeypatch.setattr(FhirR4, "fetch_document", hangs)
    retrieval_id = opened(world)
    running = []
    for number in range(settings.FLIGHTS_PER_SOURCE + 1):
        request = ask(retrieval_id, f"Binary/b{number}")
        assert request is not None
        fetching = documents.fetch(retrieval_id=retrieval_id, document_id=request.document_id, engine=engine())
        running.append(engine().start(fetching, within_s=9))
    assert come.acquire(timeout=5)
    engine().start(run_retrieval(retrieval_id=retrieval_id, engine=engine()), within_s=5).result()
    waiting.set()
    for each in running:
        each.result()
    # The world's source is nowhere: it was asked.
    assert SourceOutcome.objects.values_list("outcome", "reason").get() == ("unreachable", "connection")
    assert ending_of(read(retrieval_id, "Binary/b0")) == (Outcome.ANSWERED, None)


def test_of_two_who_ask_at_once_one_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    retrieval_id = opened(world)
    assert ask(retrieval_id) is not None
    monkeypatch.setattr(documents, "read", lambda **_: None)  # as the other saw it just before
    assert ask(retrieval_id) is None


def test_a_message_alone_fetches_nothing(world: World, asked: list[DocumentQuery]) -> None:
    retrieval_id = opened(world)
    fetch(retrieval_id, "0" * 32)
    request = ask(retrieval_id)
    assert request is not None
    fetch(opened(world), request.document_id)
    assert asked == []


def test_neither_the_address_nor_the_content_can_be_read_in_the_store(world: World, asked: list[DocumentQuery]) -> None:
    retrieval_id = opened(world)
    fetched(retrieval_id)
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        names = list(client.scan_iter(match=f"document:{retrieval_id}:*"))
        values = [client.get(name) for name in names]
        lives_ms = max(client.pttl(name) for name in names)
    assert not any(ADDRESS.encode() in name for name in names)
    assert len([name for name in names if b":taken:" not in name]) == 1
    assert not any(word in value for value in values for word in (ADDRESS.encode(), LETTER.encoded.encode()))
    left = Retrieval.objects.get(id=retrieval_id).expires_at - timezone.now()
    assert lives_ms / 1000 == pytest.approx(left.total_seconds(), abs=2)


def test_it_is_gone_with_its_retrieval(world: World, asked: list[DocumentQuery]) -> None:
    retrieval_id = opened(world)
    request = ask(retrieval_id)
    assert request is not None
    Retrieval.objects.filter(id=retrieval_id).update(expires_at=timezone.now())
    fetch(retrieval_id, request.document_id)
    assert asked == []
    assert read(retrieval_id) is None
    assert ask(retrieval_id) is None


def test_one_that_was_moved_or_changed_in_the_store_counts_as_not_there(
    world: World, asked: list[DocumentQuery]
) -> None:
    retrieval_id = opened(world)
    fetched(retrieval_id)
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        names = client.scan_iter(match=f"document:{retrieval_id}:*")
        [name] = [name for name in names if b":taken:" not in name]
        value = client.get(name)
        assert isinstance(value, bytes)
        client.set(name, value[:-1] + bytes([value[-1] ^ 1]))
        client.set(name.replace(name[-32:], b"0" * 32), value)
    assert read(retrieval_id) is None
    fetch(retrieval_id, "0" * 32)
    assert len(asked) == 1
