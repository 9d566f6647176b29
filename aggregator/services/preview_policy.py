"""Say what a decision would mean before it is recorded. Nothing is written but the audit event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from aggregator.accounts.queries import requesters_of_organisation
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent.decision import Decision, decide
from aggregator.consent.policies import Reach, shares_with_most
from aggregator.consent.queries import policies_of, terms_in_doubt
from aggregator.consent.terms import PolicyTerms
from aggregator.consent.words import in_words
from aggregator.errors import NotFound
from aggregator.mpi.queries import person_summary
from aggregator.record.categories import SECTIONS
from aggregator.relationships.queries import relationships_by_organisation
from aggregator.services.policy_lines import checked, names_in


@dataclass(frozen=True, kw_only=True)
class AccessChange:
    """One user in one role, and how much of the record they may see for treatment, before and after."""

    user: str
    organisation: str
    role: str
    before: Reach
    after: Reach


@dataclass(frozen=True, kw_only=True)
class PolicyPreview:
    """`words` say what the decision means by itself; `others` how many other decisions stay in force beside it.

    `is_shared`: those who care for the patient, unless a decision names them, see something of the record afterwards.
    `changes` are for whom of those who may see something before or after it would be otherwise than it is.
    """

    words: tuple[str, ...]
    others: int
    is_shared: bool
    changes: tuple[AccessChange, ...]


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
        replaced = [policy.terms for policy in policies if policy.policy_id == replaces_id]
        before, after = [*ended, *others, *replaced], [*ended, *(_as_ended(replaced, now)), *others, known]
        # What may be this patient's own objection holds before and after.
        before += terms_in_doubt(person_id=person_id, own=before, now=now)
        after += terms_in_doubt(person_id=person_id, own=after, now=now)
        changes = tuple(_changes(person_id=person_id, before=before, after=after, now=now))
        act.note(base=terms.base, changes=len(changes))
        return PolicyPreview(
            words=in_words(terms=known, names=names_in(terms=[known])),
            others=len(others),
            is_shared=shares_with_most(policies=after, now=now),
            changes=changes,
        )


def _as_ended(policies: Iterable[PolicyTerms], now: datetime) -> Iterator[PolicyTerms]:
    yield from (
        replace(policy, ended_at=now) for policy in policies if policy.ended_at is None or policy.ended_at > now
    )


def _changes(
    *, person_id: UUID, before: Sequence[PolicyTerms], after: Sequence[PolicyTerms], now: datetime
) -> Iterator[AccessChange]:
    """Yield for whom of the users of organisations that care for the person the record would be otherwise."""
    for organisation_id, relationships in relationships_by_organisation(person_id=person_id).items():
        for user in requesters_of_organisation(organisation_id=organisation_id, now=now):
            seen = [
                _seen(
                    decide(
                        requester=user,
                        permission=Permission.VIEW_RECORD,
                        policies=policies,
                        relationships=relationships,
                        now=now,
                        still_acts=True,
                    )
                )
                for policies in (before, after)
            ]
            if seen[0] != seen[1]:
                yield AccessChange(
                    user=f"{user.given} {user.family}",
                    organisation=user.organisation_name,
                    role=user.role.words,
                    before=_together(seen[0]),
                    after=_together(seen[1]),
                )


def _seen(decision: Decision, /) -> tuple[Reach, ...]:
    return tuple(decision.reach_of(category=rules.category) for rules in SECTIONS)


def _together(reaches: Iterable[Reach], /) -> Reach:
    """Return how much of a whole record may be seen."""
    different = set(reaches)
    return different.pop() if len(different) == 1 else Reach.PART
