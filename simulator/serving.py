"""What both kinds of server share: counts, latency, faults, addresses for the operator, starting and stopping.

A kind of server says whom a request is about and makes the answer; this module lets it through, late or broken.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from aiohttp import web

from simulator.faults import BadFault, CallCounter, Fault, FaultBoard, Mode, read_fault
from simulator.records import Records
from simulator.wire import FHIR_JSON, Resource, decode, encode

HANG_S = 3600.0
HUGE_BYTES = 50 * 1024 * 1024
DRIP_BYTES = 16
JITTER = 0.3  # of the base latency, either way
LOG_IN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Sign in</form></body></html>"
NO_LINGER = struct.pack("ii", 1, 0)  # closing then sends a reset


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a source answers: a status and a resource. `local_id` says whose answer it is, "" if nobody's."""

    status: int
    resource: Resource
    local_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whom the source is made to believe a request is about, after answer-as, unknown and empty were applied."""

    local_id: str
    knows: bool = True
    holds_nothing: bool = False
    fault: Fault | None = None


Make = Callable[[Asked], Answer]


class Desk:
    """Handles every request of a server: counts it, waits, and breaks the answer if a fault is in force."""

    def __init__(self, *, records: Records, latency_ms: int, seed: int) -> None:
        self.records = records
        self.board = FaultBoard(standing=records.faults)
        self.calls = CallCounter()
        self._latency_s = latency_ms / 1000
        self._rng = Random(seed)

    async def answer(self, *, request: web.Request, local_id: str, make: Make) -> web.StreamResponse:
        """Answer a request about a person or nobody with what `make` returns, unless a fault delays or breaks it."""
        self.calls.note(local_id=local_id)
        fault = self.board.take(local_id=local_id)
        await asyncio.sleep(self._latency_s * (1 + self._rng.uniform(-JITTER, JITTER)))
        instead = await _instead(request=request, fault=fault)
        if instead is not None:
            return instead
        answer = make(_asked(local_id=local_id, fault=fault))
        return await _send(request=request, answer=answer, fault=fault)


def _asked(*, local_id: str, fault: Fault | None) -> Asked:
    if fault is None:
        return Asked(local_id=local_id)
    whose = fault.answer_as if fault.mode is Mode.ANSWER_AS else local_id
    return Asked(
        local_id=whose, knows=fault.mode is not Mode.UNKNOWN, holds_nothing=fault.mode is Mode.EMPTY, fault=fault
    )


async def _instead(*, request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
    """Return what is sent in place of an answer, or None if there should be an answer."""
    match fault.mode if fault else None:
        case Mode.SLOW if fault:
            await asyncio.sleep(fault.seconds)
        case Mode.HANG:
            await asyncio.sleep(HANG_S)
        case Mode.REFUSE:
            return reset(request=request)
        case Mode.STATUS_500:
            return _failed(status=500, text="An error was made on purpose.")
        case Mode.STATUS_503:
            return _failed(status=503, text="Closed on purpose.")
        case Mode.HTML:
            return web.Response(body=LOG_IN_PAGE, content_type="text/html")
        case Mode.HUGE:
            return await _huge(request=request)
    return None


def reset(*, request: web.BaseRequest) -> web.StreamResponse:
    """Reset the connection of a request. What is returned goes nowhere."""
    if request.transport is not None:
        reset_transport(transport=request.transport)
    return web.Response(status=500)


def reset_transport(*, transport: asyncio.Transport) -> None:
    """Reset a connection, unless the other side has closed it."""
    held = transport.get_extra_info("socket")
    if held is not None and held.fileno() >= 0:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()


def _failed(*, status: int, text: str) -> web.Response:
    code = "transient" if status == 503 else "exception"
    response = fhir_response(status=status, resource=outcome(code=code, text=text))
    if status == 503:
        response.headers["Retry-After"] = "30"
    return response


def own_root(*, request: web.Request) -> str:
    """Return the address, without a path, at which a request was sent: what stands before this server may encrypt."""
    return f"{request.headers.get('X-Forwarded-Proto', request.scheme)}://{request.host}"


def outcome(*, code: str, text: str, severity: str = "error") -> Resource:
    """Return an OperationOutcome of one issue."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code, "diagnostics": text}]}


def broken_observation(*, patient_id: str) -> Resource:
    """Return a resource that breaks FHIR: a number that no reader can hold, no code, a date that is none."""
    return {
        "resourceType": "Observation",
        "id": "broken-1",
        "status": "final",
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": "31/02/2024",
        "valueString": "see note",
        "valueInteger": 10**60,
    }


def fhir_response(*, status: int, resource: Resource) -> web.Response:
    """Return a resource as an HTTP answer."""
    return web.Response(
        status=status,
        body=encode(value=resource),
        content_type=FHIR_JSON,
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )


async def _huge(*, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": f"{FHIR_JSON}; charset=utf-8"})
    await response.prepare(request)
    await response.write(b'{"resourceType":"Bundle","type":"searchset","entry":[')
    filler = b'{"resource":{"resourceType":"Basic","code":{"text":"' + b"x" * 65_000 + b'"}}},'
    for _ in range(HUGE_BYTES // len(filler)):
        await response.write(filler)
    await response.write(filler[:-1] + b"]}")
    return response


async def _send(*, request: web.Request, answer: Answer, fault: Fault | None) -> web.StreamResponse:
    body = encode(value=answer.resource)
    match fault.mode if fault else None:
        case Mode.HALF_JSON:
            body = body[: len(body) // 2]
        case Mode.DRIP if fault:
            return await _drip(request=request, body=body, seconds=fault.seconds)
        case Mode.CUT_GZIP:
            return _cut_gzip(body=body)
    response = web.Response(
        status=answer.status, body=body, content_type=FHIR_JSON, charset="utf-8", headers={"Cache-Control": "no-store"}
    )
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response


async def _drip(*, request: web.Request, body: bytes, seconds: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": f"{FHIR_JSON}; charset=utf-8"})
    await response.prepare(request)
    for begin in range(0, len(body), DRIP_BYTES):
        await response.write(body[begin : begin + DRIP_BYTES])
        await asyncio.sleep(seconds)
    return response


def _cut_gzip(*, body: bytes) -> web.Response:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(body) + packer.flush()
    return web.Response(
        body=packed[: len(packed) // 2],
        content_type=FHIR_JSON,
        headers={"Content-Encoding": "gzip", "Cache-Control": "no-store"},
    )


def add_operator_routes(*, app: web.Application, desk: Desk) -> None:
    """Add the addresses for the operator of the simulator; no real source has them."""

    async def put_fault(request: web.Request) -> web.Response:
        try:
            fault = read_fault(described=decode(text=await request.read()))
            if fault.mode is Mode.ANSWER_AS and fault.answer_as not in desk.records.holders:
                raise BadFault("answer-as needs answer_as, the local_id of somebody who is known here")
            desk.board.put(fault=fault)
        except (BadFault, ValueError, AttributeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response([fault.as_json() for fault in desk.board.all()], status=201)

    async def show_faults(_: web.Request) -> web.Response:
        return web.json_response([fault.as_json() for fault in desk.board.all()])

    async def clear_faults(_: web.Request) -> web.Response:
        desk.board.clear()
        return web.json_response([fault.as_json() for fault in desk.board.all()])

    async def show_calls(_: web.Request) -> web.Response:
        return web.json_response(desk.calls.as_json())

    async def clear_calls(_: web.Request) -> web.Response:
        desk.calls.clear()
        return web.json_response(desk.calls.as_json())

    app.router.add_routes(
        [
            web.get("/_simulator/faults", show_faults),
            web.post("/_simulator/faults", put_fault),
            web.delete("/_simulator/faults", clear_faults),
            web.get("/_simulator/calls", show_calls),
            web.delete("/_simulator/calls", clear_calls),
        ]
    )


async def serve(
    *, app: web.Application, sock: socket.socket, ready: Callable[[], None], tls: ssl.SSLContext | None = None
) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; `ready` is called once it accepts requests."""
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    await web.SockSite(runner, sock, ssl_context=tls).start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    ready()
    await stop.wait()
    await runner.cleanup()
