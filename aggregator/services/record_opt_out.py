"""Record that a person objects to sharing, or no longer does. It takes effect at once, for open records too."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent import operations, queries
from aggregator.consent.policies import shares_with_most
from aggregator.consent.terms import BasePolicy, PolicyTerms
from aggregator.errors import Invalid, NotFound
from aggregator.limits import MAX_NOTE_LENGTH
from aggregator.mpi.queries import person_summary
from aggregator.services.policy_lines import lock_person

REPLACED = "Another decision took its place."


def record_opt_out(*, requester: Requester, person_id: UUID, opted_out: bool, note: str, now: datetime) -> bool:
    """Record the person's decision about the whole record; return False when it was already recorded.

    What they have decided about parts of it stays in force beside it.
    Raises: NotPermitted; NotFound; Invalid when the note is empty or too long; Superseded when no source holds the
    person any more.
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
        lock_person(person_id=person_id)
        policies = queries.decisions_of(person_id=person_id, now=now)
        halves = queries.halves_of(person_id=person_id, policies=policies)
        own, *joined = ([policy.terms for policy in half] for half in halves)
        whole = [policy for policy in policies if not policy.is_over(now) and policy.terms.is_about_everything]
        objections = [policy for policy in whole if policy.terms.base is BasePolicy.DENY]
        is_shared = shares_with_most(policies=own, joined=joined, now=now)
        changed = not objections if opted_out else bool(objections) or not is_shared
        act.note(base=base, changed=changed)
        if changed:
            operations.write_policy(
                person_id=person_id,
                terms=PolicyTerms(base=base),
                note=note.strip(),
                user_id=requester.user_id,
                now=now,
            )
            for policy in whole:
                act.ends(end=End(kind=Ends.POLICY, of_id=policy.policy_id, ends_at=now, reason=REPLACED))
        return changed
