"""Keys of clients that publish them at an address: fetched through the one HTTP client, and kept for a while.

A new key counts at the latest once what was fetched before is forgotten. That a set could not be fetched is kept as
well, so that nobody can make us ask an address again and again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from uuid import uuid4

import structlog
from django.conf import settings

from aggregator.accounts.key_sets import MAX_KEY_SET_BYTES, KeySet, KeySetFault, KeySetRefused, read_key_set
from connectors.contract.errors import SourceError
from connectors.contract.outcomes import Reason
from connectors.transport.addresses import Reach
from connectors.transport.client import Answer, HttpTransport
from connectors.transport.limits import TransportLimits

KEPT_S = 300.0
FAILURE_KEPT_S = 30.0
FETCH_S = 3.0
MOST_SETS = 1_000
LIMITS = TransportLimits(
    page_bytes=MAX_KEY_SET_BYTES,
    answer_bytes=MAX_KEY_SET_BYTES,
    error_bytes=0,
    inflation_free_bytes=MAX_KEY_SET_BYTES,
    connect_s=FETCH_S,
    retries=0,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Kept:
    until: float
    result: KeySet | KeySetFault


class PublishedKeys:
    """The key sets of this process, by their addresses. `fetch` returns what is at one, or raises KeySetRefused."""

    def __init__(self, *, fetch: Callable[[str], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def at(self, *, url: str) -> KeySet:
        """Return the keys at an address, fetched now or not long ago. Of many who ask at once, one fetches.

        Raises: KeySetRefused.
        """
        with self._lock:
            turn = self._turns.setdefault(url, threading.Lock())
        with turn:
            with self._lock:
                kept = self._kept.get(url)
            if kept is None or kept.until <= self._clock():
                kept = self._keep(url)
        if isinstance(kept.result, KeySetFault):
            raise KeySetRefused(kept.result)
        return kept.result

    def _keep(self, url: str) -> _Kept:
        result: KeySet | KeySetFault
        try:
            result = read_key_set(body=self._fetch(url))
        except KeySetRefused as refused:
            result = refused.fault
            log.warning("key_set_refused", reason=refused.fault)
        is_fault = isinstance(result, KeySetFault)
        kept = _Kept(until=self._clock() + (FAILURE_KEPT_S if is_fault else KEPT_S), result=result)
        with self._lock:
            self._kept[url] = kept
            self._kept.move_to_end(url)
            while len(self._kept) > MOST_SETS:
                oldest, _ = self._kept.popitem(last=False)
                self._turns.pop(oldest, None)
        return kept


@cache
def published_keys() -> PublishedKeys:
    """Return the key sets of this process."""
    return PublishedKeys(fetch=fetch_key_set)


def fetch_key_set(url: str, /) -> bytes:
    """Return what is at a client's address. Must not run in a transaction, nor on an event loop: it waits.

    Raises: KeySetRefused.
    """
    try:
        answer = asyncio.run(_request(url))
    except SourceError as error:
        too_large = error.reason is Reason.TOO_LARGE
        raise KeySetRefused(KeySetFault.TOO_LARGE if too_large else KeySetFault.UNREACHABLE) from None
    if answer.status != 200:
        raise KeySetRefused(KeySetFault.UNREACHABLE)
    return answer.body


def key_set_reach() -> Reach:
    """Return where key sets may be: where sources may."""
    return Reach.of(networks=settings.SOURCE_NETWORKS, plain_http=settings.PLAIN_HTTP_SOURCES)


async def _request(url: str) -> Answer:
    transport = HttpTransport(limits=LIMITS, reach=key_set_reach())
    try:
        return await transport.request(
            method="GET",
            url=url,
            headers={"Accept": "application/jwk-set+json, application/json"},
            source_id="key-set",
            deadline=asyncio.get_running_loop().time() + FETCH_S,
            correlation_id=uuid4(),
        )
    finally:
        await transport.close()
