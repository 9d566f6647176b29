"""Writes to policies and relationships."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from aggregator.consent.models import Policy, Relationship
from aggregator.consent.terms import BasePolicy, PolicyTerms, RelationshipKind
from aggregator.consent.written_terms import write_terms
from aggregator.mpi.models import Person, SourceRecord
from aggregator.sources.models import Source


@dataclass(frozen=True, kw_only=True)
class RelationshipLine:
    """One relationship of a source's own organisation with a person, by the source's identifier."""

    identifier_value: str
    kind: RelationshipKind
    from_date: date
    until_date: date | None


def lock_person(*, person_id: UUID) -> None:
    """Have this transaction alone change what a person has decided, so that two administrators cannot cross."""
    Person.objects.select_for_update(of=("self",)).get(id=person_id)


def lock_people(*, person_ids: Collection[UUID]) -> None:
    """Lock several people, in one order, so that two loads cannot wait for each other."""
    list(Person.objects.select_for_update(of=("self",)).filter(id__in=person_ids).order_by("id").values_list("id"))


def write_objections(*, notes: Mapping[UUID, str], load_id: UUID, user_id: UUID | None, now: datetime) -> None:
    """Record that each of these people objects to the shared record as a whole, with how they said so."""
    Policy.objects.bulk_create(
        Policy(
            person_id=person_id,
            base=BasePolicy.DENY,
            note=note,
            recorded_by=user_id,
            recorded_at=now,
            load_id=load_id,
        )
        for person_id, note in notes.items()
    )


def write_policy(
    *,
    person_id: UUID,
    terms: PolicyTerms,
    note: str,
    user_id: UUID | None,
    now: datetime,
    replaces_id: UUID | None = None,
    sent: dict[str, Any] | None = None,
) -> UUID:
    """Record a decision of a person, beside those that are in force; return its id."""
    return Policy.objects.create(
        person_id=person_id,
        base=terms.base,
        written=write_terms(terms=terms),
        note=note,
        recorded_by=user_id,
        recorded_at=now,
        replaces_id=replaces_id,
        sent=sent,
    ).id


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
