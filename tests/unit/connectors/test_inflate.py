"""A compressed answer is read to its end and no further than its limits; a call is made again within its budget."""

from __future__ import annotations

import gzip
import os

import pytest

from connectors.contract.errors import Malformed
from connectors.contract.outcomes import Reason
from connectors.transport.inflate import Inflater
from connectors.transport.limits import Allowance, TransportLimits
from connectors.transport.retry import RetryBudget

LIMITS = TransportLimits(inflation_ratio=10, inflation_free_bytes=1000)
NOISE = os.urandom(500).hex().encode()  # 1,000 bytes that hardly shrink


def inflated(sent: bytes, *, limit: int = 10_000, size: int = 64) -> bytes:
    inflater = Inflater(limits=LIMITS, limit=limit)
    made = b"".join(inflater.feed(sent[at : at + size]) for at in range(0, len(sent), size))
    inflater.finish()
    return made


@pytest.mark.parametrize("size", [1, 64, 10_000])
def test_what_was_compressed_comes_back_in_whatever_pieces(size: int) -> None:
    assert inflated(gzip.compress(NOISE * 3), size=size) == NOISE * 3


@pytest.mark.parametrize(
    ("sent", "limit", "reason"),
    [
        (gzip.compress(NOISE), 1000, None),
        (gzip.compress(NOISE), 999, Reason.TOO_LARGE),
        (gzip.compress(bytes(1000)), 10_000, None),  # it is small, whatever its ratio
        (gzip.compress(bytes(1001)), 10_000, Reason.TOO_LARGE),
        (gzip.compress(NOISE)[:-1], 10_000, Reason.TRUNCATED),
        (b"", 10_000, Reason.TRUNCATED),
        (gzip.compress(NOISE) + b"x", 10_000, Reason.TRUNCATED),
        (gzip.compress(NOISE) + b"x" * 64, 10_000, Reason.TRUNCATED),
        (b"no gzip", 10_000, Reason.TRUNCATED),
    ],
    ids=range(9),
)
def test_what_is_too_large_or_has_no_end_is_refused(sent: bytes, limit: int, reason: Reason | None) -> None:
    if reason is None:
        assert inflated(sent, limit=limit)
        return
    with pytest.raises(Malformed) as caught:
        inflated(sent, limit=limit)
    assert caught.value.reason is reason


def test_an_allowance_is_shared_and_ends() -> None:
    allowance = Allowance(left=10)
    allowance.take(size=4)
    allowance.take(size=6)
    assert allowance.left == 0
    with pytest.raises(Malformed) as caught:
        allowance.take(size=1)
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_retry_is_earned_and_spent() -> None:
    limits = TransportLimits(retry_budget=0.5, retry_burst=2.0)
    budget = RetryBudget(earned=0.5)
    assert not budget.spend()
    assert budget.earned == 0.5
    budget.earn(limits=limits)
    assert budget.earned == 1.0
    assert budget.spend()
    assert budget.earned == 0.0
    for _ in range(9):
        budget.earn(limits=limits)
    assert budget.earned == 2.0
