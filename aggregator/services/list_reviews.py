"""List the doubts about identity: those waiting for a decision, and those that were settled."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.mpi import queries
from aggregator.mpi.reviews import ReviewSummary

MAX_OPEN, MAX_SETTLED = 500, 100


@dataclass(frozen=True, kw_only=True)
class Reviews:
    """The open doubts, oldest first, and the settled ones, most recent first, with the numbers of all."""

    waiting: tuple[ReviewSummary, ...]
    settled: tuple[ReviewSummary, ...]
    waiting_count: int
    settled_count: int


def list_reviews(*, requester: Requester) -> Reviews:
    """Return the doubts about identity. The list identifies nobody.

    Raises: NotPermitted.
    """
    with acting(requester, Action.LIST_REVIEWS, needs=Permission.REVIEW_LINKS) as act:
        waiting_count, settled_count = queries.count_reviews()
        act.about_nothing_single()
        act.note(open=waiting_count, settled=settled_count)
        return Reviews(
            waiting=tuple(queries.open_reviews(limit=MAX_OPEN)),
            settled=tuple(queries.settled_reviews(limit=MAX_SETTLED)),
            waiting_count=waiting_count,
            settled_count=settled_count,
        )
