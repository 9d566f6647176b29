"""List the doubts about identity: those waiting for a decision, or those that were settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.mpi import queries
from aggregator.mpi.reviews import ReviewCount, ReviewSummary

REVIEWS_PER_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class ReviewList:
    """One page of the open doubts, the oldest first, or of the settled ones, the latest first; of `count` in all.

    `cause` and `source_slug` are what they were asked for by, "" for any. `counts` are those of all doubts, by their
    causes and sources.
    """

    reviews: tuple[ReviewSummary, ...]
    is_settled: bool
    cause: str
    source_slug: str
    count: int
    page: int
    pages: int
    counts: tuple[ReviewCount, ...]

    @property
    def open_count(self) -> int:
        """How many doubts are open, whatever was asked for."""
        return sum(count.open for count in self.counts)

    @property
    def settled_count(self) -> int:
        """How many doubts are settled, whatever was asked for."""
        return sum(count.settled for count in self.counts)

    @property
    def causes(self) -> list[tuple[str, str, int]]:
        """The causes to which the list can be narrowed: each with its words, and how many doubts it has."""
        return self._numbered(lambda count: (count.cause, count.cause_words))

    @property
    def sources(self) -> list[tuple[str, str, int]]:
        """The sources to which the list can be narrowed: the slug of each, its name, and how many doubts it has."""
        return self._numbered(lambda count: (count.source_slug, count.source_name))

    def _numbered(self, of: Callable[[ReviewCount], tuple[str, str]], /) -> list[tuple[str, str, int]]:
        numbers: Counter[tuple[str, str]] = Counter()
        for count in self.counts:
            numbers[of(count)] += count.settled if self.is_settled else count.open
        listed = ((value, words, number) for (value, words), number in numbers.items() if number)
        return sorted(listed, key=itemgetter(1))


def list_reviews(
    *, requester: Requester, is_settled: bool = False, cause: str = "", source_slug: str = "", page: int = 1
) -> ReviewList:
    """Return a page of the doubts about identity. The list identifies nobody.

    `cause` and `source_slug`: only those of one cause, or about the records of one source.
    Raises: NotPermitted; NotFound for a page that there is not.
    """
    with acting(requester, Action.LIST_REVIEWS, needs=Permission.REVIEW_LINKS) as act:
        act.about_nothing_single()
        counts = queries.count_reviews()
        asked = [each for each in counts if cause in ("", each.cause) and source_slug in ("", each.source_slug)]
        count = sum(each.settled if is_settled else each.open for each in asked)
        pages = max(1, -(-count // REVIEWS_PER_PAGE))
        if not 1 <= page <= pages:
            raise NotFound
        reviews = queries.reviews(
            is_settled=is_settled,
            cause=cause,
            source_slug=source_slug,
            start=(page - 1) * REVIEWS_PER_PAGE,
            limit=REVIEWS_PER_PAGE,
        )
        act.note(found=count, settled=is_settled, page=page)
        return ReviewList(
            reviews=tuple(reviews),
            is_settled=is_settled,
            cause=cause,
            source_slug=source_slug,
            count=count,
            page=page,
            pages=pages,
            counts=tuple(counts),
        )
