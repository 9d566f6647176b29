"""Reads of policies and relationships, as the values that the decision takes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.consent import decision
from aggregator.consent.decision import Decision
from aggregator.consent.models import Policy, Relationship
from aggregator.consent.terms import BasePolicy, PolicyEvent, PolicyTerms, RelationshipKind, RelationshipTerms


def decide(*, requester: Requester, permission: Permission, person_id: UUID, now: datetime) -> Decision:
    """Return the decision about one person for one requester, from what is on record now."""
    return decision.decide(
        requester=requester,
        permission=permission,
        policies=live_policies(person_id=person_id),
        relationships=relationships_of(person_id=person_id, organisation_id=requester.organisation_id),
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


def relationships_of(*, person_id: UUID, organisation_id: UUID | None) -> list[RelationshipTerms]:
    """Return the relationships between an organisation and a person, by the person's live links."""
    if organisation_id is None:
        return []
    rows = Relationship.objects.filter(
        source_record__links__person_id=person_id,
        source_record__links__ended_at__isnull=True,
        organisation_id=organisation_id,
    ).distinct()
    return [
        RelationshipTerms(
            organisation_id=row.organisation_id,
            kind=RelationshipKind(row.kind),
            from_date=row.from_date,
            until_date=row.until_date,
        )
        for row in rows
    ]
