"""Read who a person is, by their id."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action
from aggregator.consent import queries as consent_queries
from aggregator.errors import NotFound
from aggregator.mpi import queries
from aggregator.mpi.golden import PersonSummary


def read_person(*, requester: Requester, person_id: UUID, now: datetime) -> PersonSummary:
    """Return a person, or whom they were joined to: its id says which.

    A user needs to be one who finds people; a registered system, one that may open this person's record.
    Raises: NotPermitted; NotFound.
    """
    with acting(requester, Action.READ_PERSON, needs=_needed(requester)) as act:
        person = queries.person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        act.about(person_id=person.person_id)
        if requester.client_id is not None:
            act.require(
                decision=consent_queries.decide(
                    requester=requester, permission=Permission.VIEW_RECORD, person_id=person.person_id, now=now
                )
            )
        return person


def _needed(requester: Requester, /) -> Permission | Needs:
    return Needs.GATES if requester.client_id is not None else Permission.FIND_PERSON
