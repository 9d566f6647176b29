"""A case of emergency access, or of a claim, as officers see it: who, about whom, why, and what stands out.

What was opened is counted, and never told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.queries import given_and_family, name_of_organisation, names_of_users
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.audit.events import Action
from aggregator.audit.queries import count_acts
from aggregator.break_glass import queries
from aggregator.break_glass.signals import LOOKED_FOR, WITHIN, CaseFacts, Signal, signals, unknowns
from aggregator.break_glass.terms import OfficerReview, ReviewedAccess, ReviewedKind
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary
from aggregator.relationships.listing import SelfClaim
from aggregator.relationships.queries import count_claims, self_claim, self_claims, was_in_care

# What is counted of what somebody did with the record, and in which words.
COUNTED = {
    Action.OPEN_RECORD: "Sources were asked",
    Action.VIEW_RECORD: "Content was shown",
    Action.FETCH_DOCUMENT: "Documents were fetched",
}


@dataclass(frozen=True, kw_only=True)
class ReviewCase:
    """`opened` is how often what was done; `unknowns` is what would have given a signal and is not known.

    `is_own`: the requester's own, which somebody else reviews. `is_standing`: it still gives access.
    """

    access: ReviewedAccess
    person: PersonSummary
    user_name: str
    organisation_name: str
    opened: tuple[tuple[str, int], ...]
    signals: tuple[Signal, ...]
    unknowns: tuple[str, ...]
    reviews: tuple[tuple[OfficerReview, str], ...]
    age_in_days: int
    is_own: bool
    is_standing: bool

    @property
    def looked_for(self) -> tuple[str, ...]:
        """What would stand out, and what exactly is compared."""
        return LOOKED_FOR

    @property
    def is_closed(self) -> bool:
        """Whether the last verdict leaves nothing to be done."""
        return bool(self.reviews) and self.reviews[-1][0].verdict.closes


def find_access(*, requester: Requester, access_id: UUID) -> ReviewedAccess | None:
    """Return what is to be reviewed; None for what is none, or of an organisation that is not the requester's."""
    emergency, claim = queries.reviewed_access(access_id=access_id), self_claim(claim_id=access_id)
    access = emergency or (_as_reviewed(claim) if claim else None)
    if access is None or _organisation_in_sight(requester) not in {None, access.organisation_id}:
        return None
    return access


def accesses(*, requester: Requester, is_closed: bool) -> list[ReviewedAccess]:
    """Return what waits for review, the oldest first, or what has been closed, the latest first."""
    organisation_id = _organisation_in_sight(requester)
    closed_claims = queries.closed_ids(kind=ReviewedKind.SELF_CLAIM)
    claims = self_claims(organisation_id=organisation_id, among=closed_claims, is_among=is_closed)
    listed = [
        *queries.accesses_in_queue(organisation_id=organisation_id, is_closed=is_closed),
        *(_as_reviewed(claim) for claim in claims),
    ]
    return sorted(listed, key=lambda access: (access.began_at, access.id), reverse=is_closed)


def is_own_case(*, access: ReviewedAccess, requester: Requester, now: datetime) -> bool:
    """Return whether the requester took this access: by this account, or by another of the same person."""
    own_id = requester.user_id
    return own_id is not None and queries.are_one(user_id=own_id, other_id=access.user_id, now=now)


def case_of(*, access: ReviewedAccess, requester: Requester, now: datetime) -> ReviewCase | None:
    """Return a case with all that is known of it; None where the person is no longer known."""
    person = person_summary(person_id=access.person_id)
    if person is None:
        return None
    reviews = queries.reviews_of(ids=[access.id])[access.id]
    names = names_of_users(user_ids={access.user_id, *(each.reviewed_by for each in reviews if each.reviewed_by)})
    counts = count_acts(
        person_ids={access.person_id, person.person_id},
        user_id=access.user_id,
        actions=tuple(COUNTED),
        from_at=access.began_at,
        until_at=access.ends_at,
    )
    facts = _facts(access, patient=person, now=now)
    return ReviewCase(
        access=access,
        person=person,
        user_name=names.get(access.user_id, "Somebody whose account is not known any more"),
        organisation_name=name_of_organisation(organisation_id=access.organisation_id),
        opened=tuple((words, counts[action]) for action, words in COUNTED.items()),
        signals=signals(facts=facts, now=now),
        unknowns=unknowns(facts=facts, now=now),
        reviews=tuple((each, _reviewer(each, names=names)) for each in reviews),
        age_in_days=(now - access.began_at).days,
        is_own=is_own_case(access=access, requester=requester, now=now),
        is_standing=now < access.ends_at,
    )


def _facts(access: ReviewedAccess, *, patient: PersonSummary, now: datetime) -> CaseFacts:
    is_claim = access.kind is ReviewedKind.SELF_CLAIM
    count = count_claims if is_claim else queries.count_opened
    join = queries.join_of(user_id=access.user_id, now=now)
    return CaseFacts(
        began_at=access.began_at,
        user_family=given_and_family(user_id=access.user_id)[1],
        patient=patient,
        user_person=person_summary(person_id=join.person_id) if join else None,
        was_joined=queries.was_joined(user_id=access.user_id),
        is_colleague=queries.is_colleague(of=access, now=now),
        colleagues_are_joined=queries.colleagues_are_joined(of=access, now=now),
        opened_in_week=count(user_id=access.user_id, after=access.began_at - WITHIN, until=access.began_at),
        was_in_care=was_in_care(
            person_id=patient.person_id,
            organisation_id=access.organisation_id,
            from_at=access.began_at,
            until_at=access.began_at + WITHIN,
        ),
    )


def _organisation_in_sight(requester: Requester) -> UUID | None:
    """Return the organisation whose cases somebody reviews; None: all. Who has none sees those of nobody."""
    if requester.may(Permission.ANY_ORGANISATION):
        return None
    return requester.organisation_id or UUID(int=0)


def _reviewer(review: OfficerReview, *, names: dict[UUID, str]) -> str:
    return names.get(review.reviewed_by, "") if review.reviewed_by else "an operator, by a command"


def _as_reviewed(claim: SelfClaim) -> ReviewedAccess:
    return ReviewedAccess(
        id=claim.id,
        kind=ReviewedKind.SELF_CLAIM,
        person_id=claim.person_id,
        user_id=claim.user_id,
        organisation_id=claim.organisation_id,
        reason="",
        note=claim.reason,
        began_at=claim.claimed_at,
        ends_at=claim.ends_at,
    )
