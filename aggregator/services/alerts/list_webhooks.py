"""List the webhooks that are, or were, told of alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.alerts.queries import webhooks_of
from aggregator.alerts.terms import AlertKind
from aggregator.audit.events import Action


@dataclass(frozen=True, kw_only=True)
class WebhookLine:
    """One webhook. `organisation_name` "": every organisation's alerts go to it. `ended_at` None: it is told now."""

    webhook_id: UUID
    name: str
    organisation_name: str
    url: str
    kinds: tuple[AlertKind, ...]
    registered_at: datetime
    ended_at: datetime | None


def list_webhooks(*, requester: Requester, now: datetime) -> tuple[WebhookLine, ...]:
    """Return the webhooks of the requester's organisation, or of all; those that are told now come first.

    Raises: NotPermitted.
    """
    with acting(requester, Action.LIST_WEBHOOKS, needs=Permission.MANAGE_ALERTS) as act:
        act.about_nothing_single()
        lines = [
            WebhookLine(
                webhook_id=webhook.id,
                name=webhook.name,
                organisation_name=webhook.organisation_name,
                url=webhook.url,
                kinds=webhook.kinds,
                registered_at=webhook.registered_at,
                ended_at=webhook.ends_at if webhook.has_ended(now=now) else None,
            )
            for webhook in webhooks_of(organisation_id=organisation_in_sight(requester=requester))
        ]
        act.note(webhooks=len(lines))
        return tuple(sorted(lines, key=lambda line: line.ended_at is not None))
