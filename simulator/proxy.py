"""A proxy that stands before a source and breaks the connection to it on demand.

It takes requests at an address of its own, plain or by TLS, passes each on to its upstream as it came (and how, in
`X-Forwarded-Proto`), and passes the answer back, unless a fault says otherwise. Which fault is in force is said at a
second address, while it runs.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from random import Random

import aiohttp
import yarl
from aiohttp import web
from multidict import CIMultiDict

from simulator.connection_faults import (
    ConnectionFault,
    ConnectionFaults,
    Kind,
    Turn,
    read_connection_fault,
    read_schedule,
)
from simulator.faults import BadFault
from simulator.serving import DRIP_BYTES, HANG_S, reset, reset_transport
from simulator.wire import decode

# What is said of one connection, and not passed on to the next. Source: RFC 9110, 7.6.1.
OF_ONE_CONNECTION = ("Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade")
# Between a part and the reset that follows it, so that the client has read the part.
BEFORE_RESET_S = 0.02
BACKLOG = 1024
WRONG = b"\x00\x01\xff\xfe"
MOST_PATHS = 1000
WITHOUT_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class FaultProxy:
    """A proxy before one upstream, for one event loop. `faults` says what is in force; change it with `put`.

    `upstream` is an address without a path. `tls` is how the proxy encrypts, None for plain; `wrong_tls` the same with
    a certificate that no client should accept. `upstream_tls` is how it judges an upstream that encrypts.
    """

    def __init__(
        self,
        *,
        upstream: str,
        listening: socket.socket,
        tls: ssl.SSLContext | None = None,
        wrong_tls: ssl.SSLContext | None = None,
        upstream_tls: ssl.SSLContext | None = None,
        seed: int = 7,
    ) -> None:
        self.faults = ConnectionFaults()
        self.paths: list[str] = []  # of the requests that came, with their queries, the newest last
        self._upstream = upstream.rstrip("/")
        self._listening = listening
        self._tls, self._wrong_tls = tls, wrong_tls
        self._upstream_tls: ssl.SSLContext | bool = upstream_tls or True
        self._rng = Random(seed)
        self._server = web.Server(self._handle, handler_cancellation=True)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.1)
        self._site: web.SockSite | asyncio.Server | None = None
        self._session: aiohttp.ClientSession | None = None
        self._changing = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._busy: set[web.RequestHandler] = set()

    @property
    def address(self) -> str:
        """Return the address at which it takes requests."""
        host, port = self._listening.getsockname()[:2]
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    async def start(self) -> None:
        """Take requests from now on."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),  # none that the upstream has closed meanwhile
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            skip_auto_headers=WITHOUT_AUTOMATIC,
        )
        await self._runner.setup()
        await self._listen(kind=None)

    async def close(self) -> None:
        """Take no more requests, and close the socket."""
        self._end_schedule()
        await self._stop_listening()
        await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()
        self._listening.close()

    async def put(self, *, fault: ConnectionFault | None) -> None:
        """Put a fault in force, in place of the one before or of a schedule; None: no fault any more.

        Raises: BadFault for one that needs TLS where there is none.
        """
        self._check(fault)
        self._end_schedule()
        await self._put(fault)

    def begin(self, *, schedule: Sequence[Turn]) -> None:
        """Have faults come and go by a schedule from now on, over and over.

        Raises: BadFault for one of which a fault needs TLS where there is none; then all stays as it is.
        """
        for turn in schedule:
            self._check(turn.fault)
        self._end_schedule()
        self._following = asyncio.create_task(self._follow(schedule))

    def _check(self, fault: ConnectionFault | None) -> None:
        if fault is not None and fault.kind.needs_tls and not self._tls:
            raise BadFault(f"{fault.kind} needs a proxy that encrypts")

    async def _put(self, fault: ConnectionFault | None) -> None:
        self.faults.put(fault=fault)
        at_once = fault is not None and fault.kind.is_of_connecting and not fault.path
        await self._listen(kind=fault.kind if fault and at_once else None)
        if at_once:
            self._close_connections()

    async def _follow(self, schedule: Sequence[Turn]) -> None:
        while True:
            for turn in schedule:
                await self._put(turn.fault)
                await asyncio.sleep(turn.lasts_s)

    def _end_schedule(self) -> None:
        if self._following:
            self._following.cancel()
        self._following = None

    # Connecting

    async def _listen(self, *, kind: Kind | None) -> None:
        """Listen as a fault of connecting has it, None for as usual."""
        async with self._changing:
            await self._stop_listening()
            if kind is Kind.REFUSED:
                self._listening = _bound_again(self._listening)  # it keeps its port, and refuses
                return
            self._listening.listen(BACKLOG)
            own = self._listening.dup()  # which is closed when this way of listening ends
            if kind is Kind.HANDSHAKE_ABORTED:
                loop = asyncio.get_running_loop()
                self._site = await loop.create_server(_AbortedHandshake, sock=own, backlog=BACKLOG)
                return
            tls = self._wrong_tls if kind is Kind.WRONG_CERTIFICATE else self._tls
            self._site = web.SockSite(self._runner, own, ssl_context=tls, backlog=BACKLOG)
            await self._site.start()

    async def _stop_listening(self) -> None:
        if isinstance(self._site, web.SockSite):
            await self._site.stop()
        elif self._site is not None:
            self._site.close()
        self._site = None

    def _close_connections(self) -> None:
        """Close each connection once the request on it, if any, is answered."""
        for connection in self._server.connections:
            if connection in self._busy:
                connection.close()
            else:
                connection.force_close()

    # Requests

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._busy.add(request.protocol)
        try:
            return await self._answered(request=request)
        finally:
            self._busy.discard(request.protocol)

    async def _answered(self, *, request: web.BaseRequest) -> web.StreamResponse:
        self.paths = [*self.paths[1 - MOST_PATHS :], request.raw_path]
        fault = self.faults.take(path=request.raw_path)
        kind = fault.kind if fault else None
        match kind:
            case Kind.LATENCY if fault:
                await asyncio.sleep(fault.seconds)
            case Kind.JITTER if fault:
                await asyncio.sleep(self._rng.uniform(0, fault.seconds))
            case Kind.HANG:
                await asyncio.sleep(HANG_S)
            case Kind.RESET:
                return reset(request=request)
        if fault is None or kind in (Kind.LATENCY, Kind.JITTER):
            return await self._passed_on(request=request)
        if fault.kind.is_of_connecting:
            # Before the answer, at which the client may connect anew.
            await self._listen(kind=fault.kind)
            self._close_connections()
            return await self._passed_on(request=request, is_last=True)
        return await self._broken(request=request, fault=fault)

    async def _passed_on(self, *, request: web.BaseRequest, is_last: bool = False) -> web.StreamResponse:
        """Answer as the upstream does; `is_last`: and close the connection."""
        try:
            async with await self._asked(request=request) as answer:
                response = web.StreamResponse(
                    status=answer.status, reason=answer.reason, headers=_passed(answer.headers)
                )
                if is_last:
                    response.force_close()
                await response.prepare(request)
                async for part in answer.content.iter_any():
                    await response.write(part)
                await response.write_eof()
                return response
        except (aiohttp.ClientError, OSError):
            return reset(request=request)  # as the upstream did it, in the only way that is left

    async def _broken(self, *, request: web.BaseRequest, fault: ConnectionFault) -> web.StreamResponse:
        """Answer a request as no server should."""
        try:
            async with await self._asked(request=request, plain=True) as answer:
                body, reason = await answer.read(), answer.reason or ""
                head = _head(status=answer.status, reason=reason, headers=_passed(answer.headers))
        except (aiohttp.ClientError, OSError):
            return reset(request=request)
        transport = request.transport
        if transport is None:
            return web.Response()
        half = body[: len(body) // 2]
        length = b"Content-Length: %d\r\n" % len(body)
        match fault.kind:
            case Kind.RESET_IN_HEAD:
                transport.write(head)
            case Kind.RESET_IN_BODY | Kind.STALL | Kind.TRUNCATED:
                transport.write(head + length + b"\r\n" + half)
            case Kind.TRUNCATED_CHUNKS:
                transport.write(head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(half), half))
            case Kind.TRUNCATED_UNSAID:
                transport.write(head + b"Connection: close\r\n\r\n" + half)
            case Kind.DRIP:
                transport.write(head + length + b"\r\n")
                for begin in range(0, len(body), DRIP_BYTES):
                    transport.write(body[begin : begin + DRIP_BYTES])
                    await asyncio.sleep(fault.seconds)
            case Kind.WRONG_BYTES:
                wrong = half[: -len(WRONG)] + WRONG + body[len(half) :] if len(half) > len(WRONG) else WRONG
                transport.write(head + b"Content-Length: %d\r\n\r\n" % len(wrong) + wrong)
            case Kind.BAD_STATUS_LINE:
                transport.write(b"HTTP/1.1 2OO Very well\r\n" + head.partition(b"\r\n")[2] + length + b"\r\n" + body)
            case Kind.FALSE_ENCODING:
                transport.write(head + length + b"Content-Encoding: gzip\r\n\r\n" + body)
        if fault.kind is Kind.STALL:
            await asyncio.sleep(HANG_S)
        if fault.kind in (Kind.RESET_IN_HEAD, Kind.RESET_IN_BODY):
            await asyncio.sleep(BEFORE_RESET_S)
            return reset(request=request)
        transport.close()
        return web.Response()  # which goes nowhere: the connection is being closed

    async def _asked(self, *, request: web.BaseRequest, plain: bool = False) -> aiohttp.ClientResponse:
        """Ask the upstream the same; `plain`: for a body that is not compressed."""
        if self._session is None:
            raise aiohttp.ClientConnectionError("not started")
        headers = _passed(request.headers)
        if headers.pop("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # or the client keeps the body back
        headers["X-Forwarded-Proto"] = "https" if self._tls else "http"
        if plain:
            headers["Accept-Encoding"] = "identity"
        return await self._session.request(
            request.method,
            yarl.URL(self._upstream + request.raw_path, encoded=True),
            headers=headers,
            data=await request.read() if request.body_exists else None,
            allow_redirects=False,
            ssl=self._upstream_tls,
        )


def control_app(*, proxy: FaultProxy) -> web.Application:
    """Return the application at which a proxy is told which fault is in force, and says what it was asked."""

    async def show(_: web.Request) -> web.Response:
        return web.json_response(_current(proxy))

    async def put(request: web.Request) -> web.Response:
        try:
            await proxy.put(fault=read_connection_fault(described=decode(text=await request.read())))
        except (BadFault, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(_current(proxy), status=201)

    async def clear(_: web.Request) -> web.Response:
        await proxy.put(fault=None)
        return web.json_response(_current(proxy))

    async def begin(request: web.Request) -> web.Response:
        try:
            proxy.begin(schedule=read_schedule(text=(await request.read()).decode()))
        except (BadFault, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(_current(proxy), status=201)

    async def requests(_: web.Request) -> web.Response:
        return web.json_response(proxy.paths)

    app = web.Application()
    app.router.add_routes(
        [
            web.get("/fault", show),
            web.put("/fault", put),
            web.delete("/fault", clear),
            web.put("/schedule", begin),
            web.get("/requests", requests),
        ]
    )
    return app


class _AbortedHandshake(asyncio.Protocol):
    """Resets a connection as soon as the client has said how it would encrypt."""

    def __init__(self) -> None:
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        """Reset it."""
        if isinstance(self._transport, asyncio.Transport):
            reset_transport(transport=self._transport)


def _bound_again(listening: socket.socket) -> socket.socket:
    """Close a socket and return one that has its port and does not listen."""
    family, address = listening.family, listening.getsockname()
    listening.close()
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(address)
    return bound


def _current(proxy: FaultProxy) -> dict[str, object] | None:
    return proxy.faults.current.as_json() if proxy.faults.current else None


def _passed(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return headers without those of one connection."""
    passed = CIMultiDict(headers)
    for name in OF_ONE_CONNECTION:
        passed.popall(name, None)
    return passed


def _head(*, status: int, reason: str, headers: CIMultiDict[str]) -> bytes:
    """Return the head of an answer, without its length, its encoding and the empty line at its end."""
    for name in ("Content-Length", "Content-Encoding"):
        headers.popall(name, None)
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items()), ""]
    return "\r\n".join(lines).encode("latin-1")
