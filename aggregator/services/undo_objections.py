"""Take back the objections that one list brought: a part of them at a time, as one act."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.consent import operations, queries

TAKEN_BACK = "The list that this objection came from was taken back."


def undo_objections(*, requester: Requester, load_id: UUID, most: int, now: datetime) -> int:
    """End at most so many of the objections that a load recorded and that are in force; return how many.

    Each end is an event about its person. Nothing else that they have decided changes.
    Raises: NotPermitted.
    """
    with acting(requester, Action.UNDO_OBJECTIONS, needs=Permission.MANAGE_CONSENT, detail={"load": load_id}) as act:
        act.about_nothing_single()
        act.begin()
        named = queries.live_policies_of_load(load_id=load_id, now=now, most=most)
        operations.lock_people(person_ids=[person_id for _, person_id in named])
        live = queries.live_policies_of_load(load_id=load_id, now=now, most=most)
        for policy_id, person_id in live:
            act.about(person_id=person_id)
            act.ends(end=End(kind=Ends.POLICY, of_id=policy_id, ends_at=now, reason=TAKEN_BACK))
        return len(live)
