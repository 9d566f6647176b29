"""Read one decision of a person about sharing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.consent import queries
from aggregator.errors import NotFound
from aggregator.mpi.queries import remaining
from aggregator.services.policy_lines import PolicyLine, lines_of


def read_policy(*, requester: Requester, policy_id: UUID, now: datetime) -> PolicyLine:
    """Return a decision, in force or not.

    Raises: NotPermitted; NotFound.
    """
    with acting(requester, Action.READ_POLICY, needs=Permission.MANAGE_CONSENT, detail={"policy": policy_id}) as act:
        policy = queries.policy(policy_id=policy_id, now=now)
        if policy is None:
            raise NotFound
        act.about(person_id=remaining(person_id=policy.person_id))
        (line,) = lines_of(policies=[policy])
        return line
