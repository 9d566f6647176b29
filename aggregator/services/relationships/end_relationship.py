"""End a relationship, at once or after a last day. From then on nobody sees the record by it, open pages included."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.authority import may_act_for
from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound, Superseded
from aggregator.limits import checked_note
from aggregator.relationships.operations import is_ended_under_lock
from aggregator.relationships.queries import relationship_with
from aggregator.relationships.terms import end_at

_ENDED_ALREADY = "This has been ended already."


def end_relationship(
    *, requester: Requester, relationship_id: UUID, last_day: date | None, reason: str, now: datetime
) -> None:
    """End a relationship; `last_day` None: at once.

    Raises: NotPermitted; NotFound, also for one of another organisation or of a care team; Superseded when it has been
    ended already; Invalid naming the input.
    """
    with acting(requester, Action.END_RELATIONSHIP, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.note(relationship=relationship_id)
        ending = relationship_with(relationship_id=relationship_id)
        if ending is None or not may_act_for(requester=requester, organisation_id=ending.terms.organisation_id):
            raise NotFound
        act.about(person_id=ending.person_id)
        act.note(kind=ending.terms.kind)
        if ending.terms.ends_at is not None and ending.terms.ends_at <= now:
            raise Superseded(_ENDED_ALREADY)
        ends_at = end_at(last_day=last_day, now=now)
        note = checked_note(text=reason, ask="Enter why it ends", field="reason")
        act.begin()
        # A change that is confirmed at this moment puts another in its place, which would go on unnoticed.
        if is_ended_under_lock(relationship_id=relationship_id, person_id=ending.person_id, now=now):
            raise Superseded(_ENDED_ALREADY)
        act.ends(end=End(kind=Ends.RELATIONSHIP, of_id=relationship_id, ends_at=ends_at, reason=note))
