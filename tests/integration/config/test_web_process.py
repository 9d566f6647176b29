"""The web process: whole requests only, live streams natively, and a prompt end."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings

from aggregator.services.follow_record import issue_ticket
from launcher import children, processes

pytestmark = pytest.mark.django_db(transaction=True)

SESSION_KEY = "a-session"
DAY = timedelta(days=1)


@pytest.fixture
def connection(web: str) -> Iterator[http.client.HTTPConnection]:
    address = urlsplit(web)
    made = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    yield made
    made.close()


def live_path(*, retrieval_id: UUID, session_key: str = SESSION_KEY, ends: datetime | None = None) -> str:
    deadline_at = ends or datetime.now(UTC)
    return "/live/" + issue_ticket(retrieval_id=retrieval_id, deadline_at=deadline_at, session_key=session_key)


def cookie(session_key: str = SESSION_KEY) -> dict[str, str]:
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session_key}"}


def tell(retrieval_id: UUID, kind: str) -> None:
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        client.xadd(f"progress:{retrieval_id}", {"kind": kind})


def test_it_is_alive_and_ready(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read()) == {"database": True, "redis": True, "disk": True}


def test_answers_forbid_keeping_and_framing(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/livez")
    answer = connection.getresponse()
    assert answer.headers["Cache-Control"] == "no-store, private"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == settings.SECURE_REFERRER_POLICY
    assert answer.headers["Server"] is None


def test_a_body_that_says_it_is_too_long_is_refused_unread(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("POST", "/livez")
    connection.putheader("Content-Length", str(settings.BODY_LIMIT_BYTES + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_a_chunked_body_is_refused_when_it_grows_too_long(connection: http.client.HTTPConnection) -> None:
    part = b"x" * 65_536
    parts = settings.BODY_LIMIT_BYTES // len(part) + 2
    with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
        connection.request("POST", "/livez", body=iter([part] * parts), encode_chunked=True)
    assert connection.getresponse().status == 413


def test_a_live_stream_tells_what_lands_and_ends(connection: http.client.HTTPConnection) -> None:
    retrieval_id = uuid4()
    tell(retrieval_id, "landed")
    tell(retrieval_id, "done")
    connection.request("GET", live_path(retrieval_id=retrieval_id), headers=cookie())
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    kinds = [line.removeprefix("event: ") for line in answer.read().decode().splitlines() if line.startswith("event")]
    assert kinds == ["landed", "done"]


def test_a_live_stream_goes_on_after_the_last_event_seen(connection: http.client.HTTPConnection) -> None:
    retrieval_id = uuid4()
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        seen = client.xadd(f"progress:{retrieval_id}", {"kind": "landed"}).decode()
    tell(retrieval_id, "done")
    headers = {**cookie(), "Last-Event-ID": seen}
    connection.request("GET", live_path(retrieval_id=retrieval_id), headers=headers)
    assert b"landed" not in connection.getresponse().read()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/live/", cookie()),
        ("/live/made-up", cookie()),
        (live_path(retrieval_id=uuid4(), session_key="another"), cookie()),
        (live_path(retrieval_id=uuid4(), ends=datetime.now(UTC) - DAY), cookie()),
        (live_path(retrieval_id=uuid4()), {}),
    ],
    ids=["no ticket", "a made-up ticket", "another session's ticket", "an old ticket", "no session"],
)
def test_without_a_good_ticket_the_browser_is_told_to_stop(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str]
) -> None:
    connection.request("GET", path, headers=headers)
    assert connection.getresponse().status == 204


def test_a_session_gets_three_streams(web: str) -> None:
    address = urlsplit(web)
    opened = []
    try:
        for _ in range(4):
            made = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
            made.request("GET", live_path(retrieval_id=uuid4(), session_key="many"), headers=cookie("many"))
            opened.append(made)
        assert [made.getresponse().status for made in opened] == [200, 200, 200, 503]
    finally:
        for made in opened:
            made.close()


def test_an_open_stream_does_not_hold_up_the_end(process_environment: dict[str, str], logs: Path) -> None:
    server = children.start_web(environment=process_environment, logs=logs)
    processes.wait_until(ready=lambda: server.answers("/livez"), child=server.child, within_s=60)
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname or "", address.port or 0)) as stream:
        lines = [f"GET {live_path(retrieval_id=uuid4())} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in cookie().items()]
        stream.sendall("\r\n".join([*lines, "", ""]).encode())
        assert stream.recv(100).startswith(b"HTTP/1.1 200")
        started = time.monotonic()
        processes.stop(children=[server.child])
    assert time.monotonic() - started < 5  # seconds; waiting for the stream would take the graceful 12
