"""Whom the web process lets in, on its event loop, before a thread or a query is spent on them.

Nobody can make a session's key or a client's token but this service, so whoever brings one is known to it. All others
share a few of Django's threads and a number of requests per address: guessing passwords, or merely asking, however
often and on however many connections, leaves the pages of those who have signed in nearly as fast as they are alone.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, HTTPScope
from django.conf import settings
from django.http import parse_cookie
from django.utils import timezone

from aggregator.accounts import lockout
from aggregator.accounts.addresses import counted_address
from aggregator.accounts.session_keys import is_own_key
from aggregator.accounts.tokens import bearer_token, read_token
from aggregator.health.report_tokens import ReportKey, read_report_token
from config.refusals import OAUTH_PATH, Refusal, refuse
from config.whole_requests import Answering

HEALTH_PATHS = frozenset({"/livez", "/readyz"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REPORT_PATH = re.compile(r"/api/sources/[0-9a-f-]{36}/health", re.ASCII)
# A page asks for its style sheet and scripts once, and they cost little.
STATIC_COST = 0.2
MOST_ADDRESSES = 10_000
# Whoever is refused is answered a moment later: a client that asks again at once would keep the loop busy.
PAUSE_S = 1.0
MOST_PAUSED = 200

# What a source may report: one that promises a report every five seconds stays far below.
REPORTS_PER_MINUTE = 60

PLACES = 4
MOST_WAITING = 400
WAIT_S = 10.0
RETRY_AFTER_S = 5

BUSY = Refusal(
    status=503,
    title="Try again shortly",
    words="The service is very busy at the moment. Wait a few seconds and try again.",
    code="transient",
    retry_after_s=RETRY_AFTER_S,
)


def has_session(scope: HTTPScope) -> bool:
    """Return whether a request brings a session's key that this service has made, for more than to sign in again."""
    if scope["path"] == settings.LOGIN_URL:
        return False
    cookies = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"), "")
    return is_own_key(parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME, ""))


def is_known(scope: HTTPScope) -> bool:
    """Return whether a request brings a session's key or a client's token that this service has made.

    It says who may be let past a queue, and permits nothing: a session may be over, and a client may have been ended.
    """
    token = _bearer(scope)
    if token is None:
        return has_session(scope)
    return read_token(text=token, now=timezone.now()) is not None or report_key(scope) is not None


def report_key(scope: HTTPScope) -> ReportKey | None:
    """Return what the token says with which a source reports how it is; None for any other request."""
    if scope["method"] != "POST" or not REPORT_PATH.fullmatch(scope["path"]):
        return None
    return read_report_token(text=_bearer(scope) or "")


def _bearer(scope: HTTPScope) -> str | None:
    authorization = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), "")
    return bearer_token(authorization=authorization)


class Buckets:
    """How many requests each address has left: as many as in a minute at once, and then as they come back."""

    def __init__(self, *, per_minute: int, most: int = MOST_ADDRESSES) -> None:
        self._per_minute = per_minute
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, *, address: str, cost: float, now: float) -> bool:
        """Return whether there is enough left, and take it. `now` is of a monotonic clock, in seconds."""
        left, at = self._left.get(address, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / 60)
        is_enough = left >= cost
        self._left[address] = (left - cost if is_enough else left, now)
        self._left.move_to_end(address)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return is_enough


class Gate:
    """Refuses those who have not signed in when their address asks too often, or its sign-in is locked.

    A source that reports too often is refused here, too, before a thread is spent on it, whatever its address.
    """

    def __init__(
        self, *, per_minute: int, reports_per_minute: int = REPORTS_PER_MINUTE, pause_s: float = PAUSE_S
    ) -> None:
        self._buckets = Buckets(per_minute=per_minute)
        self._reports = Buckets(per_minute=reports_per_minute)
        self._pause_s = pause_s
        self._paused = 0

    def refusal(self, scope: HTTPScope) -> Refusal | None:
        """Return why a request is refused, None when it may go on."""
        key = report_key(scope)
        if key is not None:
            # By its token: one that was replaced, being in wrong hands, must not use up the reports of the new.
            if self._reports.take(address=str(key.token_id), cost=1.0, now=time.monotonic()):
                return None
            return _too_many("This source has reported too often.", RETRY_AFTER_S)
        if is_known(scope):
            return None
        client = scope["client"]
        address = counted_address(client[0]) if client else ""
        if not address:
            return None
        # Whoever guesses passwords at a hospital's address must not keep its systems from their tokens.
        signs_in = scope["method"] not in SAFE_METHODS and not scope["path"].startswith(OAUTH_PATH)
        locked_s = lockout.closed_for_s(address) if signs_in else 0
        if locked_s:
            return _too_many("Too many sign-in attempts have failed at your organisation's address.", locked_s)
        cost = STATIC_COST if scope["path"].startswith(settings.STATIC_URL) else 1.0
        if self._buckets.take(address=address, cost=cost, now=time.monotonic()):
            return None
        return _too_many("Your organisation's address has asked for too many pages without signing in.", RETRY_AFTER_S)

    async def refuse(self, scope: HTTPScope, send: ASGISendCallable, *, refusal: Refusal) -> None:
        """Answer with a refusal, a moment later."""
        if self._paused < MOST_PAUSED:
            self._paused += 1
            try:
                await asyncio.sleep(self._pause_s)
            finally:
                self._paused -= 1
        await refuse(scope, send, refusal=refusal)


class Places:
    """An ASGI application around Django's threads, of which those who have not signed in get a few.

    They wait for a place here, where waiting costs no thread, and leave it once their answer is made, however slowly
    they read it.
    """

    def __init__(
        self,
        application: Answering,
        *,
        places: int = PLACES,
        most_waiting: int = MOST_WAITING,
        wait_s: float = WAIT_S,
    ) -> None:
        self.application = application
        self._places = asyncio.Semaphore(places)
        self._health = asyncio.Semaphore(1)  # load balancers ask how we are, in any crowd
        self._most_waiting = most_waiting
        self._waiting = 0
        self._wait_s = wait_s

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Let one request have its turn."""
        if is_known(scope):
            await self.application(scope, receive, send)
            return
        places = self._health if scope["path"] in HEALTH_PATHS else self._places
        if not await self._is_admitted(places):
            await refuse(scope, send, refusal=BUSY)
            return
        events: asyncio.Queue[ASGISendEvent | None] = asyncio.Queue()
        sending = asyncio.create_task(_send_all(events, send))

        async def keep(event: ASGISendEvent) -> None:
            events.put_nowait(event)

        try:
            await self.application(scope, receive, keep)
        finally:
            places.release()
            events.put_nowait(None)
            await sending

    async def _is_admitted(self, places: asyncio.Semaphore) -> bool:
        if self._waiting >= self._most_waiting:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await places.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True


async def _send_all(events: asyncio.Queue[ASGISendEvent | None], send: ASGISendCallable) -> None:
    while (event := await events.get()) is not None:
        await send(event)


def _too_many(words: str, retry_after_s: int) -> Refusal:
    return Refusal(
        status=429,
        title="Too many requests",
        words=f"{words} Wait a moment and try again.",
        code="throttled",
        retry_after_s=retry_after_s,
    )
