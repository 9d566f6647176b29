"""Change how, or from when until when, an organisation cares for a person: end what is recorded and record it anew."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import acts_for
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid, NotFound, Superseded
from aggregator.limits import checked_note
from aggregator.relationships import operations
from aggregator.relationships.queries import relationship_with
from aggregator.relationships.terms import OF_ORGANISATIONS, RelationshipKind, check_days


def change_relationship(
    *,
    requester: Requester,
    relationship_id: UUID,
    kind: str,
    from_date: date,
    until_date: date | None,
    reason: str,
    now: datetime,
) -> UUID:
    """End a relationship at once and record another in its place; return the id of that.

    Raises: NotPermitted; NotFound, also for one of another organisation, of a care team or that a user has claimed;
    Superseded when it has been ended already; Invalid naming the input.
    """
    with acting(requester, Action.CHANGE_RELATIONSHIP, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.note(relationship=relationship_id)
        before = relationship_with(relationship_id=relationship_id)
        if (
            before is None
            or before.terms.kind not in OF_ORGANISATIONS
            or not acts_for(requester=requester, organisation_id=before.terms.organisation_id)
        ):
            raise NotFound
        act.about(person_id=before.person_id)
        if before.terms.ends_at is not None and before.terms.ends_at <= now:
            raise Superseded("This has been ended already.")
        if kind not in OF_ORGANISATIONS:
            raise Invalid("Select how the organisation cares for the patient.", field="kind")
        check_days(from_date=from_date, until_date=until_date)
        if (kind, from_date, until_date) == (before.terms.kind, before.terms.from_date, before.terms.until_date):
            raise Invalid("Nothing has been changed.", field="kind")
        note = checked_note(text=reason, ask="Enter why it changes", field="reason")
        act.begin()
        changed_id = operations.record_relationship(
            person_id=before.person_id,
            organisation_id=before.terms.organisation_id,
            kind=RelationshipKind(kind),
            from_date=from_date,
            until_date=until_date,
            reason=note,
            recorded_by=requester.user_id,
            now=now,
        )
        act.note(recorded=changed_id, kind=kind)
        act.ends(end=End(kind=Ends.RELATIONSHIP, of_id=relationship_id, ends_at=now, reason=note))
        return changed_id
