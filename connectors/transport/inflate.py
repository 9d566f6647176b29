"""Decompression within limits. Pure."""

from __future__ import annotations

import zlib

from connectors.contract.errors import Malformed
from connectors.contract.outcomes import Reason
from connectors.transport.limits import TransportLimits


class Inflater:
    """A gzip reader that never produces more than it may and notices a missing end.

    aiohttp's own accepts a body that was cut in half, and a decompression bomb.
    """

    def __init__(self, *, limits: TransportLimits, limit: int) -> None:
        self._inflate = zlib.decompressobj(31)  # 31: gzip framing only
        self._limits = limits
        self._limit = limit
        self._wire = 0
        self._made = 0

    def feed(self, chunk: bytes, /) -> bytes:
        """Return what a further chunk decompresses to.

        Raises: Malformed.
        """
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
        """Raises: Malformed when the end has not been seen."""
        if not self._inflate.eof or self._inflate.unused_data:
            raise Malformed(Reason.TRUNCATED)
