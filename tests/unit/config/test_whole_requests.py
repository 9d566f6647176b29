"""Django gets whole requests of a bounded size, or none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from config.whole_requests import WholeRequests

Message = dict[str, Any]

LIMIT = 100


def ask(parts: Iterable[Message | None], *headers: tuple[bytes, bytes]) -> tuple[int | None, dict[str, Any]]:
    """Send the parts (None: nothing more comes); return the status and what the application got."""
    waiting = list(parts)
    answers: list[Message] = []
    got: dict[str, Any] = {}

    async def receive() -> Message:
        part = waiting.pop(0) if waiting else None
        if part is None:
            await asyncio.sleep(60)
        assert part is not None
        return part

    async def send(message: Message) -> None:
        answers.append(message)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        got.update(body=message["body"], more=message["more_body"], headers=scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    guard = WholeRequests(application, limit_bytes=LIMIT, timeout_s=0.05)
    scope = {"type": "http", "method": "POST", "path": "/", "headers": list(headers)}
    asyncio.run(guard(scope, receive, send))
    return (answers[0]["status"] if answers else None), got


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_parts_arrive_as_one() -> None:
    status, got = ask([part(b"a", more=True), part(b"b", more=True), part(b"")])
    assert (status, got["body"], got["more"]) == (200, b"ab", False)


@pytest.mark.parametrize(
    ("length", "status"), [(b"101", 413), (b"-1", 400), (b"1e3", 400), (b"9" * 5000, 413), ("²".encode("latin-1"), 400)]
)
def test_a_length_that_will_not_do_is_refused_unread(length: bytes, status: int) -> None:
    assert ask([], (b"content-length", length)) == (status, {})


def test_a_body_that_grows_past_the_limit_is_refused() -> None:
    assert ask([part(b"x" * 60, more=True), part(b"x" * 60, more=True)]) == (413, {})


def test_a_body_of_just_the_limit_is_taken() -> None:
    status, got = ask([part(b"x" * LIMIT)])
    assert (status, len(got["body"])) == (200, LIMIT)


def test_a_sender_that_stops_is_not_waited_for() -> None:
    assert ask([part(b"x", more=True), None]) == (408, {})


def test_a_sender_that_goes_away_gets_no_answer() -> None:
    assert ask([part(b"x", more=True), {"type": "http.disconnect"}]) == (None, {})


def test_header_names_that_imitate_others_are_dropped() -> None:
    _, got = ask([part(b"")], (b"x_forwarded_proto", b"https"), (b"accept", b"*/*"))
    assert got["headers"] == [(b"accept", b"*/*")]


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("/fhir/Consent", b"application/fhir+json; charset=utf-8", ("resourceType", "OperationOutcome")),
        ("/oauth/token", b"application/json", ("error", "invalid_request")),
        ("/api/care-teams", b"application/problem+json", ("status", 413)),
    ],
)
def test_each_door_says_in_its_own_form_that_a_body_is_too_long(path: str, kind: bytes, said: tuple[str, Any]) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def untouched(*_: Any) -> None:
        raise AssertionError("what is refused goes no further")

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"content-length", b"101")]}
    asyncio.run(WholeRequests(untouched, limit_bytes=LIMIT)(scope, untouched, send))
    start, body = sent
    headers = dict(start["headers"])
    assert (start["status"], headers[b"content-type"], headers[b"connection"]) == (413, kind, b"close")
    name, value = said
    assert json.loads(body["body"])[name] == value
