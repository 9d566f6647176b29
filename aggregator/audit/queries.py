"""Reads of the audit trail."""

from __future__ import annotations

from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.audit.events import Action, EventOutcome
from aggregator.audit.models import AuditEvent


def last_shown(*, requester: Requester, retrieval_id: UUID) -> str | None:
    """Return the name of the content that a user or client was shown last of a retrieval.

    None when the last thing that the trail holds of both is not a showing.
    """
    event = (
        AuditEvent.objects.filter(retrieval_id=retrieval_id, user_id=requester.user_id, client_id=requester.client_id)
        .order_by("-seq")
        .first()
    )
    if event is None or event.action != Action.VIEW_RECORD or event.outcome != EventOutcome.SUCCESS:
        return None
    content: str | None = event.detail.get("content")
    return content
