"""Claim that a patient is in one's care, with a reason, for a limited time. A privacy officer reviews every claim.

It opens the gate of relationships for this user, where they act now, and no other gate.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.alerts.raising import raise_alert
from aggregator.alerts.terms import AlertKind
from aggregator.audit.events import Action, Subject
from aggregator.errors import Invalid, NotFound, NotPermitted
from aggregator.limits import checked_note
from aggregator.mpi.queries import person_summary
from aggregator.relationships import operations
from aggregator.relationships.queries import relationships_of
from aggregator.relationships.terms import RelationshipKind, is_current, london_day


def claim_relationship(*, requester: Requester, person_id: UUID, reason: str, now: datetime) -> UUID:
    """Record a claim; return its id, or that of the requester's claim that still stands.

    Raises: NotPermitted, also for whoever is no user of an organisation or asks for another purpose than treatment;
    NotFound; Invalid when there is no reason, or no need to claim.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.CLAIM_RELATIONSHIP, needs=Permission.CLAIM_RELATIONSHIP, about=about) as act:
        if requester.user_id is None or requester.organisation_id is None:
            raise NotPermitted("Only a user who acts for an organisation can have a patient in their care.")
        if requester.purpose is not PurposeOfUse.TREATMENT:
            raise NotPermitted("A patient can be in your care for treatment only.")
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        note = checked_note(text=reason, ask="Enter why this patient is in your care", field="reason")
        standing = relationships_of(
            person_id=person_id, organisation_id=requester.organisation_id, user_id=requester.user_id
        )
        current = [terms.kind for terms in standing if is_current(relationship=terms, now=now)]
        if current and RelationshipKind.SELF_CLAIMED not in current:
            raise Invalid("This patient is recorded as in your care already: open the record.", field="reason")
        act.begin()
        expires_at = now + timedelta(hours=settings.SELF_CLAIM_HOURS)
        claim_id = operations.claim_relationship(
            person_id=person_id,
            organisation_id=requester.organisation_id,
            user_id=requester.user_id,
            reason=note,
            from_date=london_day(now),
            expires_at=expires_at,
            now=now,
        )
        raise_alert(kind=AlertKind.SELF_CLAIM, subject_id=claim_id, organisation_id=requester.organisation_id, now=now)
        act.note(relationship=claim_id, expires_at=expires_at.isoformat(), for_review=True)
        return claim_id
