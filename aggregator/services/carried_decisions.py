"""Decisions about sharing that go with a source's record to another person: nobody knows whose they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from aggregator.consent import operations, queries
from aggregator.consent.policies import as_lapsed, denials_in_doubt, has_permitted
from aggregator.consent.terms import BasePolicy, PolicyTerms, RecordedPolicy

CARRIED_OVER = "Carried over when a source's record was separated from the person who had decided so."
CARRIED_BACK = "Carried over when a source's record was given back, from the person who had decided so meanwhile."


def carry_over(*, from_person: UUID, to_person: UUID, user_id: UUID | None, now: datetime) -> None:
    """Record what the person whom a record leaves has decided for a new one, too: it may have been theirs.

    Where others were joined to that one, what each of them denies is carried and nothing that they permit: what is
    shown is what each permits. Must run in the transaction that moves the record.
    """
    policies = queries.decisions_of(person_id=from_person, now=now)
    halves = queries.halves_of(person_id=from_person, policies=policies)
    carried = list(_carried(reversed(policies), now=now)) if len(halves) == 1 else _denied(halves, now=now)
    for terms in carried:
        operations.write_policy(person_id=to_person, terms=terms, note=CARRIED_OVER, user_id=user_id, now=now)


def carry_back(*, from_person: UUID, to_person: UUID, since: datetime, user_id: UUID | None, now: datetime) -> None:
    """Record what was decided in the name of a person who should not have been made for who gets the record back.

    Only what was decided after that person was made: all else came from where the record goes now, and may have been
    withdrawn there. Must run in the transaction that moves the record.
    """
    decided = reversed(queries.policies_of(person_id=from_person, now=now))
    known = [policy.terms for policy in queries.policies_of(person_id=to_person, now=now) if not policy.is_over(now)]
    for terms in _carried((policy for policy in decided if policy.recorded_at > since), now=now):
        if terms not in known:
            operations.write_policy(person_id=to_person, terms=terms, note=CARRIED_BACK, user_id=user_id, now=now)


def _denied(halves: Iterable[Iterable[RecordedPolicy]], /, *, now: datetime) -> list[PolicyTerms]:
    """Return once each what any of several sets of policies denies."""
    terms = ([policy.terms for policy in half] for half in halves)
    denials = [denial for half in terms for denial in denials_in_doubt(of_another=half, own=(), now=now)]
    return [denial for place, denial in enumerate(denials) if denial not in denials[:place]]


def _carried(policies: Iterable[RecordedPolicy], /, *, now: datetime) -> Iterator[PolicyTerms]:
    """Yield what is to be recorded for another person, so that no more of the record is shared than was.

    Who has permitted expressly and has withdrawn that shares nothing, so that it was permitted is carried, too. Where
    it was not, that they share the whole record is not: so does who has decided nothing.
    """
    policies = tuple(policies)
    withdrawn = [policy for policy in policies if policy.is_over(now) and has_permitted(policy.terms, now=now)]
    for policy in withdrawn[-1:]:
        yield as_lapsed(policy.terms, at=policy.ended_at or now)
    for policy in policies:
        is_plain_permit = policy.terms.is_about_everything and policy.terms.base is BasePolicy.PERMIT
        if not policy.is_over(now) and not (is_plain_permit and not withdrawn):
            yield policy.terms
