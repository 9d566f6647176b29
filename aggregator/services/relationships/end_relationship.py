"""End a relationship, at once or after a last day. From then on nobody sees the record by it, open pages included."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import acts_for
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound, Superseded
from aggregator.limits import checked_note
from aggregator.relationships.queries import relationship_with
from aggregator.relationships.terms import end_at


def end_relationship(
    *, requester: Requester, relationship_id: UUID, last_day: date | None, reason: str, now: datetime
) -> None:
    """End a relationship; `last_day` None: at once.

    Raises: NotPermitted; NotFound, also for one of another organisation or of a care team; Superseded when it has been
    ended already; Invalid naming the input.
    """
    with acting(requester, Action.END_RELATIONSHIP, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.note(relationship=relationship_id)
        with_person = relationship_with(relationship_id=relationship_id)
        if with_person is None or not acts_for(requester=requester, organisation_id=with_person.terms.organisation_id):
            raise NotFound
        act.about(person_id=with_person.person_id)
        act.note(kind=with_person.terms.kind)
        if with_person.terms.ends_at is not None and with_person.terms.ends_at <= now:
            raise Superseded("This has been ended already.")
        ends_at = end_at(last_day=last_day, now=now)
        note = checked_note(text=reason, ask="Enter why it ends", field="reason")
        act.ends(end=End(kind=Ends.RELATIONSHIP, of_id=relationship_id, ends_at=ends_at, reason=note))
