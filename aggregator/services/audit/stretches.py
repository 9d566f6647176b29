"""When what was done with somebody else's record was done with a person's, too: a record of theirs was linked there."""

from __future__ import annotations

from uuid import UUID

from aggregator.audit.looked_for import Stretch
from aggregator.mpi.queries import linked_before


def stretches_of(*, person_id: UUID) -> tuple[Stretch, ...]:
    """Return the times in which a record of a person was linked to somebody else, and to whom."""
    return tuple(
        Stretch(person_id=other_id, from_at=from_at, until_at=until_at)
        for other_id, from_at, until_at in linked_before(person_id=person_id)
    )
