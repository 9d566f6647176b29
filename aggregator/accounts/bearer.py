"""A client's token becomes a Requester."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts.queries import live_client
from aggregator.accounts.requester import Requester
from aggregator.accounts.tokens import AccessToken


def token_requester(*, token: AccessToken, now: datetime) -> Requester | None:
    """Return who asks with a token; None when its client has been ended, which ends its tokens.

    The client is read again for every request.
    """
    client = live_client(client_id=token.client_id, now=now)
    if client is None or not client.scopes.includes(token.scopes):
        return None
    return client.requester(scopes=token.scopes)
