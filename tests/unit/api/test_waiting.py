"""A FHIR caller waits on the loop for what Django only promises."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from aggregator.api.fhir.operations import OPERATIONS
from aggregator.api.fhir.waiting import WaitingDoor

Message = dict[str, Any]

SCOPE = {"type": "http", "method": "GET", "path": "/fhir/Patient/1/$everything", "headers": [], "query_string": b""}


def test_a_caller_who_left_before_the_request_was_whole_is_answered_nothing() -> None:
    sent: list[Message] = []

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing, as what is behind the door does when a caller has gone."""

    async def wait(retrieval_id: UUID) -> None:
        raise AssertionError("there is nothing to wait for")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(WaitingDoor(django=pages, operations=OPERATIONS, wait=wait)(SCOPE, receive, send))
    assert sent == []


def test_who_asks_by_post_is_sent_the_answer_whatever_the_request_brought() -> None:
    asked: list[tuple[str, str, list[tuple[bytes, bytes]], bytes]] = []
    waited: list[UUID] = []
    sent: list[Message] = []
    retrieval_id = UUID(int=1)

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        asked.append((scope["method"], scope["path"], scope["headers"], (await receive())["body"]))
        is_first = len(asked) == 1
        place = [(b"Content-Location", f"/fhir/retrievals/{retrieval_id}".encode())] if is_first else []
        await send({"type": "http.response.start", "status": 202 if is_first else 200, "headers": place})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def wait(retrieval_id: UUID) -> None:
        waited.append(retrieval_id)

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"resourceType": "Parameters"}', "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    token = (b"authorization", b"Bearer x")
    about_the_body = [(b"content-length", b"30"), (b"content-type", b"application/fhir+json")]
    scope = {
        **SCOPE,
        "method": "POST",
        "query_string": b"_format=json",
        "headers": [token, (b"accept", b"application/fhir+xml"), *about_the_body],
    }
    asyncio.run(WaitingDoor(django=pages, operations=OPERATIONS, wait=wait)(scope, receive, send))
    assert waited == [retrieval_id]
    assert asked[1] == ("GET", f"/fhir/retrievals/{retrieval_id}", [token], b"")
    assert sent[0]["status"] == 200


def test_a_wish_not_to_wait_is_understood_in_any_case() -> None:
    async def pages(scope: Any, receive: Any, send: Any) -> None:
        place = [(b"Content-Location", b"/fhir/retrievals/" + str(UUID(int=1)).encode())]
        await send({"type": "http.response.start", "status": 202, "headers": place})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def wait(retrieval_id: UUID) -> None:
        raise AssertionError("the caller does not want to wait")

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {**SCOPE, "headers": [(b"prefer", b"Respond-Async, handling=lenient")]}
    asyncio.run(WaitingDoor(django=pages, operations=OPERATIONS, wait=wait)(scope, receive, send))
    assert sent[0]["status"] == 202
