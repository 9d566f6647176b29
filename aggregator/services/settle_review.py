"""Settle a doubt about identity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.audit import trail
from aggregator.consent import operations as consent_operations
from aggregator.consent import queries as consent_queries
from aggregator.consent.decision import BasePolicy
from aggregator.errors import Clash, Invalid, LongviewError, NotFound, NotPermitted
from aggregator.mpi import queries, settling
from aggregator.mpi.queries import ReviewSides
from aggregator.mpi.reviews import Decision as Decision
from aggregator.mpi.reviews import acceptable_fields, decisions_for

ACTION = "settle-review"
MAX_NOTE_LENGTH = 2000
CARRIED_OVER = "Carried over when a source's record was parted from the person who had objected."


def settle_review(
    *,
    requester: Requester,
    review_id: UUID,
    decision: str,
    fields: Sequence[str] = (),
    note: str,
    seen: str = "",
    now: datetime,
) -> None:
    """Settle an open doubt by one of the decisions that its cause allows; `fields` are those to accept.

    `seen` is the state that was looked at (`read_review`); where it has changed, nothing is done. A record that gets a
    person of its own keeps the objection to sharing of the person it leaves.
    Raises: NotPermitted; NotFound; Invalid for a decision, field or note that will not do; Clash when it has moved on.
    """
    if not requester.may(Permission.REVIEW_LINKS):
        error = NotPermitted("You may not settle doubts about identity.")
        raise trail.refuse(requester=requester, action=ACTION, error=error, detail={"review": review_id})
    sides = queries.review_sides(review_id=review_id)
    if sides is None:
        raise trail.refuse(requester=requester, action=ACTION, error=NotFound(), detail={"review": review_id})
    try:
        chosen = _checked(sides=sides, decision=decision, fields=fields, note=note)
        with transaction.atomic():
            _settle(requester=requester, sides=sides, chosen=chosen, fields=fields, note=note, seen=seen, now=now)
    except (Invalid, Clash) as error:
        raise _refused(requester=requester, sides=sides, error=error) from None


def _checked(*, sides: ReviewSides, decision: str, fields: Sequence[str], note: str) -> Decision:
    if sides.summary.settled_at is not None:
        raise Clash("This doubt is settled already.")
    cause, is_still_linked = sides.summary.cause, sides.linked_person_id == sides.summary.person_id
    # What another decision has made impossible meanwhile is no mistake of this decider: it is told as a clash.
    allowed = {
        *decisions_for(cause=cause, is_still_linked=True),
        *decisions_for(cause=cause, is_still_linked=is_still_linked),
    }
    if decision not in allowed:
        words = " or ".join(sorted(allowed))
        raise Invalid(f"This doubt can be settled by {words}.", code="decision", field="decision")
    chosen = Decision(decision)
    acceptable = acceptable_fields(evidence=sides.evidence)
    if chosen is Decision.ACCEPT_FIELDS and (not fields or not set(fields) <= set(acceptable)):
        words = f"Name one or more of: {', '.join(acceptable)}." if acceptable else "No field of it can be accepted."
        raise Invalid(words, code="fields", field="fields")
    if chosen is not Decision.ACCEPT_FIELDS and fields:
        raise Invalid("Fields are named only to accept them.", code="fields", field="fields")
    if not note.strip() or len(note) > MAX_NOTE_LENGTH:
        raise Invalid(f"Say why, in at most {MAX_NOTE_LENGTH} characters.", code="note", field="note")
    return chosen


def _settle(
    *,
    requester: Requester,
    sides: ReviewSides,
    chosen: Decision,
    fields: Sequence[str],
    note: str,
    seen: str,
    now: datetime,
) -> None:
    settled = settling.settle(
        review_id=sides.summary.review_id,
        decision=chosen,
        fields=sorted(set(fields)),
        note=note.strip(),
        user_id=requester.user_id,
        seen=seen,
        now=now,
    )
    if settled.new_person_id is not None and settled.left_person_id is not None:
        _carry_objection_over(
            from_person=settled.left_person_id, to_person=settled.new_person_id, user_id=requester.user_id, now=now
        )
    trail.append(
        requester=requester,
        action=ACTION,
        person_id=settled.person_id,
        detail={
            "review": sides.summary.review_id,
            "record": settled.source_record_id,
            "cause": settled.cause,
            "decision": settled.decision,
            "fields": sorted(set(fields)),
            "new_person": settled.new_person_id,
        },
    )


def _carry_objection_over(*, from_person: UUID, to_person: UUID, user_id: UUID | None, now: datetime) -> None:
    """Have the person made object where the one left does: whose objection it was, the doubt leaves open."""
    history = consent_queries.policy_history(person_id=from_person)
    if any(event.ended_at is None and event.base is BasePolicy.DENY for event in history):
        consent_operations.set_policy(
            person_id=to_person, base=BasePolicy.DENY, note=CARRIED_OVER, user_id=user_id, now=now
        )


def _refused(*, requester: Requester, sides: ReviewSides, error: LongviewError) -> LongviewError:
    return trail.refuse(
        requester=requester,
        action=ACTION,
        error=error,
        person_id=sides.summary.person_id,
        detail={"review": sides.summary.review_id},
        outcome=trail.FAILED,
    )
