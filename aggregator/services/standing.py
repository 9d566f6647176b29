"""What the showing of a record stands on: whose records are linked to the person, and what they have decided.

A page that stays open asks whether that is still as it was; if not, what is on the screen may no longer be shown.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.utils.crypto import salted_hmac

from aggregator.consent.decision import Decision
from aggregator.errors import Superseded
from aggregator.mpi.queries import HeldBy, joined_into

MARK_LENGTH = 32


def check_is_whole(*, opened_for: UUID, person_id: UUID, opened_at: datetime) -> None:
    """Check that a record that was opened for somebody is not a half of what is one person's by now, `person_id`'s.

    Raises: Superseded, whichever of the two it was opened for: not all sources of both were asked.
    """
    if opened_for != person_id or any(join.at > opened_at for join in joined_into(person_id=person_id)):
        raise _there_is_more()


def check_none_came(*, asked: Collection[UUID], linked: Iterable[UUID], decision: Decision) -> None:
    """Check that no source has come to hold the person (`linked`) since a record was opened that did not ask it.

    What becomes of a link at a source that may not be known to hold the person is not felt.
    Raises: Superseded.
    """
    if any(source_id not in asked and decision.may_ask(source_id=source_id) for source_id in linked):
        raise _there_is_more()


def _there_is_more() -> Superseded:
    return Superseded(
        "The records of this patient have been joined with others of theirs since you opened this. Find the "
        "patient again, and open the record anew: there is more than what you saw.",
        code="joined",
    )


def linked_records(*, held: Iterable[HeldBy]) -> Mapping[UUID, Collection[UUID]]:
    """Return the source records of a person's links, by source."""
    linked: dict[UUID, set[UUID]] = {}
    for holding in held:
        linked.setdefault(holding.source_id, set()).add(holding.source_record_id)
    return linked


def mark_of(*, linked: Mapping[UUID, Collection[UUID]], decision: Decision) -> str:
    """Return a mark that is another when links, or the decisions that hold now, are others. It reveals neither.

    What becomes of a link at a source that may not be known to hold the person is not felt.
    """
    known = [records for source_id, records in linked.items() if decision.may_ask(source_id=source_id)]
    records = sorted(str(record_id) for of_source in known for record_id in of_source)
    value = json.dumps([records, decision.standing])
    return salted_hmac("longview.standing", value, algorithm="sha256").hexdigest()[:MARK_LENGTH]
