"""Record that an organisation cares for a person. It gives everybody who may see records there access to this one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_to_act_for
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.errors import Invalid, NotFound
from aggregator.limits import checked_note
from aggregator.mpi.queries import person_summary
from aggregator.relationships import operations
from aggregator.relationships.terms import OF_ORGANISATIONS, RelationshipKind, check_days


@dataclass(frozen=True, kw_only=True)
class NewRelationship:
    """`organisation_ods` "": the requester's own organisation. `until_date` is the last day; None: open."""

    person_id: UUID
    kind: str
    from_date: date
    until_date: date | None = None
    reason: str
    organisation_ods: str = ""


def record_relationship(*, requester: Requester, new: NewRelationship, now: datetime) -> UUID:
    """Record a relationship, or return the id of the one that says the same.

    Raises: NotPermitted; NotFound when there is no such person; Invalid naming the input.
    """
    about = Subject(person_id=new.person_id)
    with acting(requester, Action.RECORD_RELATIONSHIP, needs=Permission.MANAGE_RELATIONSHIPS, about=about) as act:
        organisation = organisation_to_act_for(requester=requester, ods_code=new.organisation_ods)
        if person_summary(person_id=new.person_id) is None:
            raise NotFound
        if new.kind not in OF_ORGANISATIONS:
            raise Invalid("Select how the organisation cares for the patient.", field="kind")
        check_days(from_date=new.from_date, until_date=new.until_date)
        reason = checked_note(text=new.reason, ask="Enter how you know", field="reason")
        act.begin()
        relationship_id = operations.record_relationship(
            person_id=new.person_id,
            organisation_id=organisation.id,
            kind=RelationshipKind(new.kind),
            from_date=new.from_date,
            until_date=new.until_date,
            reason=reason,
            recorded_by=requester.user_id,
            now=now,
        )
        act.note(relationship=relationship_id, kind=new.kind, for_organisation=organisation.ods_code)
        return relationship_id
