"""Alerts by email, over the mail server of the settings."""

from __future__ import annotations

import smtplib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from aggregator.accounts.queries import email_of_user, users_who_may
from aggregator.alerts.messages import email_subject, email_text
from aggregator.alerts.terms import CannotTell, Claim, DeliveryFault


@dataclass(frozen=True, kw_only=True)
class Email:
    """One message to one user. `message_id` is the same with every attempt."""

    message_id: str
    to: str
    subject: str
    text: str


def prepare(*, claim: Claim, now: datetime) -> Email:
    """Return what is to be sent, to whoever still is to be told.

    Raises: CannotTell.
    """
    told = claim.told
    audience = told.kind.told
    if audience is None or claim.recipient_id not in users_who_may(
        permission=audience, organisation_id=told.organisation_id, now=now
    ):
        raise CannotTell(DeliveryFault.NO_LONGER_TOLD)
    address = email_of_user(user_id=claim.recipient_id)
    if not address:
        raise CannotTell(DeliveryFault.NO_ADDRESS)
    if not settings.EMAIL_HOST:
        raise CannotTell(DeliveryFault.NO_MAIL_SERVER)
    return Email(
        message_id=f"<{claim.delivery_id}@{urlsplit(settings.PUBLIC_URL).hostname}>",
        to=address,
        subject=email_subject(told=told),
        text=email_text(told=told, public_url=settings.PUBLIC_URL),
    )


def send(email: Email, /) -> None:
    """Send a message; return once the mail server has taken it. Touches no table.

    Raises: CannotTell.
    """
    connection = get_connection()
    message = EmailMessage(
        subject=email.subject,
        body=email.text,
        to=[email.to],
        connection=connection,
        headers={"Message-ID": email.message_id, "Auto-Submitted": "auto-generated"},
    )
    try:
        connection.open()
        message.send()
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError):
        raise CannotTell(DeliveryFault.MAIL_REFUSED) from None
    except OSError:  # of which smtplib's others are kinds
        raise CannotTell(DeliveryFault.MAIL_SERVER) from None
    finally:
        with suppress(OSError):  # whether it says goodbye changes nothing: it has taken the message, or has not
            connection.close()
