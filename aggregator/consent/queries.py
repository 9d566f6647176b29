"""Reads of policies, and the decision from what is on record."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.consent import decision
from aggregator.consent.decision import Decision
from aggregator.consent.models import Policy
from aggregator.consent.terms import BasePolicy, PolicyEvent, PolicyTerms
from aggregator.relationships.queries import relationships_of
from aggregator.relationships.terms import RelationshipKind, RelationshipTerms, london_day


def decide(*, requester: Requester, permission: Permission, person_id: UUID, now: datetime) -> Decision:
    """Return the decision about one person for one requester, from what is on record now."""
    return decision.decide(
        requester=requester,
        permission=permission,
        policies=live_policies(person_id=person_id),
        relationships=relationships_of(
            person_id=person_id, organisation_id=requester.organisation_id, user_id=requester.user_id
        ),
        now=now,
    )


def decide_if_related(*, requester: Requester, permission: Permission, person_id: UUID, now: datetime) -> Decision:
    """Return what the gates would decide about one person if the requester's organisation cared for them now."""
    if requester.organisation_id is None:
        return Decision()
    related = RelationshipTerms(
        organisation_id=requester.organisation_id,
        kind=RelationshipKind.REGISTERED,
        from_date=london_day(now),
        until_date=None,
    )
    return decision.decide(
        requester=requester,
        permission=permission,
        policies=live_policies(person_id=person_id),
        relationships=[related],
        now=now,
    )


def live_policies(*, person_id: UUID) -> list[PolicyTerms]:
    """Return the person's policies in force."""
    rows = Policy.objects.filter(person_id=person_id, ended_at__isnull=True)
    return [PolicyTerms(base=BasePolicy(row.base)) for row in rows]


def policy_history(*, person_id: UUID) -> list[PolicyEvent]:
    """Return every decision of the person on record, newest first."""
    rows = Policy.objects.filter(person_id=person_id).order_by("-recorded_at")
    return [
        PolicyEvent(base=BasePolicy(row.base), note=row.note, recorded_at=row.recorded_at, ended_at=row.ended_at)
        for row in rows
    ]
