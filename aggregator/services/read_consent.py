"""Read what a person has decided about sharing their record, and when."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent.queries import policy_history
from aggregator.consent.terms import BasePolicy, PolicyEvent
from aggregator.errors import NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary


@dataclass(frozen=True, kw_only=True)
class ConsentView:
    person: PersonSummary
    opted_out: bool
    history: tuple[PolicyEvent, ...]


def read_consent(*, requester: Requester, person_id: UUID) -> ConsentView:
    """Return a person's consent, with its history.

    Raises: NotPermitted; NotFound.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.READ_CONSENT, needs=Permission.MANAGE_CONSENT, about=about):
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        history = tuple(policy_history(person_id=person_id))
        opted_out = any(event.ended_at is None and event.base is not BasePolicy.PERMIT for event in history)
        return ConsentView(person=person, opted_out=opted_out, history=history)
