"""List who could open a person's record now, and why: by which relationship and in which role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from aggregator.accounts.queries import live_clients_of, name_of_organisation, names_of_users
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission, Role, role_may
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.break_glass.queries import open_to
from aggregator.consent.decision import Decision
from aggregator.consent.queries import decide, decide_if_related, users_named
from aggregator.errors import NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary
from aggregator.relationships.listing import Carers, MembershipAccess, RoleAccess, UserAccess
from aggregator.relationships.queries import (
    carers_of,
    memberships_with_access,
    roles_with_access,
    users_with_access,
)
from aggregator.relationships.terms import RelationshipKind

USERS_PER_PAGE = 50
SEES_RECORDS = tuple(role for role in Role if role_may(role=role, permission=Permission.VIEW_RECORD))


@dataclass(frozen=True, kw_only=True)
class RefusedRole:
    """A role in an organisation that cares for the person and that another gate keeps out; `reason` says which."""

    role: RoleAccess
    reason: str


@dataclass(frozen=True, kw_only=True)
class EmergencyLine:
    """A user to whom the record is open in an emergency, whatever care is recorded, and until when."""

    user_name: str
    organisation_name: str
    reason: str
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class SystemAccess:
    """A registered system whose organisation cares for the person; `reason`: why it may not read, "" where it may."""

    name: str
    oauth_id: str
    organisation_name: str
    scopes: str
    kinds: tuple[RelationshipKind, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class AccessList:
    """Who could open the record: `roles` with how many users in each, and one page of the users.

    `systems` and `emergencies` are beside them.

    `count` is of all users, each counted once per role. `is_whole`: of every organisation; otherwise only of the
    requester's own.
    """

    person: PersonSummary
    roles: tuple[RoleAccess, ...]
    refused: tuple[RefusedRole, ...]
    users: tuple[UserAccess, ...]
    systems: tuple[SystemAccess, ...]
    emergencies: tuple[EmergencyLine, ...]
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
        person_id = person.person_id
        act.about(person_id=person_id)
        carers = carers_of(person_id=person_id, organisation_id=organisation_id, now=now)
        related = roles_with_access(carers=carers, roles=SEES_RECORDS, now=now)
        decisions = [_decision(role, person_id=person_id, now=now) for role in related]
        named = memberships_with_access(
            carers=carers, roles=SEES_RECORDS, user_ids=users_named(person_id=person_id, now=now), now=now
        )
        admitted = [
            membership
            for membership in named
            if _decision(membership.role, person_id=person_id, now=now, user_id=membership.user_id).permitted
        ]
        permitted = tuple(role for role, decision in zip(related, decisions, strict=True) if decision.permitted)
        refused = tuple(
            RefusedRole(role=role, reason=" ".join(decision.refusal().reasons))
            for role, decision in zip(related, decisions, strict=True)
            if not decision.permitted
        )
        roles = _counted(permitted, named=named, admitted=admitted)
        count = sum(role.users for role in roles)
        pages = max(1, -(-count // USERS_PER_PAGE))
        if not 1 <= page <= pages:
            raise NotFound
        users = users_with_access(
            carers=carers,
            of=permitted,
            besides=admitted,
            without=named,
            now=now,
            start=(page - 1) * USERS_PER_PAGE,
            count=USERS_PER_PAGE,
        )
        emergencies = _emergencies(person_id=person_id, organisation_id=organisation_id, now=now)
        systems = _systems(carers=carers, person_id=person_id, now=now)
        act.note(users=count, systems=len(systems), emergencies=len(emergencies), page=page)
        return AccessList(
            person=person,
            roles=roles,
            refused=refused,
            users=tuple(users),
            systems=systems,
            emergencies=emergencies,
            count=count,
            page=page,
            pages=pages,
            is_whole=organisation_id is None,
        )


def _systems(*, carers: Carers, person_id: UUID, now: datetime) -> tuple[SystemAccess, ...]:
    """Return the systems of organisations that care for a person, and what the gates decide about each."""
    systems = []
    for client in live_clients_of(organisation_ids=tuple(carers.organisations), now=now):
        requester = client.requester(scopes=client.scopes)
        decision = decide(requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=now)
        systems.append(
            SystemAccess(
                name=client.name,
                oauth_id=client.oauth_id,
                organisation_name=client.organisation_name,
                scopes=str(client.scopes),
                kinds=carers.kinds(organisation_id=client.organisation_id, user_id=None),
                reason="" if decision.permitted else " ".join(decision.refusal().reasons),
            )
        )
    return tuple(systems)


def _emergencies(*, person_id: UUID, organisation_id: UUID | None, now: datetime) -> tuple[EmergencyLine, ...]:
    opened = open_to(person_id=person_id, organisation_id=organisation_id, now=now)
    names = names_of_users(user_ids={access.user_id for access in opened})
    return tuple(
        EmergencyLine(
            user_name=names.get(access.user_id, ""),
            organisation_name=name_of_organisation(organisation_id=access.organisation_id),
            reason=access.reason,
            ends_at=access.ends_at,
        )
        for access in opened
    )


def _counted(
    permitted: Iterable[RoleAccess], /, *, named: Iterable[MembershipAccess], admitted: Iterable[MembershipAccess]
) -> tuple[RoleAccess, ...]:
    """Return the roles with how many users of each have access; those whom a decision names count one by one."""
    roles = {(role.organisation_id, role.role): role for role in permitted}
    counts = Counter({place: role.users for place, role in roles.items()})
    for membership in named:
        place = (membership.role.organisation_id, membership.role.role)
        counts[place] -= place in roles
    for membership in admitted:
        place = (membership.role.organisation_id, membership.role.role)
        roles.setdefault(place, membership.role)
        counts[place] += 1
    return tuple(replace(role, users=counts[place]) for place, role in roles.items() if counts[place])


def _decision(role: RoleAccess, /, *, person_id: UUID, now: datetime, user_id: UUID | None = None) -> Decision:
    """Return what the gates decide about anybody in a role, or about one user, who cares for a person."""
    requester = _anybody(role, user_id=user_id)
    return decide_if_related(requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=now)


def _anybody(role: RoleAccess, *, user_id: UUID | None) -> Requester:
    """Return anybody in a role of an organisation, or one user."""
    return Requester(
        user_id=user_id,
        family="",
        given="",
        organisation_id=role.organisation_id,
        organisation_ods=role.organisation_ods,
        organisation_name=role.organisation_name,
        role=role.role,
    )
