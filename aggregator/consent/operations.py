"""Writes to policies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from aggregator.consent.models import Policy
from aggregator.consent.terms import BasePolicy, PolicyTerms
from aggregator.consent.written_terms import write_terms
from aggregator.mpi.models import Person


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
