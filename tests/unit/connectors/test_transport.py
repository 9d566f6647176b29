"""The transport, against real servers: retries, budget, guard, limits and what is remembered."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from connectors.contract.errors import CutShort, Malformed, NotAsked, SourceError, TimedOut, Unreachable
from connectors.contract.outcomes import Reason
from connectors.promises.serving import LOOPBACK, serving
from connectors.transport.client import Answer, HttpTransport
from connectors.transport.limits import Allowance, TransportLimits
from connectors.transport.retry import LONGEST_ASKED_S, asked_to_wait_s
from tests.contract.loopback import run

FAST = TransportLimits(retry_base_s=0.001, retry_cap_s=0.002)


LOST, CUT_SHORT = 0, 1


class Scripted:
    """A server that gives one status after another, the last one for ever; LOST and CUT_SHORT are none of them."""

    def __init__(self, *statuses: int, headers: dict[str, str] | None = None, body: bytes = b"{}") -> None:
        self.statuses = list(statuses)
        self.headers = headers or {}
        self.body = body
        self.calls = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        status = self.statuses[min(self.calls, len(self.statuses) - 1)]
        self.calls += 1
        assert request.transport is not None
        if status == LOST:
            request.transport.close()
        elif status == CUT_SHORT:
            request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
            request.transport.close()
        return web.Response(status=max(200, status), headers=self.headers, body=self.body)


def send(transport: HttpTransport, url: str, /, *, seconds: float = 3.0, **options: Any) -> Awaitable[Answer]:
    usual: dict[str, Any] = {
        "method": "GET",
        "headers": {},
        "source_id": "s1",
        "deadline": asyncio.get_running_loop().time() + seconds,
        "correlation_id": uuid4(),
        "repeatable": True,
    }
    return transport.request(url=url, **(usual | options))


def call(
    handler: Any, /, *, times: int = 1, limits: TransportLimits = FAST, guard: Any = None, **options: Any
) -> Answer:
    async def work() -> Answer:
        async with serving(handler) as base, opened(limits=limits, guard=guard, rng=random.Random(1)) as transport:
            for _ in range(times - 1):
                await send(transport, f"{base}/x", **options)
            return await send(transport, f"{base}/x", **options)

    return run(work())


@pytest.mark.parametrize("status", [429, 500, 502, 503, LOST, CUT_SHORT])
def test_a_read_is_tried_again_and_answers(status: int) -> None:
    server = Scripted(status, 200)
    assert call(server).status == 200
    assert server.calls == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 501, 504])
def test_what_will_not_change_is_not_tried_again(status: int) -> None:
    server = Scripted(status, 200)
    assert call(server).status == status
    assert server.calls == 1


class Led:
    """A server that leads each read one step further, to its end."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path_qs, request.headers.get("Authorization", "")))
        at = int(request.query.get("at", 0))
        if at >= len(self.statuses):
            return web.Response(body=b"{}")
        return web.Response(status=self.statuses[at], headers={"Location": f"{request.url.with_query(at=at + 1)}"})


def test_a_redirect_that_may_be_followed_is_within_the_one_call_and_carries_what_it_carries() -> None:
    server, headers = Led(301, 308, 303), {"Authorization": "Bearer t"}
    answer = call(server, follow=lambda address, _: address, headers=headers, may_hedge=True)
    assert (answer.status, answer.body, answer.address.partition("/fhir")[2]) == (200, b"{}", "/x?at=3")
    assert server.asked == [("/fhir/x" + query, "Bearer t") for query in ("", "?at=1", "?at=2", "?at=3")]


@pytest.mark.parametrize(
    ("statuses", "options"),
    [
        ([302], {}),
        ([302], {"follow": lambda *_: ""}),
        ([302, 302, 302, 302], {"follow": lambda address, _: address}),
        ([302], {"follow": lambda _, on: on}),
        ([300], {"follow": lambda address, _: address}),
        ([307], {"follow": lambda address, _: address, "method": "POST", "body": b"{}"}),
        ([302], {"follow": lambda address, _: address, "status_only": True, "method": "POST"}),
    ],
    ids=["not asked for", "not its own", "too many", "a loop", "several", "a post", "a post for its status"],
)
def test_any_other_redirect_is_not_followed(statuses: list[int], options: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        call(Led(*statuses), **options)
    assert caught.value.reason is Reason.REDIRECT


def test_what_a_redirect_leads_to_has_the_deadline_of_the_call() -> None:
    async def hanging(request: web.Request) -> web.StreamResponse:
        if "at" in request.query:
            await asyncio.Event().wait()
        return await Led(302)(request)

    with pytest.raises(TimedOut):
        call(hanging, follow=lambda address, _: address, seconds=0.2)


def test_a_redirect_is_followed_by_the_same_connection_where_nothing_stands_in_it() -> None:
    connections: set[object] = set()

    async def server(request: web.Request) -> web.StreamResponse:
        connections.add(request.transport)
        return await Led(302, 302)(request)

    assert call(server, follow=lambda address, _: address).status == 200
    assert len(connections) == 1


def test_what_may_not_be_repeated_is_not() -> None:
    server = Scripted(503, 200)
    assert call(server, method="POST", body=b"{}", repeatable=False).status == 503
    assert server.calls == 1


def test_retries_end_and_the_last_answer_is_given() -> None:
    server = Scripted(503)
    assert call(server).status == 503
    assert server.calls == 3


@pytest.mark.parametrize(("status", "error"), [(LOST, Unreachable), (CUT_SHORT, CutShort)])
def test_a_connection_that_is_lost_again_and_again_is_tried_as_often_as_anything_else(
    status: int, error: type[SourceError]
) -> None:
    """And not as often again by the library."""
    server = Scripted(status)
    with pytest.raises(error):
        call(server)
    assert server.calls == 3
    once = Scripted(status, 200)
    with pytest.raises(error):
        call(once, repeatable=False)
    assert once.calls == 1


def test_a_source_that_is_half_down_is_not_asked_three_times_for_ever() -> None:
    server = Scripted(503)
    call(server, times=40)
    assert server.calls <= 40 + FAST.retry_burst + 40 * FAST.retry_budget + 1


def test_a_source_that_says_when_we_may_come_back_is_asked_then_and_no_retry_is_spent() -> None:
    busy = {"x-ms-retry-after-ms": "20"}
    server = Scripted(*[429] * 5, 200, headers=busy)
    assert (call(server).status, server.calls) == (200, 6)
    never = Scripted(429, headers=busy)
    assert call(never).status == 429
    assert never.calls == 1 + FAST.waits + FAST.retries
    for unsaid in (Scripted(429), Scripted(429, headers={"Retry-After": "0"}), Scripted(503, headers=busy)):
        call(unsaid)
        assert unsaid.calls == 1 + FAST.retries


def test_a_retry_that_the_deadline_leaves_no_time_for_is_not_made() -> None:
    server = Scripted(503, 200, headers={"Retry-After": "60"})
    started = time.monotonic()
    assert call(server, seconds=1).status == 503
    assert (server.calls, time.monotonic() - started < 1) == (1, True)


def test_each_attempt_has_fresh_headers() -> None:
    made: list[str] = []

    def headers() -> dict[str, str]:
        made.append(str(uuid4()))
        return {"X-Trace": made[-1]}

    call(Scripted(503, 503, 200), headers=headers)
    assert len(set(made)) == 3


def test_a_deadline_in_the_past_sends_nothing() -> None:
    server = Scripted(200)
    with pytest.raises(TimedOut):
        call(server, seconds=-1)
    assert server.calls == 0


def test_the_deadline_is_kept_to_the_tenth_of_a_second() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    started = time.monotonic()
    with pytest.raises(TimedOut):
        call(slow, seconds=0.3)
    assert time.monotonic() - started < 1.5


def test_an_error_body_over_its_limit_is_left_out_and_the_status_stays() -> None:
    answer = call(Scripted(404, body=b"x" * (FAST.error_bytes + 1)))
    assert (answer.status, answer.body) == (404, b"")
    assert call(Scripted(404, body=b"{}")).body == b"{}"


@pytest.mark.parametrize("status", [404, 429, 503])
@pytest.mark.parametrize("encoding", ["", "Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n"])
def test_an_error_body_that_is_cut_short_or_cannot_be_read_is_left_out_and_the_status_stays(
    status: int, encoding: str
) -> None:
    async def cut_short(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        head = f"HTTP/1.1 {status} No\r\nRetry-After: 40\r\n{encoding}Content-Length: 99\r\n\r\n"
        request.transport.write(head.encode() + b'{"resourceType":')
        request.transport.close()
        return web.Response()

    answer = call(cut_short, repeatable=False)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (status, b"", "40")


@pytest.mark.parametrize(
    ("value", "asked_s"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("1.5", 1.5),
        ("9" * 5000, LONGEST_ASKED_S),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:02:00", 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_ASKED_S),
        ("Mon, 01 Jan 9999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("1 Jan 2026 99999999999999:00", None),
        ("Mon, 01 Jan 2026 00:00:00 +999999999999999999", None),
        ("", None),
        ("-5", None),
        ("1e3", None),
        ("NaN", None),
        ("\u00b2", None),
    ],
)
def test_how_long_a_source_asks_us_to_wait_is_read_or_left_aside(value: str, asked_s: float | None) -> None:
    assert asked_to_wait_s(headers={"retry-after": value}, now=100.0) == asked_s


@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "2", "x-ms-retry-after-ms": "250"}, 2.0),
        ({"retry-after": "soon", "x-ms-retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "9" * 5000}, LONGEST_ASKED_S),
        ({"x-ms-retry-after-ms": "soon"}, None),
    ],
)
def test_a_wait_in_milliseconds_is_read(headers: dict[str, str], asked_s: float | None) -> None:
    assert asked_to_wait_s(headers=headers, now=100.0) == asked_s


def test_an_answer_beside_a_date_beyond_all_dates_is_an_answer() -> None:
    server = Scripted(200, headers={"Retry-After": "Mon, 01 Jan 9999999999 00:00:00 GMT"})
    assert call(server).status == 200


def test_names_whose_servers_do_not_answer_keep_no_other_from_being_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does whoever closes the client wait for them."""
    answered, look_up = threading.Event(), socket.getaddrinfo

    def hangs(host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).startswith("dead"):
            answered.wait(10)
            raise socket.gaierror
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hangs)

    async def work() -> int:
        async with serving(Scripted(200)) as base, opened() as transport:
            dead = [
                asyncio.ensure_future(send(transport, f"https://dead{number}.example/x", seconds=1))
                for number in range(40)
            ]
            await asyncio.sleep(0.1)
            answer = await send(transport, f"{base.replace('127.0.0.1', 'localhost')}/x", seconds=0.8)
            ended = await asyncio.gather(*dead, return_exceptions=True)
            assert {type(each) for each in ended} == {TimedOut}
            return answer.status

    began = time.monotonic()
    try:
        assert run(work()) == 200
        assert time.monotonic() - began < 5
    finally:
        answered.set()


def test_pages_share_one_allowance() -> None:
    limits = TransportLimits(answer_bytes=100, page_bytes=80)

    async def work() -> None:
        async with serving(Scripted(200, body=b"x" * 60)) as base, opened(limits=limits) as transport:
            allowance = transport.allowance()
            await send(transport, base, allowance=allowance)
            assert allowance == Allowance(left=40)
            await send(transport, base)
            with pytest.raises(Malformed) as caught:
                await send(transport, base, allowance=allowance)
            assert caught.value.reason == "too-large"

    run(work())


def test_a_page_that_is_too_large_leaves_room_for_a_smaller_one_until_too_much_came_in_vain() -> None:
    limits = TransportLimits(answer_bytes=100, page_bytes=80)
    server = Scripted(200, body=b"x" * 60)

    async def work() -> None:
        async with serving(server) as base, opened(limits=limits) as transport:
            allowance = transport.allowance()
            await send(transport, base, allowance=allowance)
            with pytest.raises(Malformed):
                await send(transport, base, allowance=allowance)
            server.body = b"x" * 20
            await send(transport, base, allowance=allowance)
            assert allowance == Allowance(left=20)
            server.body = b"x" * 60
            for _ in range(3 + 5):
                with pytest.raises(Malformed) as caught:
                    await send(transport, base, allowance=allowance)
                assert caught.value.reason == "too-large"
            assert allowance == Allowance(left=0)

    run(work())
    assert server.calls == 3 + 4  # then nothing is asked for that could not be taken


def test_kept_connections_are_used_again_but_not_one_half_read() -> None:
    ports: list[Any] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        return web.Response(body=b"x" * (2_000_000 if "big" in request.path else 10))

    async def work() -> None:
        limits = TransportLimits(page_bytes=1000)
        async with serving(handler) as base, opened(limits=limits) as transport:
            await send(transport, f"{base}/a")
            await send(transport, f"{base}/b")
            with pytest.raises(Malformed):
                await send(transport, f"{base}/big")
            await send(transport, f"{base}/c")

    run(work())
    assert ports[0] == ports[1] == ports[2] != ports[3]


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[HttpTransport]:
    """Open a transport and close it at the end."""
    transport = HttpTransport(**{"reach": LOOPBACK, **options})
    try:
        yield transport
    finally:
        await transport.close()


class Watching:
    """A guard that remembers, and refuses where it is told to."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.left: list[bool] = []

    async def enter(self, *, source_id: str) -> None:
        if self.refuses:
            raise NotAsked(Reason.PAUSED)

    async def leave(self, *, source_id: str, succeeded: bool) -> None:
        self.left.append(succeeded)


@pytest.mark.parametrize(
    ("status", "succeeded"),
    [(200, True), (404, True), (403, True), (301, True), (500, False), (429, False), (0, False)],
)
def test_the_guard_hears_how_it_went(status: int, succeeded: bool) -> None:
    guard = Watching()
    with suppress(SourceError):
        call(Scripted(status), guard=guard)
    assert guard.left == [succeeded]


def test_the_guard_hears_of_a_caller_that_gave_up() -> None:
    guard = Watching()

    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async def work() -> None:
        async with serving(slow) as base, opened(guard=guard) as transport:
            asking = asyncio.ensure_future(send(transport, base, seconds=20))
            await asyncio.sleep(0.1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    run(work())
    assert guard.left == [False]


def test_a_guard_that_refuses_is_obeyed() -> None:
    guard, server = Watching(refuses=True), Scripted(200)
    with pytest.raises(NotAsked):
        call(server, guard=guard)
    assert (server.calls, guard.left) == (0, [])


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999/x", "nonsense", "http://[::1", "http://a b/"])
def test_an_address_that_is_none_is_unreachable(url: str) -> None:
    async def work() -> None:
        async with opened() as transport:
            await send(transport, url)

    with pytest.raises(Unreachable):
        run(work())


def test_no_error_of_the_library_is_left_to_tell_the_address() -> None:
    async def work() -> None:
        async with opened() as transport:
            await send(transport, "http://127.0.0.1:9/Patient?identifier=9000000009")

    with pytest.raises(Unreachable) as caught:
        run(work())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "9000000009" not in str(caught.value)


def test_a_fact_is_remembered_for_its_time() -> None:
    async def work() -> None:
        async with opened() as transport:
            transport.remember(key="a", value=1, seconds=10)
            transport.remember(key="b", value=2, seconds=-1)
            assert (transport.recall(key="a"), transport.recall(key="b"), transport.recall(key="c")) == (1, None, None)

    run(work())


def test_the_proxy_variables_of_the_machine_are_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert call(Scripted(200)).status == 200


@pytest.mark.parametrize(("status", "encoding"), [(200, ""), (200, "br"), (404, ""), (503, "")])
def test_where_the_status_alone_counts_no_body_is_waited_for(status: int, encoding: str) -> None:
    async def never_ends(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Encoding": encoding} if encoding else {})
        await response.prepare(request)
        await response.write(b"x" * 100)
        await asyncio.sleep(30)
        return response

    started = time.monotonic()
    answer = call(never_ends, method="POST", body=b"{}", status_only=True, repeatable=False)
    assert (answer.status, answer.body) == (status, b"")
    assert time.monotonic() - started < 2.5


def test_a_redirect_is_none_of_the_statuses_that_count() -> None:
    with pytest.raises(Malformed) as caught:
        call(Scripted(302, headers={"Location": "/elsewhere"}), status_only=True)
    assert caught.value.reason is Reason.REDIRECT


@pytest.mark.parametrize(
    "asked",
    [
        "Wed, 21 Oct 99999999999 07:28:00 GMT",
        "Wed, 21 Oct 2099 07:28:99999999999999999999 GMT",
        "Wed, 21 Oct 2099 07:28:00 +99999999999999999999",
        "soon",
        "-1",
        "",
    ],
)
def test_a_wait_that_cannot_be_read_is_none(asked: str) -> None:
    assert asked_to_wait_s(headers={"retry-after": asked}, now=0.0) is None
