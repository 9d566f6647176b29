"""What small answers wait for: nothing, whoever made the listening socket."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from config.protocol import _send_at_once


class Transport:
    def __init__(self, connection: socket.socket | None) -> None:
        self._connection = connection

    def get_extra_info(self, name: str) -> Any:
        return {"socket": self._connection}[name]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_small_answers_are_sent_at_once(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        _send_at_once(Transport(connection))  # type: ignore[arg-type]
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_socket_of_the_file_system_has_nothing_to_set() -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        _send_at_once(Transport(connection))  # type: ignore[arg-type]
    _send_at_once(Transport(None))  # type: ignore[arg-type]
