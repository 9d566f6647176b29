"""Officers and webhooks that are told of alerts; a call of each service about them that goes well, and one refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from aggregator.accounts.models import User
from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Role
from aggregator.alerts.terms import NewWebhook
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.alerts.end_webhook import end_webhook
from aggregator.services.alerts.list_alerts import list_alerts
from aggregator.services.alerts.list_webhooks import list_webhooks
from aggregator.services.alerts.register_webhook import WebhookRegistered, register_webhook
from aggregator.services.alerts.try_webhook import try_webhook
from aggregator.services.users.set_email import set_email
from tests.world import HOSPITAL_ODS, PASSWORD, World

OFFICER, ADDRESS = "po.hale", "hale@hospital.example"
# Where nothing listens.
NOWHERE = "http://127.0.0.1:9/alerts"


def add_officer(*, username: str = OFFICER, email: str = ADDRESS, ods: str = HOSPITAL_ODS) -> UUID:
    """Add a privacy officer of the hospital that the outsider works for; return the account."""
    add_user(
        requester=operator(),
        user=NewUser(
            username=username,
            password=PASSWORD,
            family="Hale",
            given="Rowan",
            organisation_ods=ods,
            role=Role.PRIVACY_OFFICER,
            email=email,
        ),
        now=timezone.now(),
    )
    return User.objects.get(username=username).id


def registered(*, url: str = NOWHERE, by: Requester | None = None, **changes: Any) -> WebhookRegistered:
    """Have an operator, or somebody else, register a webhook of the hospital for emergencies."""
    new: dict[str, Any] = {
        "name": "Duty desk",
        "url": url,
        "kinds": ("break-glass",),
        "organisation_ods": HOSPITAL_ODS if by is None else "",
    }
    return register_webhook(requester=by or operator(), webhook=NewWebhook(**{**new, **changes}), now=timezone.now())


def _ended(world: World) -> None:
    webhook_id = registered(by=world.administrator).webhook_id
    end_webhook(requester=world.administrator, webhook_id=webhook_id, reason="Replaced.", now=timezone.now())


def _tried(world: World) -> None:
    webhook_id = registered(by=world.administrator).webhook_id
    try_webhook(requester=world.administrator, webhook_id=webhook_id, now=timezone.now())


def _addressed(world: World) -> None:
    assert world.clinician.user_id is not None
    set_email(
        requester=world.administrator,
        user_id=world.clinician.user_id,
        email="osei@surgery.example",
        now=timezone.now(),
    )


CALLS: dict[str, Callable[[World], object]] = {
    "end_webhook": _ended,
    "list_alerts": lambda world: list_alerts(requester=world.administrator, now=timezone.now()),
    "list_webhooks": lambda world: list_webhooks(requester=world.administrator, now=timezone.now()),
    "register_webhook": lambda world: registered(by=world.administrator),
    "set_email": _addressed,
    "try_webhook": _tried,
}
REFUSED: dict[str, Callable[[World], object]] = {
    "end_webhook": lambda world: end_webhook(
        requester=world.administrator, webhook_id=uuid4(), reason="Replaced.", now=timezone.now()
    ),
    "list_alerts": lambda world: list_alerts(requester=world.clinician, now=timezone.now()),
    "list_webhooks": lambda world: list_webhooks(
        requester=replace(world.clinician, role=Role.PRIVACY_OFFICER), now=timezone.now()
    ),
    "register_webhook": lambda world: registered(by=world.administrator, is_for_every_organisation=True),
    "set_email": lambda world: set_email(
        requester=world.administrator, user_id=uuid4(), email=ADDRESS, now=timezone.now()
    ),
    "try_webhook": lambda world: try_webhook(requester=world.administrator, webhook_id=uuid4(), now=timezone.now()),
}
