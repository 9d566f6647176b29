"""How a webhook is signed, so that its receiver knows who sent it, and when. Pure.

Source: Standard Webhooks 1.0, "Signature scheme": HMAC-SHA256 over the id, the time and the body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105  how a secret begins, and none
VERSION = "v1"


def secret_text(*, secret: bytes) -> str:
    """Return a secret as it is handed over."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signed_headers(*, message_id: UUID, timestamp: int, body: bytes, secret: bytes) -> dict[str, str]:
    """Return the headers of a message. `timestamp`: seconds since 1970, of this attempt."""
    signed = b".".join([str(message_id).encode(), str(timestamp).encode(), body])
    mac = hmac.new(secret, signed, hashlib.sha256).digest()
    return {
        "webhook-id": str(message_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"{VERSION},{base64.b64encode(mac).decode()}",
    }
