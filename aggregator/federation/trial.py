"""Checks a source before it is registered, with one request that names no patient."""

from __future__ import annotations

import asyncio

from aggregator.federation import asking
from aggregator.federation.reach import open_channels
from connectors.contract.errors import TimedOut
from connectors.contract.values import CheckedSource, SourceAddress


def try_source(*, kind: str, address: SourceAddress, within_s: float) -> CheckedSource:
    """Ask a source what it is and return what it says.

    Raises: SourceError; Invalid for a kind that is not declared. Must not run in a transaction: it may wait.
    """
    return asking.run_apart(_try(kind=kind, address=address, within_s=within_s))


async def _try(*, kind: str, address: SourceAddress, within_s: float) -> CheckedSource:
    deadline = asyncio.get_running_loop().time() + within_s
    async with open_channels() as channels:
        try:
            return await asking.check(kind=kind, source=address, channels=channels, deadline=deadline)
        except TimeoutError:
            raise TimedOut from None
