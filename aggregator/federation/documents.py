"""Documents that a record only names: asked for one by one, fetched by a worker, and held like the answers.

What is asked for is one sealed value in Redis; how it ended, and what came, takes its place. It expires with the
retrieval. The queue carries ids alone.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from uuid import UUID, uuid4

import redis
import structlog
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from aggregator.federation import store
from aggregator.federation.answers import HeldDocument
from aggregator.federation.connections import client_for_threads
from aggregator.federation.endings import Ending
from aggregator.federation.engine import Engine
from aggregator.federation.models import Retrieval
from aggregator.federation.store import SealBroken, Sealer
from aggregator.mpi.queries import held_by
from aggregator.sources import catalogue
from aggregator.sources.models import Source
from aggregator.sources.queries import address_of
from connectors.contract.errors import SourceError, TimedOut
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import Asker, DocumentQuery, SourceAddress

log = structlog.get_logger(__name__)

# How long a source has for one document. Seconds.
DEADLINE_S = 9.0


@dataclass(frozen=True, kw_only=True)
class AskedFor:
    """A document that a worker is to fetch, by its name in the store; dropped at its deadline."""

    document_id: str
    deadline_at: datetime


def ask_for(*, retrieval_id: UUID, source_id: UUID, address: str, now: datetime) -> AskedFor | None:
    """Note that a source is to be asked for a document, unless that is under way or has gone well: then None.

    Raises: redis.RedisError when the store cannot be reached.
    """
    held = read(retrieval_id=retrieval_id, source_id=source_id, address=address, now=now)
    retrieval = Retrieval.objects.filter(id=retrieval_id, expires_at__gt=now).first()
    if retrieval is None or (held and (held.ending is None or held.ending.outcome.is_answer)):
        return None
    document_id = _document_id(retrieval_id, source_id, address)
    deadline_at = min(now + timedelta(seconds=DEADLINE_S), retrieval.expires_at)
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
        return replace(document, ending=Ending(outcome=Outcome.FAILED, reason=Reason.NOT_STARTED))
    return document


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
    name = store.document_name(retrieval_id=retrieval_id, document_id=document_id)
    blob = await engine.redis.get(name)
    errand = await engine.in_database(partial(_errand, retrieval_id, document_id, blob))
    if errand is None:
        log.info("document_not_fetched", retrieval_id=str(retrieval_id))
        return
    document = await _fetched(errand, engine=engine)
    sealed = errand.sealer.seal_document(document_id=document_id, document=document)
    await engine.redis.set(name, sealed, pxat=errand.expires_at)
    log.info(
        "document_ended",
        retrieval_id=str(retrieval_id),
        source_id=str(document.source_id),
        outcome=document.ending.outcome if document.ending else None,
        reason=document.ending.reason if document.ending else None,
    )


async def _fetched(errand: _Errand, *, engine: Engine) -> HeldDocument:
    """Return the document with what came, or with why nothing did."""
    document = errand.document
    if errand.not_asked is not None:
        return replace(document, ending=Ending(outcome=Outcome.NOT_ASKED, reason=errand.not_asked))
    left_s = (document.deadline_at - timezone.now()).total_seconds()
    deadline = engine.loop.time() + left_s
    query = DocumentQuery(address=document.address, asker=errand.asker, deadline=deadline, correlation_id=uuid4())
    try:
        async with asyncio.timeout_at(deadline):
            content = await catalogue.connector_for(kind=errand.kind).fetch_document(
                source=errand.source, query=query, channels=engine.channels
            )
    except (TimeoutError, TimedOut):
        return replace(document, ending=Ending(outcome=Outcome.TIMED_OUT))
    except SourceError as error:
        return replace(document, ending=Ending(outcome=error.outcome, reason=error.reason))
    except Exception as error:  # noqa: BLE001  the boundary: whoever waits for the document is told
        log.error("document_failed", source_id=str(document.source_id), error=type(error).__name__)
        return replace(document, ending=Ending(outcome=Outcome.FAILED, reason=Reason.OUR_FAULT))
    return replace(
        document,
        ending=Ending(outcome=Outcome.ANSWERED),
        content_type=content.content_type,
        encoded=content.encoded,
        head=content.head,
    )


def _errand(retrieval_id: UUID, document_id: str, blob: object) -> _Errand | None:
    """Return what is to be fetched; None where nothing was asked for, it has ended, or it is too late."""
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
