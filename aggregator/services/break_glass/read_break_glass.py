"""Read one case of emergency access, or of a claim, to review it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.services.break_glass.cases import ReviewCase, case_of, find_access


def read_break_glass(*, requester: Requester, access_id: UUID, now: datetime) -> ReviewCase:
    """Return a case.

    Raises: NotPermitted; NotFound, also for one of another organisation.
    """
    with acting(requester, Action.READ_BREAK_GLASS, needs=Permission.REVIEW_BREAK_GLASS) as act:
        act.note(case=access_id)
        access = find_access(requester=requester, access_id=access_id)
        case = case_of(access=access, requester=requester, now=now) if access else None
        if case is None:
            raise NotFound
        act.about(person_id=case.person.person_id)
        return case
