"""Propose a change that gives somebody more rights; somebody else has to confirm it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action
from aggregator.changes import operations
from aggregator.changes.kind import Terms
from aggregator.changes.kinds import KINDS
from aggregator.errors import Invalid, NotPermitted
from aggregator.limits import checked_note


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """A change that waits for somebody else, or, of a command of this machine, one that was carried out.

    `secret` is what has to be handed over once, such as a password.
    """

    change_id: UUID | None = None
    made_id: UUID | None = None
    secret: str = ""


def propose_change(*, requester: Requester, kind: str, terms: Terms, reason: str, now: datetime) -> Proposed:
    """Propose a change, or carry it out where a command of this machine asks: nobody stands above who may run those.

    Raises: NotPermitted; NotFound; Invalid naming the input.
    """
    with acting(requester, Action.PROPOSE_CHANGE, needs=Needs.NOTHING) as act:
        act.about_nothing_single()
        proposed_kind = KINDS.get(kind)
        if proposed_kind is None:
            raise Invalid("There is no such change.", code="kind", field="kind")
        act.note(kind=kind)
        if not requester.may(proposed_kind.needs):
            raise NotPermitted(f"You may not {Action.PROPOSE_CHANGE.words}.")
        scope = proposed_kind.check(requester, terms, now)
        reason = checked_note(text=reason, ask="Enter the reason for this change", field="reason")
        act.about(person_id=scope.person_id)
        act.note(organisation=scope.organisation_id, user=scope.user_id)
        act.begin()
        if requester.user_id is None:
            applied = proposed_kind.apply(requester, terms, now)
            act.note(made=applied.made_id)
            return Proposed(made_id=applied.made_id, secret=applied.secret)
        change_id = operations.propose(
            kind=kind, terms=terms, scope=scope, reason=reason, proposed_by=requester.user_id, now=now
        )
        act.note(change=change_id)
        return Proposed(change_id=change_id)
