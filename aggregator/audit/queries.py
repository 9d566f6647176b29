"""Reads of the audit trail."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from aggregator.accounts.requester import Requester
from aggregator.audit.events import Action, EventOutcome
from aggregator.audit.models import AuditEvent
from aggregator.composed import composed_once


def last_shown(*, requester: Requester, retrieval_id: UUID) -> str | None:
    """Return the name of the content that a user or client was shown last of a retrieval.

    None when the last thing that the trail holds of both is not a showing.
    """
    user_or_client_id = requester.user_id or requester.client_id
    if user_or_client_id is None:
        return None
    for action, outcome, detail in _last(retrieval_id=retrieval_id, user_or_client_id=user_or_client_id):
        if action == Action.VIEW_RECORD and outcome == EventOutcome.SUCCESS:
            content: str | None = detail.get("content")
            return content
    return None


@composed_once
def _last(*, retrieval_id: UUID, user_or_client_id: UUID) -> QuerySet[AuditEvent, tuple[str, str, dict[str, Any]]]:
    theirs = AuditEvent.objects.filter(Q(user_id=user_or_client_id) | Q(client_id=user_or_client_id))
    rows = theirs.filter(retrieval_id=retrieval_id).order_by("-seq")
    return rows.values_list("action", "outcome", "detail")[:1]


def last_act_of_client(*, client_id: UUID) -> datetime | None:
    """Return when a client last did anything, allowed or not; None for one that never has."""
    events = AuditEvent.objects.filter(client_id=client_id).order_by("-seq")
    return events.values_list("at", flat=True).first()


def count_acts(
    *, person_ids: Collection[UUID], user_id: UUID, actions: Collection[Action], from_at: datetime, until_at: datetime
) -> dict[Action, int]:
    """Return how often a user did each of these with a person's record in a time, not counting what was refused.

    `person_ids`: all by which the person has been known.
    """
    events = AuditEvent.objects.filter(
        person_id__in=person_ids,
        user_id=user_id,
        action__in=list(actions),
        outcome=EventOutcome.SUCCESS,
        at__gte=from_at,
        at__lte=until_at,
    )
    counted = dict(events.values("action").annotate(times=Count("seq")).values_list("action", "times"))
    return {action: counted.get(action.value, 0) for action in actions}
