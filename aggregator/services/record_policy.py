"""Record what a person has decided about sharing their record. It takes effect at once, for open records too."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent import operations, queries
from aggregator.consent.terms import PolicyTerms
from aggregator.errors import Invalid, NotFound, Superseded
from aggregator.limits import MAX_NOTE_LENGTH
from aggregator.mpi.queries import person_summary, remaining
from aggregator.services.policy_lines import checked, lock_person

CHANGED = "Changed: another decision was recorded in its place."


def record_policy(
    *,
    requester: Requester,
    person_id: UUID,
    terms: PolicyTerms,
    note: str,
    replaces_id: UUID | None = None,
    sent: dict[str, Any] | None = None,
    now: datetime,
) -> UUID:
    """Record a decision beside those in force, or in the place of one of them, as one act; return its id.

    `note` says how and when the patient said so; `sent` is the FHIR Consent that it came as.
    Raises: NotPermitted; NotFound; Invalid for a policy or a note that makes no sense, with the place at fault;
    Superseded when what it replaces has ended already, or no source holds the person any more.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.RECORD_POLICY, needs=Permission.MANAGE_CONSENT, about=about) as act:
        if person_summary(person_id=person_id) is None:
            raise NotFound
        if not note.strip() or len(note) > MAX_NOTE_LENGTH:
            raise Invalid(
                f"Enter how and when the patient told you, in {MAX_NOTE_LENGTH:,} characters or fewer.",
                code="note",
                field="note",
            )
        terms = checked(terms=terms, now=now)
        act.begin()
        lock_person(person_id=person_id)
        if replaces_id is not None:
            replaced = queries.policy(policy_id=replaces_id, now=now)
            if replaced is None or remaining(person_id=replaced.person_id) != person_id:
                raise NotFound
            if replaced.is_over(now):
                raise Superseded("Somebody has changed or withdrawn this decision since you looked at it.")
        policy_id = operations.write_policy(
            person_id=person_id,
            terms=terms,
            note=note.strip(),
            user_id=requester.user_id,
            now=now,
            replaces_id=replaces_id,
            sent=sent,
        )
        act.note(policy=policy_id, base=terms.base, exceptions=len(terms.exceptions))
        if replaces_id is not None:
            act.ends(end=End(kind=Ends.POLICY, of_id=replaces_id, ends_at=now, reason=CHANGED))
        return policy_id
