"""List the cases that wait for a privacy officer, or those that have been closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.services.break_glass.cases import ReviewCase, accesses, case_of

CASES_PER_PAGE = 20


@dataclass(frozen=True, kw_only=True)
class CaseList:
    """One page of the queue, the oldest first, or of what has been closed, the latest first; of `count` in all."""

    cases: tuple[ReviewCase, ...]
    is_closed: bool
    count: int
    page: int
    pages: int


def list_break_glass(*, requester: Requester, is_closed: bool, now: datetime, page: int = 1) -> CaseList:
    """Return cases of the requester's organisation; of all, for who may act for any.

    Raises: NotPermitted; NotFound for a page that there is not.
    """
    with acting(requester, Action.LIST_BREAK_GLASS, needs=Permission.REVIEW_BREAK_GLASS) as act:
        listed = accesses(requester=requester, is_closed=is_closed)
        pages = max(1, -(-len(listed) // CASES_PER_PAGE))
        if not 1 <= page <= pages:
            raise NotFound
        on_page = listed[(page - 1) * CASES_PER_PAGE : page * CASES_PER_PAGE]
        cases = [case_of(access=access, requester=requester, now=now) for access in on_page]
        act.about_people(person_ids=[access.person_id for access in on_page])
        act.note(cases=len(listed), closed=is_closed, page=page)
        return CaseList(
            cases=tuple(case for case in cases if case is not None),
            is_closed=is_closed,
            count=len(listed),
            page=page,
            pages=pages,
        )
