"""Reads of relationships, as the values that the decision takes."""

from __future__ import annotations

from uuid import UUID

from aggregator.relationships.models import Relationship
from aggregator.relationships.terms import RelationshipKind, RelationshipTerms


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
