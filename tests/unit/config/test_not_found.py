"""How soon "not found" is answered."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, HTTPScope

from config.not_found import NotFoundFloor

SCOPE = cast(HTTPScope, {"type": "http", "path": "/records/1"})


async def receive() -> Any:
    raise AssertionError("nothing is read")


def seconds_until_answered(*, status: int, takes_s: float, floor_s: float = 0.1) -> float:
    """Return how long after the request the answer's first event is sent."""

    async def application(scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await asyncio.sleep(takes_s)
        await send({"type": "http.response.start", "status": status, "headers": [], "trailers": False})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def ask() -> float:
        loop = asyncio.get_running_loop()
        began, sent = loop.time(), list[float]()

        async def send(event: ASGISendEvent) -> None:
            sent.append(loop.time() - began)

        await NotFoundFloor(application, floor_s=floor_s, jitter_s=0.02)(SCOPE, receive, send)
        assert len(sent) == 2
        return sent[0]

    return asyncio.run(ask())


@pytest.mark.parametrize("takes_s", [0.0, 0.05])
def test_t05_not_found_is_answered_no_sooner_than_the_floor_however_soon_it_is_known(takes_s: float) -> None:
    assert seconds_until_answered(status=404, takes_s=takes_s) >= 0.1


@pytest.mark.parametrize("status", [200, 302, 403, 503])
def test_any_other_answer_is_not_held_back(status: int) -> None:
    assert seconds_until_answered(status=status, takes_s=0.0, floor_s=60.0) < 60.0
