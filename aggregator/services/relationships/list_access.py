"""List who could open a person's record now, and why: by which relationship and in which role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission, Role, role_may
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent.queries import decide_if_related
from aggregator.errors import NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary
from aggregator.relationships.listing import RoleAccess, UserAccess
from aggregator.relationships.queries import roles_with_access, users_with_access

USERS_PER_PAGE = 50
SEES_RECORDS = tuple(role for role in Role if role_may(role=role, permission=Permission.VIEW_RECORD))


@dataclass(frozen=True, kw_only=True)
class RefusedRole:
    """A role in an organisation that cares for the person and that another gate keeps out; `reason` says which."""

    role: RoleAccess
    reason: str


@dataclass(frozen=True, kw_only=True)
class AccessList:
    """Who could open the record: `roles` with how many users in each, and one page of the users.

    `count` is of all users, each counted once per role. `is_whole`: of every organisation; otherwise only of the
    requester's own.
    """

    person: PersonSummary
    roles: tuple[RoleAccess, ...]
    refused: tuple[RefusedRole, ...]
    users: tuple[UserAccess, ...]
    count: int
    page: int
    pages: int
    is_whole: bool


def list_access(*, requester: Requester, person_id: UUID, now: datetime, page: int = 1) -> AccessList:
    """Return who could open a person's record now.

    Whether somebody cares for the person is asked of all users at once; the other gates, once per role and
    organisation.
    Raises: NotPermitted; NotFound, also for a page that there is not.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.LIST_ACCESS, needs=Permission.VIEW_ACCESS, about=about) as act:
        organisation_id = organisation_in_sight(requester=requester)
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        related = roles_with_access(person_id=person_id, roles=SEES_RECORDS, organisation_id=organisation_id, now=now)
        decisions = [
            decide_if_related(requester=_anybody(role), permission=Permission.VIEW_RECORD, person_id=person_id, now=now)
            for role in related
        ]
        permitted = tuple(role for role, decision in zip(related, decisions, strict=True) if decision.permitted)
        refused = tuple(
            RefusedRole(role=role, reason=" ".join(decision.refusal().reasons))
            for role, decision in zip(related, decisions, strict=True)
            if not decision.permitted
        )
        count = sum(role.users for role in permitted)
        pages = max(1, -(-count // USERS_PER_PAGE))
        if not 1 <= page <= pages:
            raise NotFound
        users = users_with_access(
            person_id=person_id, of=permitted, now=now, start=(page - 1) * USERS_PER_PAGE, count=USERS_PER_PAGE
        )
        act.note(users=count, page=page)
        return AccessList(
            person=person,
            roles=permitted,
            refused=refused,
            users=tuple(users),
            count=count,
            page=page,
            pages=pages,
            is_whole=organisation_id is None,
        )


def _anybody(role: RoleAccess) -> Requester:
    """Return anybody in a role of an organisation."""
    return Requester(
        user_id=None,
        family="",
        given="",
        organisation_id=role.organisation_id,
        organisation_ods=role.organisation_ods,
        organisation_name=role.organisation_name,
        role=role.role,
    )
