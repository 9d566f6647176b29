"""What an alert says, and how a webhook is signed."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.urls import resolve

from aggregator.alerts.messages import email_subject, email_text, webhook_body
from aggregator.alerts.signing import secret_text, signed_headers
from aggregator.alerts.terms import AlertKind, Told

PUBLIC_URL = "https://record.example.nhs.uk"
TOLD = Told(
    alert_id=UUID(int=1),
    kind=AlertKind.BREAK_GLASS,
    subject_id=UUID(int=2),
    organisation_id=UUID(int=3),
    created_at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC),
)


def test_a_webhook_says_what_waits_since_when_its_ids_and_a_link() -> None:
    assert json.loads(webhook_body(told=TOLD, public_url=PUBLIC_URL + "/")) == {
        "type": "break-glass",
        "timestamp": "2026-07-01T22:30:00+00:00",
        "data": {
            "alert": str(UUID(int=1)),
            "subject": str(UUID(int=2)),
            "link": f"{PUBLIC_URL}/emergencies/{UUID(int=2)}",
        },
    }


def test_an_email_says_it_in_words_in_british_time() -> None:
    assert email_subject(told=TOLD) == "Longview: a record was opened in an emergency, and waits for review"
    assert email_text(told=TOLD, public_url=PUBLIC_URL) == (
        "A record was opened in an emergency, and waits for review.\n\n"
        "Since 1 July 2026, 23:30 (UK time).\n\n"
        f"{PUBLIC_URL}/emergencies/{UUID(int=2)}\n\n"
        "This message names nobody. Sign in to see what waits.\n"
    )


@pytest.mark.parametrize("kind", AlertKind)
def test_every_link_leads_to_a_page(kind: AlertKind) -> None:
    names = {AlertKind.BREAK_GLASS: "break-glass-case", AlertKind.SELF_CLAIM: "break-glass-case"}
    names |= {kind: "source" for kind in AlertKind if kind.value.startswith("source-")}
    names |= {AlertKind.OWN_NETWORK: "sources", AlertKind.OWN_CREDENTIALS: "sources"}
    path = kind.path_of(subject_id=UUID(int=2))
    assert resolve(path).url_name == names.get(kind, "alerts")
    assert json.loads(webhook_body(told=replace(TOLD, kind=kind), public_url=PUBLIC_URL))["data"]["link"].endswith(path)


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the standard's own reference libraries.

    Source: standard-webhooks, libraries/python/tests/test_webhooks.py.
    """
    headers = signed_headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",  # type: ignore[arg-type]  the example's is no UUID
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
        secret=base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_is_handed_over_as_the_standard_writes_it() -> None:
    assert secret_text(secret=bytes(range(24))) == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
