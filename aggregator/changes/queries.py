"""Reads of proposed changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from aggregator.accounts.queries import names_of_users
from aggregator.changes.kinds import KINDS
from aggregator.changes.models import ProposedChange

LISTED = 100


@dataclass(frozen=True, kw_only=True)
class ChangeLine:
    """One proposed change in words. `is_own`: the reader proposed it; `decided_at` None: nobody has decided."""

    change_id: UUID
    words: str
    organisation_name: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    is_own: bool
    is_confirmed: bool | None
    decided_by: str
    decided_at: datetime | None


def waiting_changes(*, reader_id: UUID | None, organisation_id: UUID | None, now: datetime) -> tuple[ChangeLine, ...]:
    """Return what waits for a decision, oldest first; of one organisation, or of all."""
    rows = _of(organisation_id).filter(decision__isnull=True, expires_at__gt=now).order_by("proposed_at", "id")
    return _lines(rows, reader_id=reader_id)


def decided_changes(*, reader_id: UUID | None, organisation_id: UUID | None) -> tuple[ChangeLine, ...]:
    """Return what was decided, most recent first; of one organisation, or of all."""
    rows = _of(organisation_id).filter(decision__isnull=False).order_by("-decision__decided_at", "id")
    return _lines(rows, reader_id=reader_id)


def waiting_for_user(*, user_id: UUID, reader_id: UUID | None, now: datetime) -> tuple[ChangeLine, ...]:
    """Return what waits for a decision and would give one user more rights."""
    rows = _of(None).filter(user_id=user_id, decision__isnull=True, expires_at__gt=now).order_by("proposed_at")
    return _lines(rows, reader_id=reader_id)


def _of(organisation_id: UUID | None) -> QuerySet[ProposedChange]:
    changes = ProposedChange.objects.select_related("organisation", "decision")
    return changes if organisation_id is None else changes.filter(organisation_id=organisation_id)


def _lines(rows: QuerySet[ProposedChange], *, reader_id: UUID | None) -> tuple[ChangeLine, ...]:
    changes = list(rows[:LISTED])
    decisions = {change.id: getattr(change, "decision", None) for change in changes}
    deciders = {decision.decided_by for decision in decisions.values() if decision}
    names = names_of_users(user_ids={change.proposed_by for change in changes} | deciders)
    lines = []
    for change in changes:
        decision = decisions[change.id]
        lines.append(
            ChangeLine(
                change_id=change.id,
                words=KINDS[change.kind].words(change.terms),
                organisation_name=change.organisation.name,
                reason=change.reason,
                proposed_by=names.get(change.proposed_by, ""),
                proposed_at=change.proposed_at,
                expires_at=change.expires_at,
                is_own=change.proposed_by == reader_id,
                is_confirmed=decision.is_confirmed if decision else None,
                decided_by=names.get(decision.decided_by, "") if decision else "",
                decided_at=decision.decided_at if decision else None,
            )
        )
    return tuple(lines)
