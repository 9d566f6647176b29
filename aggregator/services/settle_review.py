"""Settle a doubt about identity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid, NotFound, Superseded
from aggregator.limits import MAX_NOTE_LENGTH
from aggregator.mpi import queries, settling
from aggregator.mpi.reviews import (
    Decision,
    ReviewSides,
    acceptable_fields,
    decisions_for,
    is_about_the_linked_person,
)
from aggregator.services.carried_decisions import carry_over


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

    `seen` is the state that the user saw (`read_review`); if it has changed since, nothing is done. A record that
    becomes a person of its own keeps what the person whom it leaves has decided about sharing. Where two people are
    joined, what either has decided holds (`consent.queries.halves_of`), and there is an event about each.
    Raises: NotPermitted; NotFound; Invalid for a decision, field or note that cannot be used, or two people who may not
    be joined; Superseded when the doubt is no longer what it was.
    """
    with acting(requester, Action.SETTLE_REVIEW, needs=Permission.REVIEW_LINKS, detail={"review": review_id}) as act:
        sides = queries.review_sides(review_id=review_id)
        if sides is None:
            raise NotFound
        act.about(person_id=sides.summary.person_id)
        chosen = _checked(sides=sides, decision=decision, fields=fields, note=note)
        accepted = sorted(set(fields))
        act.begin()
        settled = settling.settle(
            review_id=review_id,
            decision=chosen,
            fields=accepted,
            note=note.strip(),
            user_id=requester.user_id,
            seen=seen,
            now=now,
        )
        if settled.new_person_id is not None and settled.left_person_id is not None:
            carry_over(
                from_person=settled.left_person_id, to_person=settled.new_person_id, user_id=requester.user_id, now=now
            )
        if settled.person_ids:
            joined_id, kept_id = settled.person_ids
            act.about_people(person_ids=settled.person_ids)
            act.note(joined=joined_id, to=kept_id)
        act.note(
            record=settled.source_record_id,
            cause=settled.cause,
            decision=settled.decision,
            fields=accepted,
            new_person=settled.new_person_id,
        )


def _checked(*, sides: ReviewSides, decision: str, fields: Sequence[str], note: str) -> Decision:
    if sides.summary.settled_at is not None:
        raise Superseded("This doubt has already been settled.")
    cause, is_still_linked = sides.summary.cause, sides.linked_person_id == sides.summary.person_id
    # If another decision has since made this one impossible, that is not the user's mistake: they are told so.
    is_still_linked = is_still_linked and is_about_the_linked_person(cause=cause)
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
        words = f"Name one or more of: {', '.join(acceptable)}." if acceptable else "No field can be accepted."
        raise Invalid(words, code="fields", field="fields")
    if chosen is not Decision.ACCEPT_FIELDS and fields:
        raise Invalid("Select details only if you accept that they differ.", code="fields", field="fields")
    if not note.strip() or len(note) > MAX_NOTE_LENGTH:
        raise Invalid(
            f"Enter the reason for your decision, in {MAX_NOTE_LENGTH:,} characters or fewer.",
            code="note",
            field="note",
        )
    return chosen
