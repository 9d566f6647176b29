"""Say whom somebody is about to claim as their patient, and what that entails, before they do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.errors import NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary
from aggregator.relationships.queries import relationships_of
from aggregator.relationships.terms import is_current


@dataclass(frozen=True, kw_only=True)
class ClaimTerms:
    """`is_needed`: the patient is not recorded as in the requester's care already."""

    person: PersonSummary
    hours: int
    is_needed: bool


def prepare_claim(*, requester: Requester, person_id: UUID, now: datetime) -> ClaimTerms:
    """Return whom a claim would be about, and for how long it would stand.

    Raises: NotPermitted; NotFound.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.PREPARE_CLAIM, needs=Permission.CLAIM_RELATIONSHIP, about=about) as act:
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        standing = relationships_of(
            person_id=person_id, organisation_id=requester.organisation_id, user_id=requester.user_id
        )
        return ClaimTerms(
            person=person,
            hours=settings.SELF_CLAIM_HOURS,
            is_needed=not any(is_current(relationship=terms, now=now) for terms in standing),
        )
