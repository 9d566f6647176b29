"""Reads of policies, and the decision from what is on record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from aggregator.accounts.models import AccessEnd
from aggregator.accounts.queries import has_ended, still_acts
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.break_glass.queries import open_access
from aggregator.break_glass.terms import EmergencyAccess, access_if_taken
from aggregator.composed import composed_once
from aggregator.consent import decision
from aggregator.consent.decision import Decision
from aggregator.consent.models import Policy
from aggregator.consent.policies import denials_in_doubt
from aggregator.consent.terms import ActorKind, BasePolicy, PolicyTerms, RecordedPolicy
from aggregator.consent.written_terms import read_terms
from aggregator.mpi.queries import joined_into, people_it_may_be, same_person
from aggregator.relationships.queries import relationships_of
from aggregator.relationships.terms import RelationshipKind, RelationshipTerms, london_day
from aggregator.sources.queries import disclosing_sources

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations  # for the type checker alone


class _End(TypedDict):
    ends_at: datetime | None
    ended_by: UUID | None
    end_reason: str | None
    has_ended: bool


def decide(*, requester: Requester, permission: Permission, person_id: UUID, now: datetime) -> Decision:
    """Return the decision about one person for one requester, from what is on record now.

    Where the requester has broken the glass of this person's record, and it still stands, it is made with that.
    """
    emergency = open_access(person_id=person_id, membership_id=requester.membership_id, now=now)
    return _decide(requester, permission, person_id, now=now, emergency=emergency)


def decide_if_broken(*, requester: Requester, permission: Permission, person_id: UUID, now: datetime) -> Decision:
    """Return what the gates would decide if the requester broke the glass of this person's record now.

    Whether they are offered to is for its `ordinary` decision to say. Who acts in no membership can break none.
    """
    emergency = (
        access_if_taken(membership_id=requester.membership_id, person_id=person_id, now=now)
        if requester.membership_id
        else None
    )
    return _decide(requester, permission, person_id, now=now, emergency=emergency)


def decide_if_related(*, requester: Requester, permission: Permission, person_id: UUID, now: datetime) -> Decision:
    """Return what the gates would decide about one person if the requester's organisation cared for them now.

    The requester may be anybody in a role there: that they act for the organisation is taken for granted.
    """
    if requester.organisation_id is None:
        return Decision()
    related = RelationshipTerms(
        organisation_id=requester.organisation_id,
        kind=RelationshipKind.REGISTERED,
        from_date=london_day(now),
        until_date=None,
    )
    policies, *joined = terms_that_hold(person_id=person_id, now=now)
    return decision.decide(
        requester=requester,
        permission=permission,
        policies=policies,
        joined=joined,
        relationships=[related],
        now=now,
        still_acts=True,
    )


def _decide(
    requester: Requester,
    permission: Permission,
    person_id: UUID,
    /,
    *,
    now: datetime,
    emergency: EmergencyAccess | None,
) -> Decision:
    policies, *joined = terms_that_hold(person_id=person_id, now=now)
    return decision.decide(
        requester=requester,
        permission=permission,
        policies=policies,
        joined=joined,
        relationships=relationships_of(
            person_id=person_id, organisation_id=requester.organisation_id, user_id=requester.user_id
        ),
        now=now,
        still_acts=still_acts(requester=requester, now=now),
        disclosing={source_id: matter.label for source_id, matter in disclosing_sources().items()},
        emergency=emergency,
    )


def terms_that_hold(*, person_id: UUID, now: datetime) -> list[list[PolicyTerms]]:
    """Return what a person has decided, and what may be their own objection: see `terms_in_doubt`.

    First for the person, then for each of those who were joined to them, as `halves_of` has them.
    """
    halves = halves_of(person_id=person_id, policies=decisions_of(person_id=person_id, now=now))
    own = ([policy.terms for policy in half] for half in halves)
    return [[*terms, *terms_in_doubt(person_id=person_id, own=terms, now=now)] for terms in own]


def halves_of(*, person_id: UUID, policies: Sequence[RecordedPolicy]) -> list[list[RecordedPolicy]]:
    """Return which policies (`decisions_of`) count for a person, and for each of those who were joined to them.

    For these: what they had decided themselves, and what has been decided since for whom they were joined to.
    """
    joins = joined_into(person_id=person_id)
    ways = {join.person_id: join for join in joins}
    halves = [[policy for policy in policies if policy.person_id == person_id]]
    for join in joins:
        since = {join.person_id: datetime.min.replace(tzinfo=UTC)}
        at: UUID | None = join.person_id
        while at in ways:
            since[ways[at].to_id] = ways[at].at
            at = ways[at].to_id
        halves.append(
            [each for each in policies if each.person_id in since and each.recorded_at > since[each.person_id]]
        )
    return halves


def terms_in_doubt(*, person_id: UUID, own: Sequence[PolicyTerms], now: datetime) -> list[PolicyTerms]:
    """Return what is denied by those whom a person may be, as long as that is in doubt."""
    others = people_it_may_be(person_id=person_id)
    if not others:
        return []
    decided: dict[UUID, list[PolicyTerms]] = defaultdict(list)
    theirs = Policy.objects.filter(Q(person_id__in=others) | Q(person__joined_to__in=others))
    for policy in _recorded(_with_end(theirs, now=now), now=now):
        decided[policy.person_id].append(policy.terms)
    return [denial for terms in decided.values() for denial in denials_in_doubt(of_another=terms, own=own, now=now)]


def policies_of(*, person_id: UUID, now: datetime) -> list[RecordedPolicy]:
    """Return every decision of a person on record, newest first, also those that have been withdrawn.

    Without those of whoever was joined to them.
    """
    return [policy for policy in decisions_of(person_id=person_id, now=now) if policy.person_id == person_id]


def decisions_of(*, person_id: UUID, now: datetime) -> list[RecordedPolicy]:
    """Return every decision of a person, and of those who were joined to them, as `policies_of` does."""
    # One statement, whether there is any or not: how long a refusal takes must not tell what a patient decided.
    return _recorded(_of_person(person_id=person_id, now=now), now=now)


@composed_once
def _of_person(*, person_id: UUID, now: datetime) -> QuerySet[WithAnnotations[Policy, _End]]:
    return _with_end(Policy.objects.filter(person_id__in=same_person(person_id=person_id)), now=now)


def users_named(*, person_id: UUID, now: datetime) -> set[UUID]:
    """Return the users whom a person's decisions in force name one by one."""
    provisions = (
        provision
        for recorded in decisions_of(person_id=person_id, now=now)
        if not recorded.is_over(now)
        for provision in (recorded.terms.root, *recorded.terms.exceptions)
        if provision is not None
    )
    actors = {actor for provision in provisions for actor in provision.actors}
    return {UUID(actor.value) for actor in actors if actor.kind is ActorKind.USER}


def policy(*, policy_id: UUID, now: datetime) -> RecordedPolicy | None:
    """Return one decision on record."""
    return next(iter(_recorded(_with_end(Policy.objects.filter(id=policy_id), now=now), now=now)), None)


def objecting(*, person_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these people object to the shared record as a whole, without exceptions, until further notice."""
    rows = Policy.objects.filter(person_id__in=person_ids, base=BasePolicy.DENY, written={})
    return set(rows.filter(~Exists(AccessEnd.objects.filter(of_id=OuterRef("id")))).values_list("person_id", flat=True))


def live_policies_of_load(*, load_id: UUID, now: datetime, most: int) -> list[tuple[UUID, UUID]]:
    """Return the policies of one load that are in force, at most so many, each with its person."""
    rows = Policy.objects.filter(~has_ended(of="id", now=now), load_id=load_id).order_by("id")
    return list(rows.values_list("id", "person_id")[:most])


def _with_end(rows: QuerySet[Policy], /, *, now: datetime) -> QuerySet[WithAnnotations[Policy, _End]]:
    """Return policies with how each ended, newest first."""
    first_end = AccessEnd.objects.filter(of_id=OuterRef("id")).order_by("ends_at", "id")
    return rows.annotate(
        ends_at=Subquery(first_end.values("ends_at")[:1]),
        ended_by=Subquery(first_end.values("recorded_by")[:1]),
        end_reason=Subquery(first_end.values("reason")[:1]),
        has_ended=has_ended(of="id", now=now),
    ).order_by("-recorded_at", "-id")


def _recorded(rows: Iterable[WithAnnotations[Policy, _End]], /, *, now: datetime) -> list[RecordedPolicy]:
    """Return policies; one that has ended by the database's clock has ended by `now`, too."""
    return [
        RecordedPolicy(
            policy_id=row.id,
            person_id=row.person_id,
            terms=read_terms(
                base=row.base,
                written=row.written,
                ended_at=min(row.ends_at or now, now) if row.has_ended else row.ends_at,
            ),
            note=row.note,
            recorded_by=row.recorded_by,
            recorded_at=row.recorded_at,
            replaces_id=row.replaces_id,
            load_id=row.load_id,
            sent=row.sent,
            ended_by=row.ended_by,
            end_reason=row.end_reason or "",
        )
        for row in rows
    ]
