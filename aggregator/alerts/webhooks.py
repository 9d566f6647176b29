"""Alerts by webhook: posted through the one HTTP client, signed, and judged by the status alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from aggregator.alerts.messages import webhook_body
from aggregator.alerts.queries import webhook_by_id
from aggregator.alerts.sealing import NoAlertsKey, SecretUnreadable, open_secret
from aggregator.alerts.signing import signed_headers
from aggregator.alerts.terms import CannotTell, Claim, DeliveryFault
from connectors.contract.errors import Malformed, SourceError, TimedOut
from connectors.contract.outcomes import Reason
from connectors.transport.addresses import Reach
from connectors.transport.client import Answer, HttpTransport
from connectors.transport.limits import TransportLimits

# How long one attempt may take, whatever the receiver does.
POST_S = 10.0
LIMITS = TransportLimits(error_bytes=0, connect_s=3.0, retries=0)

_FAULTS = {
    Reason.ADDRESS: DeliveryFault.ADDRESS,
    Reason.TLS: DeliveryFault.TLS,
    Reason.REDIRECT: DeliveryFault.REDIRECT,
}


@dataclass(frozen=True, kw_only=True)
class Post:
    """One message to one webhook. `message_id` is the same with every attempt."""

    message_id: UUID
    url: str
    headers: dict[str, str]
    body: bytes


def webhook_reach() -> Reach:
    """Return where webhooks may be: on the internet, and in the networks that the operator has named for them."""
    return Reach.of(networks=settings.WEBHOOK_NETWORKS, plain_http=False)


def prepare(*, claim: Claim, now: datetime) -> Post:
    """Return what is to be posted, signed as of now.

    Raises: CannotTell.
    """
    webhook = webhook_by_id(webhook_id=claim.recipient_id)
    if webhook is None or webhook.has_ended(now=now):
        raise CannotTell(DeliveryFault.WEBHOOK_ENDED)
    try:
        secret = open_secret(sealed=webhook.sealed_secret, webhook_id=webhook.id)
    except (NoAlertsKey, SecretUnreadable):
        raise CannotTell(DeliveryFault.SECRET) from None
    body = webhook_body(told=claim.told, public_url=settings.PUBLIC_URL)
    signed = signed_headers(message_id=claim.delivery_id, timestamp=int(now.timestamp()), body=body, secret=secret)
    return Post(
        message_id=claim.delivery_id,
        url=webhook.url,
        headers={"Content-Type": "application/json", **signed},
        body=body,
    )


def send(post: Post, /) -> None:
    """Post a message; return once the receiver has answered that it has it. Touches no table; waits.

    Raises: CannotTell.
    """
    try:
        answer = asyncio.run(_request(post))
    except TimedOut:
        raise CannotTell(DeliveryFault.TIMED_OUT) from None
    except Malformed as error:
        raise CannotTell(_fault_of(error, otherwise=DeliveryFault.BAD_ANSWER)) from None
    except SourceError as error:
        raise CannotTell(_fault_of(error, otherwise=DeliveryFault.CONNECTION)) from None
    if not 200 <= answer.status < 300:
        raise CannotTell(DeliveryFault.STATUS)


def _fault_of(error: SourceError, /, *, otherwise: DeliveryFault) -> DeliveryFault:
    return _FAULTS.get(error.reason, otherwise) if error.reason else otherwise


async def _request(post: Post) -> Answer:
    transport = HttpTransport(limits=LIMITS, reach=webhook_reach())
    try:
        return await transport.request(
            method="POST",
            url=post.url,
            headers=post.headers,
            body=post.body,
            source_id="webhook",
            deadline=asyncio.get_running_loop().time() + POST_S,
            correlation_id=post.message_id,
            status_only=True,
        )
    finally:
        await transport.close()
