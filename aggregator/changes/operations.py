"""Writes of proposed changes and of how they were decided."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from aggregator.changes.kind import Scope, Terms
from aggregator.changes.models import ChangeDecision, ProposedChange
from aggregator.errors import NotFound, Superseded

# A proposal that nobody looked at for so long was not needed.
WAITS = timedelta(days=14)


def propose(*, kind: str, terms: Terms, scope: Scope, reason: str, proposed_by: UUID, now: datetime) -> UUID:
    """Write a proposal down and return its id."""
    return ProposedChange.objects.create(
        kind=kind,
        terms=dict(terms),
        organisation_id=scope.organisation_id,
        user_id=scope.user_id,
        reason=reason,
        proposed_by=proposed_by,
        proposed_at=now,
        expires_at=now + WAITS,
    ).id


def lock(*, change_id: UUID, organisation_id: UUID | None) -> ProposedChange:
    """Return a proposal, locked, so that of two decisions the second finds the first.

    `organisation_id` None: of any organisation. Must run in a transaction.
    Raises: NotFound, also for one of another organisation, whatever became of it.
    """
    change = ProposedChange.objects.select_for_update().filter(id=change_id).first()
    if change is None or organisation_id not in (None, change.organisation_id):
        raise NotFound
    return change


def check_waiting(*, change: ProposedChange, now: datetime) -> None:
    """Go on only if a locked proposal waits for a decision.

    Raises: Superseded when it was decided already, or has lapsed.
    """
    if ChangeDecision.objects.filter(change=change).exists():
        raise Superseded("Somebody has decided about this change already.", code="decided")
    if change.expires_at <= now:
        raise Superseded("This proposal has lapsed. Propose the change anew if it is still needed.", code="lapsed")


def decide(
    *, change: ProposedChange, is_confirmed: bool, made_id: UUID | None, reason: str, decided_by: UUID, now: datetime
) -> None:
    """Write down how a locked proposal was decided."""
    ChangeDecision.objects.create(
        change=change,
        is_confirmed=is_confirmed,
        made_id=made_id,
        reason=reason,
        decided_by=decided_by,
        decided_at=now,
    )
