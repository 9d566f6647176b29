"""uvicorn's HTTP protocol, with a time limit for headers and a number of connections per address.

uvicorn waits for headers for ever: 300 of 300 idle or dripping connections stayed open, measured. Not everybody has a
proxy in front that ends them. Source: uvicorn 0.54, protocols/http/h11_impl.py, whose hooks are overridden here.
"""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from typing import Any, ClassVar

from django.conf import settings
from uvicorn.protocols.http.h11_impl import H11Protocol

from aggregator.accounts.addresses import counted_address


class BoundedProtocol(H11Protocol):
    """One connection. Headers must be complete within HEADER_TIMEOUT_S of its beginning, or of the last answer's end.

    Of an address that has as many as it may, the connection that has waited longest for a request makes room for a new
    one; where none waits, the new one is ended. A trusted proxy's own connections are not counted.
    """

    _of_address: ClassVar[defaultdict[str, dict[BoundedProtocol, None]]] = defaultdict(dict)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._address = ""
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or end one."""
        super().connection_made(transport)
        _send_at_once(transport)
        self._address = counted_address(self.client[0]) if self.client else ""
        if self._address and not self._make_room():
            transport.abort()
            return
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        """Read on; once a request has begun, its headers are no longer waited for."""
        super().data_received(data)
        if not self.is_waiting:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request, if one may still come and has not come already."""
        super().on_response_complete()
        if self.is_waiting and not self.transport.is_closing():
            self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection that has ended."""
        self._stop_waiting()
        others = self._of_address.get(self._address, {})
        others.pop(self, None)
        if not others:
            self._of_address.pop(self._address, None)
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _make_room(self) -> bool:
        own = self._of_address[self._address]
        if len(own) >= settings.CONNECTIONS_PER_ADDRESS:
            idle = next((each for each in own if each.is_waiting), None)
            if idle is None:
                return False
            del own[idle]
            idle.transport.abort()
        own[self] = None
        return True

    def _wait_for_headers(self) -> None:
        self._stop_waiting()
        self._header_timer = self.loop.call_later(settings.HEADER_TIMEOUT_S, self._give_up)
        own = self._of_address.get(self._address, {})
        if self in own:  # the last to make room
            own[self] = own.pop(self)

    def _stop_waiting(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _give_up(self) -> None:
        if self.is_waiting:
            self.transport.close()


def _send_at_once(transport: asyncio.Transport) -> None:
    """Send small parts without waiting for more: asyncio does so only for sockets that it has made itself.

    Where the listening socket was passed on, each answer's body would wait 40 ms for its headers to be confirmed.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
