"""Say what a decision would mean before it is recorded. Nothing is written but the audit event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent.policies import shares_with_most
from aggregator.consent.queries import policies_of
from aggregator.consent.terms import PolicyTerms
from aggregator.consent.words import in_words
from aggregator.errors import NotFound
from aggregator.mpi.queries import person_summary
from aggregator.services.policy_lines import checked, names_in


@dataclass(frozen=True, kw_only=True)
class PolicyPreview:
    """`words` say what the decision means by itself; `others` how many other decisions stay in force beside it.

    `is_shared`: those who care for the patient, unless a decision names them, see something of the record afterwards.
    """

    words: tuple[str, ...]
    others: int
    is_shared: bool


def preview_policy(
    *,
    requester: Requester,
    person_id: UUID,
    terms: PolicyTerms,
    replaces_id: UUID | None = None,
    now: datetime,
) -> PolicyPreview:
    """Return what a decision would mean, beside those in force or in the place of one of them.

    Raises: NotPermitted; NotFound; Invalid as `record_policy` does.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.PREVIEW_POLICY, needs=Permission.MANAGE_CONSENT, about=about) as act:
        if person_summary(person_id=person_id) is None:
            raise NotFound
        known = checked(terms=terms, now=now)
        policies = policies_of(person_id=person_id, now=now)
        ended = [policy.terms for policy in policies if policy.is_over(now)]
        others = [policy.terms for policy in policies if not policy.is_over(now) and policy.policy_id != replaces_id]
        act.note(base=terms.base)
        return PolicyPreview(
            words=in_words(terms=known, names=names_in(terms=[known])),
            others=len(others),
            is_shared=shares_with_most(policies=[*ended, *others, known], now=now),
        )
