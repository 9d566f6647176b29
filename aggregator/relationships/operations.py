"""Writes to relationships."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from aggregator.mpi.models import SourceRecord
from aggregator.relationships.models import Relationship
from aggregator.relationships.terms import RelationshipKind
from aggregator.sources.models import Source


@dataclass(frozen=True, kw_only=True)
class RelationshipLine:
    """One relationship of a source's own organisation with a person, by the source's identifier."""

    identifier_value: str
    kind: RelationshipKind
    from_date: date
    until_date: date | None


def load_relationships(*, source: Source, lines: Iterable[RelationshipLine]) -> int:
    """Record the relationships of a source's organisation.

    Return how many lines could not be recorded, because the index holds no such person for that source.
    """
    lines = list(lines)
    records = dict(
        SourceRecord.objects.filter(
            source=source, identifier_value__in={line.identifier_value for line in lines}
        ).values_list("identifier_value", "id")
    )
    known = [line for line in lines if line.identifier_value in records]
    # Two attendances that began on the same day are one relationship, which lasts as long as the longer.
    longest = {(line.identifier_value, line.kind, line.from_date): line for line in sorted(known, key=_until)}
    Relationship.objects.bulk_create(
        [
            Relationship(
                source_record_id=records[line.identifier_value],
                organisation_id=source.organisation_id,
                kind=line.kind,
                from_date=line.from_date,
                until_date=line.until_date,
            )
            for line in longest.values()
        ],
        update_conflicts=True,
        unique_fields=["source_record", "organisation", "kind", "from_date"],
        update_fields=["until_date"],
        batch_size=500,
    )
    return len(lines) - len(known)


def _until(line: RelationshipLine) -> date:
    return line.until_date or date.max
