"""Connections that send nothing, or only a little, do not keep others out; nor does anybody's number of them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from launcher import children, processes
from launcher.children import Server

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = 50
TIMEOUT_S = 2.0
PATIENCE_S = 20.0
BEGINNING = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n"
WHOLE = BEGINNING + b"\r\n"


@contextmanager
def running_web(*, environment: dict[str, str], logs: Path, **changes: str) -> Iterator[Server]:
    limits = {"HEADER_TIMEOUT_S": str(TIMEOUT_S), "CONNECTIONS_PER_ADDRESS": str(LIMIT)}
    server = children.start_web(environment={**environment, **limits, **changes}, logs=logs)
    try:
        processes.wait_until(ready=lambda: server.answers("/livez"), child=server.child, within_s=60)
        yield server
    finally:
        processes.stop(children=[server.child])


@pytest.fixture
def web(process_environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    with running_web(environment=process_environment, logs=tmp_path) as server:
        yield server


def connected(server: Server, *, at: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S, source_address=(at, 0))


def is_ended(connection: socket.socket) -> bool:
    """Return whether the other side has closed, without waiting."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        connection.settimeout(PATIENCE_S)


def status_of(server: Server, *, at: str = "127.0.0.1") -> int:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S, source_address=(at, 0))
    connection.request("GET", "/livez")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_three_hundred_idle_and_dripping_connections_are_ended_and_others_are_served_meanwhile(web: Server) -> None:
    with ExitStack() as stack:
        # Six addresses, so that their number is not what ends them.
        hostile = [
            stack.enter_context(connected(web, at=f"127.0.0.{2 + number // LIMIT}")) for number in range(6 * LIMIT)
        ]
        for connection in hostile[::2]:
            connection.sendall(BEGINNING)
        assert not any(is_ended(connection) for connection in hostile)
        began = time.monotonic()
        served = 0
        while time.monotonic() < began + TIMEOUT_S + 3 and not all(map(is_ended, hostile)):
            for number, connection in enumerate(hostile[::2]):
                drip(connection, line=f"X-{number}: a\r\n".encode())
            assert status_of(web) == 200
            served += 1
            time.sleep(0.2)
        assert served > 3
        assert all(map(is_ended, hostile))


def drip(connection: socket.socket, *, line: bytes) -> None:
    try:
        connection.sendall(line)
    except ConnectionError:
        return


def test_after_an_answer_the_next_headers_have_as_long(web: Server) -> None:
    with connected(web) as connection:
        connection.sendall(WHOLE)
        assert b" 200 " in connection.recv(65_536).partition(b"\r\n")[0]
        ends = time.monotonic() + TIMEOUT_S + 3
        while not is_ended(connection):
            assert time.monotonic() < ends
            drip(connection, line=b"G")
            time.sleep(0.2)


def test_an_address_with_too_many_connections_loses_those_that_wait_and_still_gets_answers(web: Server) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(web)) for _ in range(LIMIT)]
        elsewhere = stack.enter_context(connected(web, at="127.0.0.2"))
        assert status_of(web) == 200
        wait_until_ended(idle[:1])
        assert sum(map(is_ended, idle)) == 1
        assert not is_ended(elsewhere)
        more = [stack.enter_context(connected(web)) for _ in range(LIMIT)]
        wait_until_ended(idle)
        assert sum(map(is_ended, more)) <= 1


def test_where_every_connection_is_being_answered_one_more_is_ended(web: Server) -> None:
    # Their bodies do not come: each is a request that is being answered until its time is up.
    unfinished = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n"
    with ExitStack() as stack:
        busy = [stack.enter_context(connected(web)) for _ in range(LIMIT)]
        for connection in busy:
            connection.sendall(unfinished)
        time.sleep(0.5)
        one_more = stack.enter_context(connected(web))
        wait_until_ended([one_more])
        assert not any(map(is_ended, busy))
        assert status_of(web, at="127.0.0.2") == 200


def test_a_trusted_proxy_may_have_as_many_as_it_needs(process_environment: dict[str, str], tmp_path: Path) -> None:
    changes = {"PROXY_ADDRESSES": "127.0.0.1", "HEADER_TIMEOUT_S": "30"}
    with running_web(environment=process_environment, logs=tmp_path, **changes) as server, ExitStack() as stack:
        connections = [stack.enter_context(connected(server)) for _ in range(3 * LIMIT)]
        assert status_of(server) == 200
        assert not any(map(is_ended, connections))


def test_pipelined_requests_are_all_answered(web: Server) -> None:
    with connected(web) as connection:
        connection.sendall(WHOLE * 5)
        received = b""
        while received.count(b"HTTP/1.1 200") < 5:
            part = connection.recv(65_536)
            assert part
            received += part


def wait_until_ended(connections: list[socket.socket]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not all(map(is_ended, connections)):
        assert time.monotonic() < until
        time.sleep(0.05)
