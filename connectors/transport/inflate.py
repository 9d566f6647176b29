"""A gzip reader that never makes more than it may, and knows whether it saw the end."""

from __future__ import annotations

import zlib

from connectors.contract.errors import Malformed
from connectors.contract.outcomes import Reason
from connectors.transport.limits import TransportLimits


class Inflater:
    """A gzip reader that never makes more than it may, and knows whether it saw the end.

    aiohttp's own takes a body cut in half for whole, and a bomb for an answer.
    """

    def __init__(self, *, limits: TransportLimits, limit: int) -> None:
        self._inflate = zlib.decompressobj(31)  # 31: gzip framing only
        self._limits = limits
        self._limit = limit
        self._wire = 0
        self._made = 0

    def feed(self, chunk: bytes, /) -> bytes:
        self._wire += len(chunk)
        if self._inflate.eof:
            raise Malformed(Reason.TRUNCATED)
        try:
            part = self._inflate.decompress(chunk, self._limit - self._made + 1)
        except zlib.error:
            raise Malformed(Reason.TRUNCATED) from None
        self._made += len(part)
        allowed = max(self._limits.inflation_free_bytes, self._wire * self._limits.inflation_ratio)
        if self._made > self._limit or self._made > allowed:
            raise Malformed(Reason.TOO_LARGE)
        return part

    def finish(self) -> None:
        if not self._inflate.eof or self._inflate.unused_data:
            raise Malformed(Reason.TRUNCATED)
