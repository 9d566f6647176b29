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
from aggregator.consent.queries import decisions_of, halves_of, terms_in_doubt
from aggregator.consent.terms import PolicyTerms, RecordedPolicy
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
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        known = checked(terms=terms, now=now)
        policies = decisions_of(person_id=person_id, now=now)
        others = [each for each in policies if not each.is_over(now) and each.policy_id != replaces_id]
        halves = halves_of(person_id=person_id, policies=policies)
        before = [[each.terms for each in half] for half in halves]
        # What is decided now counts for each half.
        after = [[*_terms_after(half, replaces_id=replaces_id, now=now), known] for half in halves]
        for half in (*before, *after):
            # What may be this patient's own objection holds before and after.
            half += terms_in_doubt(person_id=person_id, own=half, now=now)
        changes = tuple(_changes(person_id=person_id, before=before, after=after, now=now))
        act.note(base=terms.base, changes=len(changes))
        return PolicyPreview(
            words=in_words(terms=known, names=names_in(terms=[known])),
            others=len(others),
            is_shared=shares_with_most(policies=after[0], joined=after[1:], now=now),
            changes=changes,
        )


def _terms_after(
    policies: Iterable[RecordedPolicy], /, *, replaces_id: UUID | None, now: datetime
) -> Iterator[PolicyTerms]:
    """Yield policies, the one that is replaced as one that has ended."""
    for policy in policies:
        ends_now = policy.policy_id == replaces_id and not policy.is_over(now)
        yield replace(policy.terms, ended_at=now) if ends_now else policy.terms


def _changes(
    *, person_id: UUID, before: Sequence[list[PolicyTerms]], after: Sequence[list[PolicyTerms]], now: datetime
) -> Iterator[AccessChange]:
    """Yield for whom of the users of organisations that care for the person the record would be otherwise."""
    for organisation_id, relationships in relationships_by_organisation(person_id=person_id).items():
        for user in requesters_of_organisation(organisation_id=organisation_id, now=now):
            seen = [
                _seen(
                    decide(
                        requester=user,
                        permission=Permission.VIEW_RECORD,
                        policies=halves[0],
                        joined=halves[1:],
                        relationships=relationships,
                        now=now,
                        still_acts=True,
                    )
                )
                for halves in (before, after)
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
