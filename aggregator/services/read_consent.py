"""Read what a person has decided about sharing, and when."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.audit import trail
from aggregator.consent.decision import BasePolicy
from aggregator.consent.queries import PolicyEvent, policy_history
from aggregator.errors import NotFound, NotPermitted
from aggregator.mpi.queries import PersonSummary, person_summary

ACTION = "read-consent"


@dataclass(frozen=True, kw_only=True)
class ConsentView:
    person: PersonSummary
    opted_out: bool
    history: tuple[PolicyEvent, ...]


def read_consent(*, requester: Requester, person_id: UUID) -> ConsentView:
    """Return a person's consent, with its history.

    Raises: NotPermitted; NotFound.
    """
    if not requester.may(Permission.MANAGE_CONSENT):
        raise trail.refuse(
            requester=requester, action=ACTION, error=NotPermitted("You may not see consent."), person_id=person_id
        )
    person = person_summary(person_id=person_id)
    if person is None:
        raise trail.refuse(requester=requester, action=ACTION, error=NotFound())
    history = tuple(policy_history(person_id=person_id))
    with transaction.atomic():
        trail.append(requester=requester, action=ACTION, person_id=person_id)
    opted_out = any(event.ended_at is None and event.base is not BasePolicy.PERMIT for event in history)
    return ConsentView(person=person, opted_out=opted_out, history=history)
