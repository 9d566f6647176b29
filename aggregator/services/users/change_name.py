"""Change the name of an account, such as when somebody marries. What it was before is kept."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts import directory, operations
from aggregator.accounts.authority import check_not_own, check_role
from aggregator.accounts.models import User
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid, NotFound
from aggregator.limits import check_length, checked_note


def change_name(
    *, requester: Requester, user_id: UUID, title: str, given: str, family: str, reason: str, now: datetime
) -> None:
    """Give an account another name, under which its user is shown and sources are asked from now on.

    The name of somebody with a role that the programme gives is left to its administrators.
    Raises: NotPermitted, also for one's own; NotFound for an account that the requester may not act for; Invalid naming
    the input.
    """
    with acting(requester, Action.CHANGE_NAME, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        act.note(user=user_id)
        in_sight = organisation_in_sight(requester=requester)
        found = directory.user(user_id=user_id, organisation_id=in_sight, now=now)
        if found is None:
            raise NotFound
        check_not_own(requester=requester, user_id=user_id)
        _, memberships = found
        for membership in memberships:
            check_role(requester=requester, role=membership.role)
        values = {"prefix": title.strip(), "given": given.strip(), "family": family.strip()}
        for field, label in (("given", "first name"), ("family", "surname")):
            if not values[field]:
                raise Invalid(f"Enter the {label}", field=field)
        check_length(model=User, field="prefix", value=values["prefix"], label="Title", as_field="title")
        check_length(model=User, field="given", value=values["given"], label="First name")
        check_length(model=User, field="family", value=values["family"], label="Surname")
        note = checked_note(text=reason, ask="Enter why the name changes", field="reason")
        act.begin()
        operations.change_name(user_id=user_id, **values, reason=note, changed_by=requester.user_id, now=now)
