"""Record that a person objects to sharing, or no longer does. Counts at once, for showings under way too."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.audit import trail
from aggregator.consent import operations
from aggregator.consent.decision import BasePolicy
from aggregator.errors import Invalid, NotFound, NotPermitted
from aggregator.mpi.queries import person_summary

ACTION = "record-opt-out"
MAX_NOTE_LENGTH = 2000


def record_opt_out(*, requester: Requester, person_id: UUID, opted_out: bool, note: str, now: datetime) -> bool:
    """Record the person's decision; return False when it was on record already.

    Raises: NotPermitted; NotFound; Invalid when the note says nothing of how the decision was made known.
    """
    if not requester.may(Permission.MANAGE_CONSENT):
        raise trail.refuse(
            requester=requester, action=ACTION, error=NotPermitted("You may not record consent."), person_id=person_id
        )
    if person_summary(person_id=person_id) is None:
        raise trail.refuse(requester=requester, action=ACTION, error=NotFound())
    if not note.strip() or len(note) > MAX_NOTE_LENGTH:
        error = Invalid(
            "Say how and when the patient made this known, in up to 2,000 characters.", code="note", field="note"
        )
        raise trail.refuse(requester=requester, action=ACTION, error=error, person_id=person_id, outcome=trail.FAILED)
    base = BasePolicy.DENY if opted_out else BasePolicy.PERMIT
    with transaction.atomic():
        changed = operations.set_policy(
            person_id=person_id, base=base, note=note.strip(), user_id=requester.user_id, now=now
        )
        trail.append(requester=requester, action=ACTION, person_id=person_id, detail={"base": base, "changed": changed})
    return changed
