"""Record that a person objects to sharing, or no longer does. It takes effect at once, for open records too."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent import operations
from aggregator.consent.terms import BasePolicy
from aggregator.errors import Invalid, NotFound
from aggregator.limits import MAX_NOTE_LENGTH
from aggregator.mpi.queries import person_summary


def record_opt_out(*, requester: Requester, person_id: UUID, opted_out: bool, note: str, now: datetime) -> bool:
    """Record the person's decision; return False when it was already recorded.

    Raises: NotPermitted; NotFound; Invalid when the note is empty or too long.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.RECORD_OPT_OUT, needs=Permission.MANAGE_CONSENT, about=about) as act:
        if person_summary(person_id=person_id) is None:
            raise NotFound
        if not note.strip() or len(note) > MAX_NOTE_LENGTH:
            raise Invalid(
                f"Enter how and when the patient told you, in {MAX_NOTE_LENGTH:,} characters or fewer.",
                code="note",
                field="note",
            )
        base = BasePolicy.DENY if opted_out else BasePolicy.PERMIT
        act.begin()
        changed = operations.set_policy(
            person_id=person_id, base=base, note=note.strip(), user_id=requester.user_id, now=now
        )
        act.note(base=base, changed=changed)
        return changed
