"""List the systems that are, or were, registered to ask by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.queries import all_clients
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scopes import Scopes
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.audit.queries import last_act_of_client


@dataclass(frozen=True, kw_only=True)
class ClientLine:
    """One client. `key_set_url` is "" for one whose keys were registered with it; `ended_at` None: it may ask.

    `last_asked_at` is when it last got a token or asked with one; None: it never has.
    """

    client_id: UUID
    oauth_id: str
    name: str
    organisation_ods: str
    organisation_name: str
    scopes: Scopes
    key_set_url: str
    registered_at: datetime
    last_asked_at: datetime | None
    ended_at: datetime | None


def list_clients(*, requester: Requester, now: datetime) -> tuple[ClientLine, ...]:
    """Return every client, those that may ask first.

    Raises: NotPermitted.
    """
    with acting(requester, Action.LIST_CLIENTS, needs=Permission.MANAGE_CLIENTS) as act:
        act.about_nothing_single()
        lines = [
            ClientLine(
                client_id=client.id,
                oauth_id=client.oauth_id,
                name=client.name,
                organisation_ods=client.organisation_ods,
                organisation_name=client.organisation_name,
                scopes=client.scopes,
                key_set_url=client.key_set_url,
                registered_at=client.registered_at,
                last_asked_at=last_act_of_client(client_id=client.id),
                ended_at=client.ends_at if client.ends_at and client.ends_at <= now else None,
            )
            for client in all_clients()
        ]
        act.note(clients=len(lines))
        return tuple(sorted(lines, key=lambda line: line.ended_at is not None))
