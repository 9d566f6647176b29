"""Limits of every call. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.contract.errors import Malformed
from connectors.contract.outcomes import Reason

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class TransportLimits:
    """Limits of every call. Sizes are bytes after decompression; times are seconds."""

    page_bytes: int = 25 * MIB
    answer_bytes: int = 50 * MIB  # all pages of one answer together
    error_bytes: int = 64 * 1024
    inflation_ratio: int = 100  # real FHIR payloads reach 32:1
    inflation_free_bytes: int = MIB  # below this, no ratio counts
    connect_s: float = 3.0
    retries: int = 2
    retry_base_s: float = 0.1
    retry_cap_s: float = 1.0
    waits: int = 8  # how often one call comes back to a source that asks for fewer requests, when it may
    # What each call to a source earns of a retry: without a budget, retries double the load on one that is failing.
    retry_budget: float = 0.1
    retry_burst: float = 5.0
    # What each call earns of a second one beside a first that is slow.
    hedge_budget: float = 0.05
    hedge_burst: float = 5.0


@dataclass(kw_only=True)
class Allowance:
    """What is left of the size limit of one answer, shared by its pages.

    `spare` is how much may still come in pages that are too large, and are not kept.
    """

    left: int
    spare: int = field(default=0, compare=False)

    def expect_some(self) -> None:
        """Raises: Malformed when nothing is left."""
        if self.left <= 0:
            raise Malformed(Reason.TOO_LARGE)

    def take(self, *, size: int) -> None:
        """Use up part of the allowance.

        Raises: Malformed when not so much is left; what is left then is for what is smaller.
        """
        if size > self.left:
            self.waste(size=size)
            raise Malformed(Reason.TOO_LARGE)
        self.left -= size

    def waste(self, *, size: int) -> None:
        """Note what came in vain; where that has been too much, nothing more is taken."""
        self.spare -= size
        if self.spare < 0:
            self.left = 0
