"""Tries a source before it is registered: one call that names no patient."""

from __future__ import annotations

import asyncio

from aggregator.sources import catalogue
from connectors.contract.errors import TimedOut
from connectors.contract.values import SourceAddress
from connectors.transport.client import Transport


def try_source(*, kind: str, address: SourceAddress, within_s: float) -> str:
    """Ask a source what it is and return that in a few words.

    Raises: SourceError; Invalid for a kind that is not declared. Must not run in a transaction: it waits for others.
    """
    return asyncio.run(_try(kind=kind, address=address, within_s=within_s))


async def _try(*, kind: str, address: SourceAddress, within_s: float) -> str:
    deadline = asyncio.get_running_loop().time() + within_s
    async with Transport() as transport:
        try:
            async with asyncio.timeout_at(deadline):
                connector = catalogue.connector_for(kind=kind)
                return await connector.check(source=address, transport=transport, deadline=deadline)
        except TimeoutError:
            raise TimedOut from None
