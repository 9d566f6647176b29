"""Check a system before it is registered: what is said of it, and its keys, fetched where it publishes them."""

from __future__ import annotations

from aggregator.accounts.registration import CheckedClient, NewClient, check_client_and_keys
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Audit, acting
from aggregator.audit.events import Action


def check_client(*, requester: Requester, client: NewClient) -> CheckedClient:
    """Return what would be kept of a client.

    Raises: NotPermitted; Invalid naming the field.
    """
    with acting(requester, Action.CHECK_CLIENT, needs=Permission.MANAGE_CLIENTS, audit=Audit.ON_REFUSAL) as act:
        act.about_nothing_single()
        return check_client_and_keys(client=client)
