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
