"""List how many patients a user can reach, and by which relationships; and who they are, for those who may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aggregator.accounts.queries import requesters_for, user_id_for
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import acts_for
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import summaries
from aggregator.relationships.queries import count_reached, people_reached, reached_by
from aggregator.relationships.terms import RelationshipKind

PEOPLE_PER_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class ReachedPerson:
    """A patient whom a user can reach, and by which kinds of relationship."""

    person: PersonSummary
    kinds: tuple[RelationshipKind, ...]


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Whom a user can reach in the roles in which they see records; `people` is one page of them, by name.

    A patient with several relationships is counted once in `count`, and once under each kind. What patients have
    decided, and labels, may narrow it. `people` None: the requester may not see names.
    """

    user_name: str
    roles: tuple[Requester, ...]
    by_kind: Mapping[RelationshipKind, int]
    count: int
    people: tuple[ReachedPerson, ...] | None
    page: int
    pages: int


def list_reach(*, requester: Requester, username: str, now: datetime, page: int = 1) -> Reach:
    """Return whom a user can reach now, where they act for an organisation that the requester may act for.

    Raises: NotPermitted; NotFound for a user who does not act there, and for a page that there is not.
    """
    with acting(requester, Action.LIST_REACH, needs=Permission.VIEW_ACCESS) as act:
        act.about_nothing_single()
        user_id = user_id_for(username=username)
        choices = requesters_for(user_id=user_id, now=now) if user_id else ()
        memberships = tuple(
            choice
            for choice in choices
            if choice.organisation_id and acts_for(requester=requester, organisation_id=choice.organisation_id)
        )
        if user_id is None or not memberships:
            raise NotFound
        roles = tuple(membership for membership in memberships if membership.may(Permission.VIEW_RECORD))
        organisation_ids = {role.organisation_id for role in roles if role.organisation_id}
        count = count_reached(user_id=user_id, organisation_ids=organisation_ids, now=now)
        pages = max(1, -(-count // PEOPLE_PER_PAGE))
        if not 1 <= page <= pages:
            raise NotFound
        people = None
        if requester.may(Permission.FIND_PERSON):
            listed = people_reached(
                user_id=user_id,
                organisation_ids=organisation_ids,
                now=now,
                start=(page - 1) * PEOPLE_PER_PAGE,
                count=PEOPLE_PER_PAGE,
            )
            named = summaries(person_ids=[person_id for person_id, _ in listed])
            people = tuple(ReachedPerson(person=named[person_id], kinds=kinds) for person_id, kinds in listed)
            act.about_people(person_ids=[person.person.person_id for person in people])
        act.note(user=user_id, people=count, page=page)
        return Reach(
            user_name=" ".join(filter(None, (memberships[0].prefix, memberships[0].given, memberships[0].family))),
            roles=roles,
            by_kind=reached_by(user_id=user_id, organisation_ids=organisation_ids, now=now),
            count=count,
            people=people,
            page=page,
            pages=pages,
        )
