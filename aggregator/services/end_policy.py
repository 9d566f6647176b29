"""Withdraw one decision of a person about sharing. It takes effect at once, for open records too."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.consent import operations, queries
from aggregator.errors import Invalid, NotFound, Superseded
from aggregator.limits import MAX_NOTE_LENGTH
from aggregator.mpi.queries import remaining


def end_policy(*, requester: Requester, policy_id: UUID, note: str, now: datetime) -> None:
    """Withdraw a decision; `note` says how and when the patient said so.

    Raises: NotPermitted; NotFound; Invalid when the note is empty or too long; Superseded when it has ended already.
    """
    with acting(requester, Action.END_POLICY, needs=Permission.MANAGE_CONSENT, detail={"policy": policy_id}) as act:
        policy = queries.policy(policy_id=policy_id, now=now)
        if policy is None:
            raise NotFound
        act.about(person_id=remaining(person_id=policy.person_id))
        if not note.strip() or len(note) > MAX_NOTE_LENGTH:
            raise Invalid(
                f"Enter how and when the patient told you, in {MAX_NOTE_LENGTH:,} characters or fewer.",
                code="note",
                field="note",
            )
        act.begin()
        operations.lock_person(person_id=policy.person_id)
        if (current := queries.policy(policy_id=policy_id, now=now)) is None or current.is_over(now):
            raise Superseded("Somebody has changed or withdrawn this decision since you looked at it.")
        act.ends(end=End(kind=Ends.POLICY, of_id=policy_id, ends_at=now, reason=note.strip()))
