"""List who is recorded as caring for a person, now and before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.errors import NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary
from aggregator.relationships.listing import RecordedRelationship, RelationshipState
from aggregator.relationships.queries import recorded_relationships


@dataclass(frozen=True, kw_only=True)
class PersonRelationships:
    """`is_whole`: those of every organisation; otherwise only of the requester's own."""

    person: PersonSummary
    relationships: tuple[RecordedRelationship, ...]
    is_whole: bool


def list_relationships(*, requester: Requester, person_id: UUID, now: datetime) -> PersonRelationships:
    """Return the relationships with a person that the requester may know of: current ones first, then the latest.

    Raises: NotPermitted; NotFound.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.LIST_RELATIONSHIPS, needs=Permission.MANAGE_RELATIONSHIPS, about=about) as act:
        organisation_id = organisation_in_sight(requester=requester)
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        recorded = recorded_relationships(person_id=person_id, organisation_id=organisation_id, now=now)
        relationships = sorted(recorded, key=lambda each: each.state is not RelationshipState.CURRENT)
        act.note(relationships=len(relationships))
        return PersonRelationships(person=person, relationships=tuple(relationships), is_whole=organisation_id is None)
