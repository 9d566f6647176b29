"""End a registered client, and with it every token that it has."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts.clients import OAUTH_ID
from aggregator.accounts.ends import End, Ends
from aggregator.accounts.queries import client_named
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid, NotFound, Superseded
from aggregator.limits import MAX_NOTE_LENGTH


def end_client(*, requester: Requester, oauth_id: str, reason: str, now: datetime) -> None:
    """End a client now: its tokens count no more, and it gets no other.

    Raises: NotPermitted; NotFound; Invalid without a reason; Superseded when it has ended already.
    """
    with acting(requester, Action.END_CLIENT, needs=Permission.MANAGE_CLIENTS) as act:
        act.about_nothing_single()
        client = client_named(oauth_id=oauth_id) if OAUTH_ID.fullmatch(oauth_id) else None
        if client is None:
            raise NotFound("No system is registered under this id.")
        act.note(client=client.id)
        if not reason.strip():
            raise Invalid("Enter why the registration is ended.", field="reason")
        if len(reason) > MAX_NOTE_LENGTH:
            raise Invalid(f"The reason must be {MAX_NOTE_LENGTH:,} characters or fewer.", field="reason")
        if client.ends_at is not None and client.ends_at <= now:
            raise Superseded("This registration has been ended already.")
        act.ends(end=End(kind=Ends.CLIENT, of_id=client.id, ends_at=now, reason=reason.strip()))
