"""Writes to policies."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.consent.models import Policy
from aggregator.consent.terms import BasePolicy
from aggregator.mpi.models import Person


def set_policy(*, person_id: UUID, base: BasePolicy, note: str, user_id: UUID | None, now: datetime) -> bool:
    """End the person's policy in force and record a new one; return False when it already said so.

    Must run in a transaction: the person's row is locked, so that two administrators cannot cross.
    """
    Person.objects.select_for_update().get(id=person_id)
    live = Policy.objects.filter(person_id=person_id, ended_at__isnull=True).first()
    current = BasePolicy(live.base) if live else BasePolicy.PERMIT
    if current is base:
        return False
    if live:
        live.ended_at, live.ended_by = now, user_id
        live.save(update_fields=["ended_at", "ended_by"])
    Policy.objects.create(person_id=person_id, base=base, note=note, recorded_by=user_id, recorded_at=now)
    return True
