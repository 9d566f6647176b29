"""Look-ups of names in threads of their own.

Whoever asks for a name may have to wait for half a minute where its servers do not answer, and cannot be stopped. In
the few threads that an event loop has for everything, some such sources would keep all others from being found.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from aiohttp.abc import AbstractResolver, ResolveResult

# Look-ups at once. One name is looked up once at a time, however many ask for it, so this is how many names may hang.
AT_ONCE = 64


class OwnThreads(AbstractResolver):
    """Looks names up for one client."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return where a name leads.

        Raises: OSError.
        """
        look_up = partial(
            socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        addresses = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in addresses
        ]

    async def close(self) -> None:
        """Look nothing more up; what hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
