"""Say where alerts to an account are sent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts import directory
from aggregator.accounts.authority import check_role
from aggregator.accounts.emails import checked_email
from aggregator.accounts.operations import set_email as keep_email
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound


def set_email(*, requester: Requester, user_id: UUID, email: str, now: datetime) -> None:
    """Keep an address for an account, in place of the one before; "" takes it away.

    That of somebody with a role that the programme gives, such as a privacy officer, is left to its administrators:
    who is to be looked at by them must not send their alerts elsewhere.
    Raises: NotPermitted; NotFound for an account that the requester may not act for; Invalid for what is no address.
    """
    with acting(requester, Action.SET_EMAIL, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        act.note(user=user_id)
        in_sight = organisation_in_sight(requester=requester)
        found = directory.user(user_id=user_id, organisation_id=in_sight, now=now)
        if found is None:
            raise NotFound
        _, memberships = found
        for membership in memberships:
            check_role(requester=requester, role=membership.role)
        address = checked_email(email)
        act.begin()
        keep_email(user_id=user_id, email=address)
        act.note(has_email=bool(address))
