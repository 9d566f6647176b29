"""The secrets of webhooks, sealed: the database alone cannot sign in our name."""

from __future__ import annotations

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class NoAlertsKey(Exception):
    """ALERTS_KEY is not set, so that no secret can be sealed or opened."""


class SecretUnreadable(Exception):
    """A secret was sealed with another key, or changed."""


def seal_secret(*, secret: bytes, webhook_id: UUID) -> bytes:
    """Return a secret, sealed for its webhook.

    Raises: NoAlertsKey.
    """
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher().encrypt(nonce, secret, _context(webhook_id))


def open_secret(*, sealed: bytes, webhook_id: UUID) -> bytes:
    """Return a secret that was sealed.

    Raises: NoAlertsKey; SecretUnreadable.
    """
    try:
        return _cipher().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _context(webhook_id))
    except (InvalidTag, ValueError):
        raise SecretUnreadable from None


def _cipher() -> AESGCM:
    if not settings.ALERTS_KEY:
        raise NoAlertsKey
    return AESGCM(settings.ALERTS_KEY)


def _context(webhook_id: UUID, /) -> bytes:
    return b"webhook " + webhook_id.bytes
