"""What an alert says: what kind of thing waits, since when, ids and a link. No patient, no user, no reason. Pure."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

from aggregator.alerts.terms import Told

LONDON = ZoneInfo("Europe/London")


def webhook_body(*, told: Told, public_url: str) -> bytes:
    """Return the body of a webhook: the same bytes for the same alert.

    Source: Standard Webhooks 1.0, "Payload structure".
    """
    body = {
        "type": told.kind.value,
        "timestamp": told.created_at.isoformat(),
        "data": {
            "alert": str(told.alert_id),
            "subject": str(told.subject_id),
            "link": _link(told, public_url=public_url),
        },
    }
    return json.dumps(body, separators=(",", ":")).encode()


def email_subject(*, told: Told) -> str:
    """Return the subject of an email."""
    return f"Longview: {told.kind.words}"


def email_text(*, told: Told, public_url: str) -> str:
    """Return the text of an email."""
    since = told.created_at.astimezone(LONDON)
    return (
        f"{told.kind.words[0].upper()}{told.kind.words[1:]}.\n\n"
        f"Since {since.day} {since:%B %Y}, {since:%H:%M} (UK time).\n\n"
        f"{_link(told, public_url=public_url)}\n\n"
        "This message names nobody. Sign in to see what waits.\n"
    )


def _link(told: Told, *, public_url: str) -> str:
    return public_url.rstrip("/") + told.kind.path_of(subject_id=told.subject_id)
