"""Register a system that may ask by itself, as its organisation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.operations import add_client
from aggregator.accounts.registration import NewClient, check_client_and_keys
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotPermitted


def register_client(*, requester: Requester, client: NewClient, now: datetime) -> UUID:
    """Register a client, by a command on the service's own machine, and return its id.

    An administrator proposes the change `register-client`, and another confirms it: it gives access.
    Raises: NotPermitted; Invalid naming the field.
    """
    with acting(requester, Action.REGISTER_CLIENT, needs=Permission.MANAGE_CLIENTS) as act:
        act.about_nothing_single()
        if requester.user_id is not None:
            words = "A second administrator must confirm that a system is registered."
            raise NotPermitted(words, code="needs-second-administrator")
        checked = check_client_and_keys(client=client)
        act.begin()
        client_id = add_client(checked=checked, registered_by=None, now=now)
        act.note(client=client_id, organisation=client.organisation_ods, scopes=str(checked.scopes))
        return client_id
