"""List the doubts about identity: what waits for a decision, and what was settled."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.audit import trail
from aggregator.errors import NotPermitted
from aggregator.mpi import queries
from aggregator.mpi.queries import ReviewSummary as ReviewSummary
from aggregator.mpi.reviews import cause_words as cause_words

ACTION = "list-reviews"
MOST_OPEN, MOST_SETTLED = 500, 100


@dataclass(frozen=True, kw_only=True)
class Reviews:
    """The open doubts, oldest first, and the settled ones, latest first; the counts are of all there are."""

    waiting: tuple[ReviewSummary, ...]
    settled: tuple[ReviewSummary, ...]
    waiting_count: int
    settled_count: int


def list_reviews(*, requester: Requester) -> Reviews:
    """Return the doubts about identity. The list identifies nobody.

    Raises: NotPermitted.
    """
    if not requester.may(Permission.REVIEW_LINKS):
        error = NotPermitted("You may not see doubts about identity.")
        raise trail.refuse(requester=requester, action=ACTION, error=error)
    with transaction.atomic():
        waiting_count, settled_count = queries.count_reviews()
        reviews = Reviews(
            waiting=tuple(queries.open_reviews(limit=MOST_OPEN)),
            settled=tuple(queries.settled_reviews(limit=MOST_SETTLED)),
            waiting_count=waiting_count,
            settled_count=settled_count,
        )
        trail.append(requester=requester, action=ACTION, detail={"open": waiting_count, "settled": settled_count})
    return reviews
