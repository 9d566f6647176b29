"""A small HTTP server on loopback that stands in for a source."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from connectors.transport.addresses import Reach

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK = Reach.of(networks=("127.0.0.0/8", "::1/128"), plain_http=True)


@asynccontextmanager
async def serving(handler: Handler, /, *, tls: ssl.SSLContext | None = None, path: str = "/fhir") -> AsyncIterator[str]:
    """Serve every request by one handler, with or without TLS; yields the base address, which ends in `path`."""
    app = web.Application(client_max_size=2**20)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}{path}"
    finally:
        await runner.cleanup()
