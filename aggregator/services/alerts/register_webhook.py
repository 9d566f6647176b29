"""Register an address to which alerts are posted, signed with a secret that is handed over once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_to_act_for
from aggregator.acting import acting
from aggregator.alerts.operations import add_webhook
from aggregator.alerts.registration import checked_kinds
from aggregator.alerts.sealing import NoAlertsKey, seal_secret
from aggregator.alerts.signing import SECRET_BYTES, secret_text
from aggregator.alerts.terms import NewWebhook
from aggregator.audit.events import Action
from aggregator.errors import Invalid, NotPermitted


@dataclass(frozen=True, kw_only=True)
class WebhookRegistered:
    """A webhook that was registered. `secret` is given out this once."""

    webhook_id: UUID
    secret: str


def register_webhook(*, requester: Requester, webhook: NewWebhook, now: datetime) -> WebhookRegistered:
    """Register a webhook for the requester's organisation, or, for who may act for any, for another or for all.

    It takes nobody else: a webhook learns that something waits, and neither whom nor what it is about.
    Raises: NotPermitted; Invalid naming the field.
    """
    with acting(requester, Action.REGISTER_WEBHOOK, needs=Permission.MANAGE_ALERTS) as act:
        act.about_nothing_single()
        organisation_id = None
        if not webhook.is_for_every_organisation:
            organisation_id = organisation_to_act_for(requester=requester, ods_code=webhook.organisation_ods).id
        elif not requester.may(Permission.ANY_ORGANISATION):
            raise NotPermitted("You may do this for your own organisation only.")
        kinds = checked_kinds(webhook)
        webhook_id, secret = uuid4(), secrets.token_bytes(SECRET_BYTES)
        try:
            sealed = seal_secret(secret=secret, webhook_id=webhook_id)
        except NoAlertsKey:
            words = "No webhook can be registered before the operator of this service has set ALERTS_KEY."
            raise Invalid(words, code="no-alerts-key") from None
        act.begin()
        add_webhook(
            webhook_id=webhook_id,
            name=webhook.name.strip(),
            organisation_id=organisation_id,
            url=webhook.url,
            kinds=kinds,
            sealed_secret=sealed,
            registered_by=requester.user_id,
            now=now,
        )
        act.note(webhook=webhook_id, of=organisation_id, kinds=sorted(kinds))
        return WebhookRegistered(webhook_id=webhook_id, secret=secret_text(secret=secret))
