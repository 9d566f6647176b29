"""Read one account: its roles of now and of before, what waits to be confirmed, and whether it is known whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts import directory
from aggregator.accounts.authority import givable_roles, may_act_for
from aggregator.accounts.directory import MembershipLine, UserLine
from aggregator.accounts.queries import name_of_user
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.break_glass.queries import join_of
from aggregator.break_glass.terms import JoinedUser
from aggregator.changes.queries import ChangeLine, waiting_for_user
from aggregator.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class UserView:
    """An account as an administrator may see it.

    `memberships` are all roles that it ever had where the reader may act, `endable` those of them that the reader may
    end. `may_change`: it is not the reader's own; `may_close`: nor has it a role that the reader may not end;
    `may_set_email`, `may_change_name`: it has no such role. `former_names` are those that it had, the latest first.
    `join`: that it is the account of a person in the index, who is not told here; `joined_by` is the name of who said
    so. `may_join`: the reader may say so, or end it, also of an account that has been closed.
    """

    user: UserLine
    memberships: tuple[MembershipLine, ...]
    endable: frozenset[UUID]
    waiting: tuple[ChangeLine, ...]
    may_change: bool
    may_close: bool
    join: JoinedUser | None
    joined_by: str
    may_join: bool
    may_set_email: bool
    may_change_name: bool
    former_names: tuple[str, ...]


def read_user(*, requester: Requester, user_id: UUID, now: datetime) -> UserView:
    """Return an account that has, or had, a role in an organisation that the requester may act for.

    Raises: NotPermitted; NotFound for any other.
    """
    with acting(requester, Action.READ_USER, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        act.note(user=user_id)
        in_sight = organisation_in_sight(requester=requester)
        found = directory.user(user_id=user_id, organisation_id=in_sight, now=now)
        if found is None:
            raise NotFound
        line, memberships = found
        own = tuple(
            membership
            for membership in memberships
            if may_act_for(requester=requester, organisation_id=membership.organisation_id)
        )
        givable = givable_roles(requester)
        endable = frozenset(membership.membership_id for membership in own if membership.role in givable)
        join = join_of(user_id=user_id, now=now)
        has_own_roles_only = all(membership.role in givable for membership in memberships)
        may_change = user_id != requester.user_id and line.is_open
        return UserView(
            user=line,
            memberships=own,
            endable=endable,
            waiting=waiting_for_user(user_id=user_id, reader_id=requester.user_id, now=now),
            may_change=may_change,
            may_close=may_change and len(endable) == len(memberships),
            join=join,
            joined_by=_name(join.joined_by) if join else "",
            may_join=user_id != requester.user_id,
            may_set_email=line.is_open and has_own_roles_only,
            may_change_name=may_change and has_own_roles_only,
            former_names=directory.former_names(user_id=user_id),
        )


def _name(user_id: UUID | None, /) -> str:
    return name_of_user(user_id=user_id) if user_id else "an operator, by a command"
