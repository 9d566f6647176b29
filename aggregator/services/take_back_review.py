"""Take back how a doubt about identity was settled."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.mpi import queries, settling
from aggregator.services.carried_decisions import carry_back


def take_back_review(*, requester: Requester, review_id: UUID, now: datetime) -> None:
    """Undo the decision on a doubt, which is then open again. The decision stays on record, as ended.

    Whoever gets a record back gets what was decided about sharing it meanwhile. Where two people had been joined, each
    has again what was theirs, and there is an event about each.
    Raises: NotPermitted; NotFound; Superseded when it is not settled, or something later depends on it.
    """
    with acting(requester, Action.TAKE_BACK_REVIEW, needs=Permission.REVIEW_LINKS, detail={"review": review_id}) as act:
        summary = queries.review_summary(review_id=review_id)
        if summary is None:
            raise NotFound
        act.about(person_id=summary.person_id)
        act.begin()
        taken_back = settling.take_back(review_id=review_id, user_id=requester.user_id, now=now)
        if taken_back.left_person_id is not None and taken_back.new_person_id is not None:
            carry_back(
                from_person=taken_back.left_person_id,
                to_person=taken_back.new_person_id,
                since=taken_back.decided_at,
                user_id=requester.user_id,
                now=now,
            )
        if taken_back.person_ids:
            parted_id, kept_id = taken_back.person_ids
            act.about_people(person_ids=taken_back.person_ids)
            act.note(parted=parted_id, of=kept_id)
        act.note(record=taken_back.source_record_id, cause=taken_back.cause, decision=taken_back.decision)
