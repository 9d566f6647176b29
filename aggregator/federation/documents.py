"""Documents that a record only names: asked for one by one, fetched by a worker, and held like the answers.

What is asked for is one sealed value in Redis; how it ended, and what came, takes its place. It expires with the
retrieval. The queue carries ids alone. A document is let in like a retrieval (`load`), and its source is not asked
while it rests; how a document ended says nothing of the source's records, and is not counted for it. Like a retrieval
it is taken once, however often the queue delivers its message: each call is one in the patient's name.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from uuid import UUID, uuid4

import redis
import structlog
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from aggregator.federation import asking, load, store
from aggregator.federation.answers import HeldDocument
from aggregator.federation.clock import SteadyClock
from aggregator.federation.connections import client_for_threads
from aggregator.federation.endings import Ending, never_asked, out_of_time, overdue_ending
from aggregator.federation.engine import Engine
from aggregator.federation.models import Retrieval
from aggregator.federation.plan import latest_start
from aggregator.federation.store import SealBroken, Sealer
from aggregator.federation.turns import Overloaded, SourceBusy
from aggregator.mpi.queries import held_by
from aggregator.sources.models import Source
from aggregator.sources.queries import address_of
from connectors.contract.errors import SourceError, TimedOut
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import Asker, DocumentQuery, SourceAddress

log = structlog.get_logger(__name__)

Hold = Callable[[HeldDocument], Awaitable[None]]

# How long a source has for one document. Seconds.
DEADLINE_S = 9.0


class NoRoom(Exception):
    """As much is under way as can be done in time."""


@dataclass(frozen=True, kw_only=True)
class AskedFor:
    """A document that a worker is to fetch, by its name in the store; dropped at its deadline."""

    document_id: str
    deadline_at: datetime


def ask_for(
    *, retrieval_id: UUID, source_id: UUID, address: str, now: datetime, emergency: bool = False
) -> AskedFor | None:
    """Note that a source is to be asked for a document, unless that is under way or has gone well: then None.

    Raises: NoRoom, before anything is noted; redis.RedisError when the store cannot be reached.
    """
    held = read(retrieval_id=retrieval_id, source_id=source_id, address=address, now=now)
    retrieval = Retrieval.objects.filter(id=retrieval_id, expires_at__gt=now).first()
    if retrieval is None or (held and (held.ending is None or held.ending.outcome.is_answer)):
        return None
    document_id = _document_id(retrieval_id, source_id, address)
    deadline_at = min(now + timedelta(seconds=DEADLINE_S), retrieval.expires_at)
    if not load.take_place(work_id=UUID(document_id), until=deadline_at, emergency=emergency, now=now):
        raise NoRoom
    document = HeldDocument(source_id=source_id, address=address, deadline_at=deadline_at)
    is_first = _client().set(
        store.document_name(retrieval_id=retrieval_id, document_id=document_id),
        _sealer(retrieval).seal_document(document_id=document_id, document=document),
        pxat=retrieval.expires_at,
        nx=held is None,  # of two who ask at once, one does
    )
    return AskedFor(document_id=document_id, deadline_at=deadline_at) if is_first else None


def note_not_queued(*, retrieval_id: UUID, source_id: UUID, address: str, now: datetime) -> None:
    """Note of a document that was asked for that no worker will fetch it; where even that fails, time will tell."""
    try:
        document = read(retrieval_id=retrieval_id, source_id=source_id, address=address, now=now)
        retrieval = Retrieval.objects.filter(id=retrieval_id, expires_at__gt=now).first()
        if document is None or retrieval is None:
            return
        document_id = _document_id(retrieval_id, source_id, address)
        load.give_back(work_id=UUID(document_id))
        ended = replace(document, ending=Ending(outcome=Outcome.FAILED, reason=Reason.QUEUE))
        _client().set(
            store.document_name(retrieval_id=retrieval_id, document_id=document_id),
            _sealer(retrieval).seal_document(document_id=document_id, document=ended),
            pxat=retrieval.expires_at,
        )
    except redis.RedisError:
        log.warning("document_not_queued", retrieval_id=str(retrieval_id), source_id=str(source_id))


def read(*, retrieval_id: UUID, source_id: UUID, address: str, now: datetime) -> HeldDocument | None:
    """Return a document as it stands at `now`, None if it was not asked for or is no longer held.

    Raises: redis.RedisError when the store cannot be reached.
    """
    document_id = _document_id(retrieval_id, source_id, address)
    blob = _client().get(store.document_name(retrieval_id=retrieval_id, document_id=document_id))
    retrieval = Retrieval.objects.filter(id=retrieval_id, expires_at__gt=now).first()
    if retrieval is None or not isinstance(blob, bytes):
        return None
    try:
        document = _sealer(retrieval).open_document(document_id=document_id, blob=blob)
    except SealBroken:
        return None
    if document.ending is None and now > document.deadline_at:
        return replace(document, ending=_overdue(document))
    return document


def _overdue(document: HeldDocument) -> Ending:
    asked_at = document.asked_at
    waited_s = (asked_at - _asked_for_at(document)).total_seconds() if asked_at else 0.0
    return overdue_ending(started=True, asked=asked_at is not None, waited_s=waited_s, held=False)


def _asked_for_at(document: HeldDocument) -> datetime:
    """Return when somebody asked for a document, by its deadline."""
    return document.deadline_at - timedelta(seconds=DEADLINE_S)


@dataclass(frozen=True, kw_only=True)
class _Errand:
    """One document to fetch: all that it takes, so that the loop reads no table. `not_asked`: why its source is not."""

    document: HeldDocument
    not_asked: Reason | None
    sealer: Sealer
    asker: Asker
    kind: str
    source: SourceAddress
    expires_at: datetime


async def fetch(*, retrieval_id: UUID, document_id: str, engine: Engine) -> None:
    """Fetch a document that was asked for, and hold what came; do nothing where nothing was asked for in time."""
    engine.load.took()
    try:
        await _fetch(retrieval_id=retrieval_id, document_id=document_id, engine=engine)
    finally:
        engine.load.ended()


async def _fetch(*, retrieval_id: UUID, document_id: str, engine: Engine) -> None:
    name = store.document_name(retrieval_id=retrieval_id, document_id=document_id)
    blob = await engine.redis.get(name)
    errand = await engine.begin(
        partial(_errand, retrieval_id, document_id, blob), until=engine.loop.time() + DEADLINE_S
    )
    if errand is None or not await _take(errand, name=name, blob=blob, engine=engine):
        log.info("document_not_fetched", retrieval_id=str(retrieval_id))
        return

    async def hold(document: HeldDocument) -> None:
        sealed = await asyncio.to_thread(errand.sealer.seal_document, document_id=document_id, document=document)
        await engine.redis.set(name, sealed, pxat=errand.expires_at)

    try:
        document = await _fetched(errand, engine=engine, hold=hold)
        await hold(document)
    finally:
        await engine.load.give_back(work_id=UUID(document_id))
    log.info(
        "document_ended",
        retrieval_id=str(retrieval_id),
        source_id=str(document.source_id),
        outcome=document.ending.outcome if document.ending else None,
        reason=document.ending.reason if document.ending else None,
    )


async def _take(errand: _Errand, *, name: str, blob: bytes | str | None, engine: Engine) -> bool:
    """Return whether this delivery of the message, and no other, is to fetch a document as it was asked for.

    What is asked for again is sealed anew, and so is another.
    """
    if not isinstance(blob, bytes):
        return False
    mark = f"{name}:taken:{hashlib.sha256(blob).hexdigest()[:32]}"
    return bool(await engine.redis.set(mark, b"", pxat=errand.document.deadline_at, nx=True))


async def _fetched(errand: _Errand, *, engine: Engine, hold: Hold) -> HeldDocument:
    """Return the document with what came, or with why nothing did; `hold` keeps it meanwhile."""
    document = errand.document
    if errand.not_asked is not None:
        return replace(document, ending=Ending(outcome=Outcome.NOT_ASKED, reason=errand.not_asked))
    if since := await engine.guard.resting_since(source_id=document.source_id):
        return replace(document, ending=Ending(outcome=Outcome.NOT_ASKED, reason=Reason.RESTING, since=since))
    clock, asked_for_at = SteadyClock(), _asked_for_at(document)
    latest = latest_start(created_at=asked_for_at, deadline_at=document.deadline_at)
    queued_s = clock.seconds_since(asked_for_at)
    until = engine.loop.time() + clock.seconds_until(latest)
    with engine.load.lag.measured() as meter:
        try:
            async with (
                engine.documents.turn(source_id=document.source_id, until=until) as among_documents_s,
                engine.limiter.turn(source_id=document.source_id, until=until) as among_all_s,
            ):
                kept_waiting_s = among_documents_s + among_all_s
                document = replace(document, asked_at=clock.now())
                await hold(document)
                return await _answered(errand, document, engine=engine, clock=clock)
        except Overloaded:
            ending = Ending(outcome=Outcome.FAILED, reason=Reason.OVERLOAD)
        except SourceBusy:
            ending = never_asked(waited_s=queued_s + meter.lag_s)
        except (TimeoutError, TimedOut):
            ending = out_of_time(waited_s=queued_s + kept_waiting_s + meter.lag_s)
        except SourceError as error:
            ending = Ending(outcome=error.outcome, reason=error.reason)
        except Exception as error:  # noqa: BLE001  the boundary: whoever waits for the document is told
            log.error("document_failed", source_id=str(document.source_id), error=type(error).__name__)
            ending = Ending(outcome=Outcome.FAILED, reason=Reason.OUR_FAULT)
    return replace(document, ending=ending)


async def _answered(errand: _Errand, document: HeldDocument, *, engine: Engine, clock: SteadyClock) -> HeldDocument:
    """Return the document with what its source gave.

    Raises: SourceError; TimeoutError when the time is over.
    """
    deadline = engine.loop.time() + clock.seconds_until(document.deadline_at)
    query = DocumentQuery(address=document.address, asker=errand.asker, deadline=deadline, correlation_id=uuid4())
    content = await asking.fetch_document(kind=errand.kind, source=errand.source, query=query, channels=engine.channels)
    return replace(
        document,
        ending=Ending(outcome=Outcome.ANSWERED),
        content_type=content.content_type,
        encoded=content.encoded,
        head=content.head,
    )


def _errand(retrieval_id: UUID, document_id: str, blob: object) -> _Errand | None:
    """Return what is to be fetched; None where nothing was asked for, its source was asked, or it is too late."""
    now = timezone.now()
    retrieval = Retrieval.objects.filter(id=retrieval_id, expires_at__gt=now).first()
    if retrieval is None or not isinstance(blob, bytes):
        return None
    sealer = _sealer(retrieval)
    try:
        document = sealer.open_document(document_id=document_id, blob=blob)
    except SealBroken:
        return None
    source = Source.objects.filter(id=document.source_id).first()
    if source is None or document.ending is not None or now >= document.deadline_at:
        return None
    if document.asked_at is not None:
        return None
    return _Errand(
        document=document,
        not_asked=_why_not(retrieval=retrieval, source=source),
        sealer=sealer,
        asker=Asker(**retrieval.asker),
        kind=source.kind,
        source=address_of(source=source),
        expires_at=retrieval.expires_at,
    )


def _why_not(*, retrieval: Retrieval, source: Source) -> Reason | None:
    """Return why a source is not asked for a document of a record that it gave before, None where it is."""
    if not any(holding.source_id == source.id for holding in held_by(person_id=retrieval.person_id)):
        return Reason.NO_LINK
    return None if source.enabled else Reason.PAUSED


def _sealer(retrieval: Retrieval) -> Sealer:
    return Sealer(
        master_key=settings.HELD_ITEMS_KEY, wrapped_key=bytes(retrieval.wrapped_key), retrieval_id=retrieval.id
    )


def _document_id(retrieval_id: UUID, source_id: UUID, address: str) -> str:
    """Return a name that tells nothing of the address to whoever reads the queue or the store."""
    value = f"{retrieval_id}|{source_id}|{address}"
    return salted_hmac(key_salt="longview.document", value=value, algorithm="sha256").hexdigest()[:32]


@cache
def _client() -> redis.Redis:
    return client_for_threads()
