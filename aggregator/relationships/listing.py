"""What is told of relationships and care teams to those who manage them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from aggregator.accounts.roles import Role
from aggregator.relationships.terms import (
    OF_ORGANISATIONS,
    RelationshipKind,
    RelationshipTerms,
    counts_until,
    is_current,
    london_day,
)


class RelationshipState(StrEnum):
    """Whether a relationship gives access. `words` are how it is told."""

    words: str

    def __new__(cls, value: str, words: str = "") -> RelationshipState:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    CURRENT = "current", "Current"
    TO_COME = "to-come", "Not begun"
    OVER = "over", "Ended"


@dataclass(frozen=True, kw_only=True)
class SelfClaim:
    """That a user has said that a person is in their care, for an officer to review."""

    id: UUID
    person_id: UUID
    user_id: UUID
    organisation_id: UUID
    reason: str
    claimed_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class RecordedRelationship:
    """One relationship as recorded, whether current or not. `team_id`: it is by a care team, and ended there.

    `is_loaded`: it came with a source's files. `user_name` is "" for an organisation's.
    """

    id: UUID
    terms: RelationshipTerms
    organisation_name: str
    state: RelationshipState
    user_name: str = ""
    is_loaded: bool = False
    reason: str = ""
    end_reason: str = ""
    team_id: UUID | None = None

    @property
    def counts_until(self) -> date | None:
        """The last day on which it gives access, where that is after its own last day."""
        last_day = counts_until(relationship=self.terms)
        return last_day if last_day != self.terms.until_date else None

    @property
    def may_end(self) -> bool:
        """Whether it can be ended: it is not over, and not by a care team, which is ended there."""
        return self.state is not RelationshipState.OVER and self.team_id is None

    @property
    def may_change(self) -> bool:
        """Whether it can be changed: it can be ended, and is an organisation's."""
        return self.may_end and self.terms.kind in OF_ORGANISATIONS


@dataclass(frozen=True, kw_only=True)
class RelationshipWith:
    """One relationship and whom it is with."""

    person_id: UUID
    terms: RelationshipTerms


@dataclass(frozen=True, kw_only=True)
class CareTeamSummary:
    """A care team, how many users and patients it has now, and how many patients it ever had."""

    id: UUID
    name: str
    organisation_id: UUID
    organisation_name: str
    member_count: int
    patient_count: int
    ever_patients: int
    ends_at: datetime | None
    has_ended: bool


@dataclass(frozen=True, kw_only=True)
class CareTeamPart:
    """A member of a care team or a patient of it; `of_id` is the user's or the person's."""

    id: UUID
    of_id: UUID
    name: str
    terms: RelationshipTerms
    state: RelationshipState


@dataclass(frozen=True, kw_only=True)
class MembershipAccess:
    """A membership of a single user who cares for a person; its role counts one user."""

    membership_id: UUID
    user_id: UUID
    role: RoleAccess


@dataclass(frozen=True, kw_only=True)
class RoleAccess:
    """How many users, in one role of one organisation, have a relationship with a person."""

    organisation_id: UUID
    organisation_ods: str
    organisation_name: str
    role: Role
    users: int


@dataclass(frozen=True, kw_only=True)
class Carers:
    """Who cares for a person now: whole organisations, and single users where they act for one, each by which kinds."""

    organisations: Mapping[UUID, frozenset[RelationshipKind]]
    users: Mapping[tuple[UUID, UUID], frozenset[RelationshipKind]]

    def kinds(self, *, organisation_id: UUID, user_id: UUID | None) -> tuple[RelationshipKind, ...]:
        """Return by which kinds of relationship somebody who acts for an organisation cares for the person.

        `user_id` None: a system, which has none of its own.
        """
        own = self.users.get((organisation_id, user_id), frozenset()) if user_id else frozenset()
        kinds = self.organisations.get(organisation_id, frozenset()) | own
        return tuple(kind for kind in RelationshipKind if kind in kinds)


@dataclass(frozen=True, kw_only=True)
class UserAccess:
    """A user, in one of their roles, who could open a person's record now, and by which kinds of relationship."""

    user_id: UUID
    user_name: str
    organisation_name: str
    role: Role
    kinds: tuple[RelationshipKind, ...]


def state_of(*, terms: RelationshipTerms, now: datetime) -> RelationshipState:
    """Return whether a relationship is current, to come or over."""
    if is_current(relationship=terms, now=now):
        return RelationshipState.CURRENT
    has_ended = terms.ends_at is not None and terms.ends_at <= now
    if terms.from_date > london_day(now) and not has_ended:
        return RelationshipState.TO_COME
    return RelationshipState.OVER
