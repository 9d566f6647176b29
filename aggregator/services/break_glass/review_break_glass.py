"""Give a verdict on a case of emergency access, or of a claim. What is found not appropriate ends at once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.break_glass.operations import record_review
from aggregator.break_glass.terms import OfficerVerdict, ReviewedKind
from aggregator.errors import Invalid, NotFound, NotPermitted, Superseded
from aggregator.limits import checked_note
from aggregator.services.break_glass.cases import find_access, is_own_case

ENDS = {ReviewedKind.BREAK_GLASS: Ends.BREAK_GLASS, ReviewedKind.SELF_CLAIM: Ends.RELATIONSHIP}


def review_break_glass(*, requester: Requester, access_id: UUID, verdict: str, note: str, now: datetime) -> None:
    """Record a verdict and what the officer found.

    Raises: NotPermitted, also for the requester's own case; NotFound, also for one of another organisation; Superseded
    for one that has been closed; Invalid naming the input.
    """
    with acting(requester, Action.REVIEW_BREAK_GLASS, needs=Permission.REVIEW_BREAK_GLASS) as act:
        act.note(case=access_id)
        access = find_access(requester=requester, access_id=access_id)
        if access is None:
            raise NotFound
        act.about(person_id=access.person_id)
        if is_own_case(access=access, requester=requester, now=now):
            raise NotPermitted(
                "Nobody reviews what they did themselves.", code="own-case", advice="Ask another privacy officer."
            )
        if verdict not in set(OfficerVerdict):
            raise Invalid("Select your verdict", code="verdict", field="verdict")
        words = checked_note(text=note, ask="Enter what you found", field="note")
        given = OfficerVerdict(verdict)
        act.note(verdict=given)
        act.begin()
        if not record_review(of=access, verdict=given, note=words, reviewed_by=requester.user_id, now=now):
            raise Superseded("This case has been closed by another officer.")
        if given is OfficerVerdict.NOT_APPROPRIATE and now < access.ends_at:
            end = End(kind=ENDS[access.kind], of_id=access.id, ends_at=now, reason="Found not appropriate.")
            act.ends(end=end, is_whole_act=False)
