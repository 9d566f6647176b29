"""A way to a server that can be cut and restored: a forwarder on a port of its own."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Way:
    """Forwards what comes to `port`. While it is cut, connections are refused and those that were open are closed."""

    def __init__(self, *, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._url, self._lock = url, threading.Lock()
        self._open: list[socket.socket] = []
        self.port = 0
        self.restore()

    @property
    def url(self) -> str:
        """Return the address that leads this way."""
        host, port = self._target
        return self._url.replace(f"@{host}:{port}", f"@127.0.0.1:{self.port}")

    def cut(self) -> None:
        """Close everything."""
        with self._lock:
            closing, self._open = self._open, []
        for each in closing:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def restore(self) -> None:
        """Forward again, on the same port."""
        listening = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = listening.getsockname()[1]
        self._open.append(listening)
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            with self._lock:
                self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(65_536):
                sink.sendall(part)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
