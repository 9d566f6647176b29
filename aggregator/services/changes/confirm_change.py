"""Confirm a change that somebody else proposed, and carry it out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.authority import check_not_own
from aggregator.accounts.requester import Requester
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action
from aggregator.break_glass.queries import are_one
from aggregator.changes import operations
from aggregator.changes.kind import Applied
from aggregator.changes.kinds import KINDS
from aggregator.errors import NotPermitted


def confirm_change(*, requester: Requester, change_id: UUID, now: datetime) -> Applied:
    """Carry out a proposed change, checked anew: what was right when it was proposed may not be any more.

    Raises: NotPermitted, also for one's own proposal or rights, by whichever of one's accounts; NotFound, also for one
    of another organisation; Superseded when it was decided or has lapsed; Invalid when it can no longer be done.
    """
    with acting(requester, Action.CONFIRM_CHANGE, needs=Needs.NOTHING) as act:
        act.about_nothing_single()
        act.note(change=change_id)
        act.begin()
        organisation_id = organisation_in_sight(requester=requester)
        change = operations.lock(change_id=change_id, organisation_id=organisation_id)
        kind = KINDS[change.kind]
        act.note(kind=change.kind, user=change.user_id)
        if requester.user_id is None or not requester.may(kind.needs):
            raise NotPermitted(f"You may not {Action.CONFIRM_CHANGE.words}.")
        operations.check_waiting(change=change, now=now)
        if are_one(user_id=requester.user_id, other_id=change.proposed_by, now=now):
            raise NotPermitted(
                "Somebody else has to confirm what you proposed.",
                code="own-proposal",
                advice="Ask another administrator of your organisation, or of the programme.",
            )
        if change.user_id is not None and are_one(user_id=requester.user_id, other_id=change.user_id, now=now):
            check_not_own(requester=requester, user_id=requester.user_id)
        scope = kind.check(requester, change.terms, now)
        act.about(person_id=scope.person_id)
        applied = kind.apply(requester, change.terms, now)
        operations.decide(
            change=change,
            is_confirmed=True,
            made_id=applied.made_id,
            reason="",
            decided_by=requester.user_id,
            now=now,
        )
        act.note(made=applied.made_id)
        for end in applied.ends:
            act.ends(end=end)
        return applied
