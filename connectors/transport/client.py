"""The one HTTP client. A request goes out under a deadline and comes back as an Answer, or as a SourceError.

The Guard decides whether a source may be called now, the Reach which addresses may be connected to.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import aiohttp
import yarl

from connectors.contract.errors import CutShort, Malformed, NoCredentials, SourceError, TimedOut, Unreachable
from connectors.contract.outcomes import Reason
from connectors.transport.addresses import ForbiddenAddress, Reach, SocketsOfSources
from connectors.transport.guard import Guard, OpenGuard
from connectors.transport.hedge import Hedges
from connectors.transport.inflate import Inflater
from connectors.transport.limits import Allowance, TransportLimits
from connectors.transport.names import OwnThreads
from connectors.transport.retry import RETRIED_STATUSES, RetryBudget, asked_to_wait_s
from connectors.transport.tls import TlsContexts, TlsFiles

Headers = Mapping[str, str]
# Where a redirect leads, and what address gave it: the address to be asked instead, "" for one that is not followed.
Follow = Callable[[str, str], str]
# The redirects by which an answer to a read may lie elsewhere, and how many are followed one after the other.
# Source: RFC 9110, 15.4.
REDIRECTS, MAX_REDIRECTS = frozenset({301, 302, 303, 307, 308}), 3
# What is said of a body that is not packed: some servers put its charset there.
_NOT_PACKED = ("", "identity", "utf-8", "utf8")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a source sent back, whatever the status. `body` is empty for an error body over its limit, or cut short.

    `address` is where it came from, which is another than was asked where a redirect was followed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str = ""


@dataclass
class _Remembered:
    until: float
    value: object


@dataclass
class _Call:
    """One request, with everything that an attempt at it needs."""

    method: str
    url: yarl.URL
    headers: Callable[[], Headers]
    body: bytes | None
    deadline: float
    correlation_id: UUID
    allowance: Allowance
    tls: ssl.SSLContext | bool
    repeatable: bool = field(default=False)
    status_only: bool = field(default=False)
    may_hedge: bool = field(default=False)
    follow: Follow | None = field(default=None)


class HttpTransport:
    """The client of one event loop: make one per loop, use it for every source, close it at the end.

    Retries stop at the absolute deadline, and the calls to one source share a budget of them.
    """

    def __init__(
        self,
        *,
        limits: TransportLimits | None = None,
        guard: Guard | None = None,
        reach: Reach | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.limits = limits or TransportLimits()
        self._guard: Guard = guard or OpenGuard()
        self._reach = reach or Reach()
        self._rng = rng or random.Random()  # noqa: S311  jitter, no secret
        self._session: aiohttp.ClientSession | None = None
        self._budgets: dict[str, RetryBudget] = {}
        self._hedges: dict[str, Hedges] = {}
        self._facts: dict[str, _Remembered] = {}
        self._contexts = TlsContexts()
        self._names: OwnThreads | None = None

    async def close(self) -> None:
        """Close every connection that it keeps."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._names is not None:
            await self._names.close()
            self._names = None

    def allowance(self) -> Allowance:
        """Return a fresh size allowance for one answer of any number of pages."""
        return Allowance(left=self.limits.answer_bytes, spare=self.limits.answer_bytes)

    def remember(self, *, key: str, value: object, seconds: float) -> None:
        """Keep a fact about a source, such as its CapabilityStatement, for a while; nothing clinical."""
        self._facts[key] = _Remembered(asyncio.get_running_loop().time() + seconds, value)

    def recall(self, *, key: str) -> object | None:
        """Return what was remembered, or None."""
        fact = self._facts.get(key)
        if fact is None or fact.until < asyncio.get_running_loop().time():
            return None
        return fact.value

    async def request(
        self,
        *,
        method: str,
        url: str,
        headers: Headers | Callable[[], Headers],
        source_id: str,
        deadline: float,
        correlation_id: UUID,
        body: bytes | None = None,
        repeatable: bool = False,
        allowance: Allowance | None = None,
        tls: TlsFiles | None = None,
        status_only: bool = False,
        may_hedge: bool = False,
        follow: Follow | None = None,
    ) -> Answer:
        """Send one request and return the whole answer, whatever its status.

        `deadline` is a `loop.time()`. `repeatable`: it is a read, and may be sent again after a fault. `headers` may be
        a function where every attempt needs fresh ones, such as a token made for one request only. `tls`: with
        certificates other than the usual. `status_only`: the status alone counts, and the body is not waited for.
        `may_hedge`: where the answer takes longer than nearly all of the source's, the read may be sent a second time
        beside the first. `follow` says which redirects of a GET are followed, and where to; without it none is.
        Raises: TimedOut, Unreachable, Malformed; NotAsked from the guard; NoCredentials for unusable certificates.
        """
        fixed = None if callable(headers) else headers
        call = _Call(
            method=method,
            url=self._address(url),
            headers=headers if callable(headers) else lambda: fixed or {},
            body=body,
            deadline=deadline,
            correlation_id=correlation_id,
            allowance=allowance or self.allowance(),
            tls=self._context(tls),
            repeatable=repeatable,
            status_only=status_only,
            may_hedge=may_hedge,
            follow=follow if method == "GET" else None,
        )
        call.allowance.expect_some()
        await self._guard.enter(source_id=source_id)
        succeeded = False
        try:
            answer = await self._with_retries(call=call, source_id=source_id)
            succeeded = answer.status < 500 and answer.status != 429
            return answer
        except Malformed:
            succeeded = True  # the source answers; that its answer is unusable is no reason to stop calling it
            raise
        finally:
            await self._guard.leave(source_id=source_id, succeeded=succeeded)

    async def _with_retries(self, *, call: _Call, source_id: str) -> Answer:
        budget = self._budgets.setdefault(source_id, RetryBudget(self.limits.retry_burst))
        budget.earn(limits=self.limits)
        attempt = waits = 0
        while True:
            answer: Answer | None = None
            fault: SourceError | None = None
            try:
                answer = await self._answer(call=call, source_id=source_id)
            except (Unreachable, CutShort) as error:
                fault = error
            was_lost = isinstance(fault, CutShort) or (fault is not None and fault.reason is Reason.CONNECTION)
            may_help = answer.status in RETRIED_STATUSES if answer else was_lost
            asked_s = asked_to_wait_s(headers=answer.headers, now=time.time()) if answer else None
            pause = self._pause(attempt=attempt, asked_s=asked_s)
            is_late = asyncio.get_running_loop().time() + pause >= call.deadline
            if not may_help or is_late or not call.repeatable:
                break
            # One that is well, and says when we may come back, is asked then: that doubles nobody's load.
            if answer is not None and answer.status == 429 and asked_s and waits < self.limits.waits:
                waits += 1
            elif attempt < self.limits.retries and budget.spend():
                attempt += 1
            else:
                break
            await asyncio.sleep(pause)
        if answer is not None:
            return answer
        raise fault or Unreachable(Reason.CONNECTION)

    async def _answer(self, *, call: _Call, source_id: str) -> Answer:
        """Return the answer to one attempt, which may be two calls side by side: see `hedge`."""
        if call.may_hedge:
            hedges = self._hedges.setdefault(
                source_id, Hedges(share=self.limits.hedge_budget, burst=self.limits.hedge_burst)
            )
            answer = await self._hedged(call=call, hedges=hedges)
        else:
            answer = await self._attempt(call=call)
        if answer.status < 400 and not call.status_only:
            call.allowance.take(size=len(answer.body))
        return answer

    async def _hedged(self, *, call: _Call, hedges: Hedges) -> Answer:
        loop = asyncio.get_running_loop()
        began = loop.time()
        calls = {loop.create_task(self._attempt(call=call))}
        try:
            wait_s = hedges.wait_s()
            _, waiting = await asyncio.wait(calls, timeout=wait_s)
            if waiting and hedges.spend():
                calls.add(loop.create_task(self._attempt(call=call)))
            answer = await _first_good(calls)
            hedges.note(took_s=loop.time() - began)
            return answer
        finally:
            for other in calls:
                other.cancel()
                other.add_done_callback(_ignore)

    def _pause(self, *, attempt: int, asked_s: float | None) -> float:
        """Return how long to wait before the next attempt: full jitter, or as long as the source asks for.

        Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015.
        """
        pause = self._rng.uniform(0, min(self.limits.retry_cap_s, self.limits.retry_base_s * 2**attempt))
        return pause if asked_s is None else max(pause, asked_s)

    async def _attempt(self, *, call: _Call) -> Answer:
        if asyncio.get_running_loop().time() >= call.deadline:
            raise TimedOut()
        fault: SourceError
        # asyncio's own timeout: aiohttp rounds `total` up to whole seconds, and `sock_read` never stops a drip.
        limit = asyncio.timeout_at(call.deadline)
        try:
            async with limit:
                return await self._with_redirects(call=call)
        except SourceError:
            raise
        except TimeoutError:
            # Otherwise it was the limit for connecting. A clock cannot tell: a loop's timer may be a millisecond early.
            fault = TimedOut() if limit.expired() else Unreachable(Reason.CONNECTION)
        except aiohttp.ClientSSLError:
            fault = Unreachable(Reason.TLS)
        except aiohttp.ClientConnectorError as error:
            forbidden = isinstance(error.os_error, ForbiddenAddress)
            fault = Unreachable(Reason.ADDRESS if forbidden else Reason.CONNECTION)
        except aiohttp.ClientPayloadError:
            fault = CutShort()
        except aiohttp.ClientResponseError:
            fault = Malformed(Reason.BAD_HTTP)
        except (aiohttp.ClientError, OSError):
            fault = Unreachable(Reason.CONNECTION)
        raise fault from None  # the library's errors contain the address, which may contain an identifier

    async def _with_redirects(self, *, call: _Call) -> Answer:
        """Return what is at the end of the redirects that may be followed.

        Each carries what the call carries: who may not see that may not be followed.
        Raises: Malformed `redirect` for any other, for too many, and for one that leads back.
        """
        url, asked = call.url, {str(call.url)}
        while True:
            answer = await self._exchange(call=call, url=url)
            if not 300 <= answer.status < 400:
                return answer
            follow = call.follow if answer.status in REDIRECTS and len(asked) <= MAX_REDIRECTS else None
            location = answer.headers.get("location")
            address = follow(location, str(url)) if follow and location else ""
            if not address or address in asked:
                raise Malformed(Reason.REDIRECT)
            asked.add(address)
            url = self._address(address)

    async def _exchange(self, *, call: _Call, url: yarl.URL) -> Answer:
        headers = {
            "Accept-Encoding": "gzip",
            "User-Agent": "longview",
            "X-Correlation-ID": str(call.correlation_id),
            "X-Request-ID": str(uuid4()),
            **call.headers(),
        }
        async with self._open_session().request(
            call.method, url, headers=headers, data=call.body, allow_redirects=False, ssl=call.tls
        ) as response:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            if 300 <= response.status < 400:
                response.release()  # what stands in it is not read; where nothing does, the connection is used again
                return Answer(status=response.status, headers=lowered, body=b"")
            if call.status_only:
                response.close()
                return Answer(status=response.status, headers={}, body=b"")
            failed = response.status >= 400
            limit = self.limits.error_bytes if failed else min(self.limits.page_bytes, call.allowance.left)
            try:
                body = await self._read(response=response, limit=limit)
            except (SourceError, aiohttp.ClientError, OSError) as fault:
                response.close()  # never keep a connection with a body half read
                if not failed:
                    if isinstance(fault, Malformed) and fault.reason is Reason.TOO_LARGE:
                        call.allowance.waste(size=limit)
                    raise
                body = b""  # the status has been said, and its Retry-After, whatever becomes of the words beside them
            return Answer(status=response.status, headers=lowered, body=body, address=str(url))

    async def _read(self, *, response: aiohttp.ClientResponse, limit: int) -> bytes:
        encodings = response.headers.getall("Content-Encoding", [])
        encoding = ",".join(encodings).strip().lower()
        if encoding not in (*_NOT_PACKED, "gzip", "x-gzip"):
            raise Malformed(Reason.ENCODING)
        inflater = Inflater(limits=self.limits, limit=limit) if "gzip" in encoding else None
        parts: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            part = inflater.feed(chunk) if inflater else chunk
            size += len(part)
            if size > limit:
                raise Malformed(Reason.TOO_LARGE)
            parts.append(part)
        if inflater:
            inflater.finish()
        return b"".join(parts)

    def _context(self, files: TlsFiles | None, /) -> ssl.SSLContext | bool:
        """Return how to encrypt: True is aiohttp's word for the usual way."""
        try:
            return self._contexts.of(files) if files else True
        except (OSError, ValueError):
            raise NoCredentials(Reason.NO_CREDENTIALS) from None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._names = OwnThreads()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, socket_factory=SocketsOfSources(reach=self._reach), resolver=self._names
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(_asked_once,),
                trust_env=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.limits.connect_s),
            )
        return self._session

    def _address(self, url: str, /) -> yarl.URL:
        """Return an address as it was written, nothing encoded anew.

        Raises: Unreachable for one that leads nowhere, or where no source may be.
        """
        try:
            address = yarl.URL(url, encoded=True)
            sound = address.scheme in ("http", "https") and bool(address.host) and 0 < (address.port or 0) < 65536
        except ValueError:
            sound = False
        if not sound:
            raise Unreachable(Reason.CONNECTION) from None
        if not self._reach.may_speak(scheme=address.scheme, host=address.host or ""):
            raise Unreachable(Reason.ADDRESS)
        return address


async def _first_good(calls: Collection[asyncio.Task[Answer]], /) -> Answer:
    """Return the first answer that is no passing trouble; where there is none, what the first call ended in."""
    waiting = set(calls)
    ended: list[asyncio.Task[Answer]] = []
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        ended += done
        for call in done:
            if call.exception() is None and call.result().status not in RETRIED_STATUSES:
                return call.result()
    return ended[0].result()


def _ignore(call: asyncio.Task[Answer], /) -> None:
    """Take note of how a call ended that no longer counts, so that the loop does not log it as forgotten."""
    if not call.cancelled():
        call.exception()


async def _asked_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Name the loss of a connection before aiohttp sees it, which would repeat a GET by itself and outside the budget.

    Raises: Unreachable.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise  # there was none to lose, and aiohttp leaves it at that
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise Unreachable(Reason.CONNECTION) from None
