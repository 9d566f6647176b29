"""What policies say, as the gates read them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from aggregator.accounts.requester import PurposeOfUse
from aggregator.accounts.roles import Role
from connectors.contract.categories import RecordCategory
from fhir_data.labels import Label

# What is said of days is meant of British ones.
LONDON = ZoneInfo("Europe/London")


class BasePolicy(StrEnum):
    """What a person has decided, before any provision of their own.

    Source: IHE Privacy Consent on FHIR, the overarching policies https://profiles.ihe.net/ITI/PCF/Policy-*.
    """

    PERMIT = "basic-normal"  # for the purpose of treatment
    PERMIT_ALL = "all-normal"  # for every purpose that a user may have
    BREAK_GLASS_ONLY = "break-glass-only"
    DENY = "deny"


class Effect(StrEnum):
    """What a provision does with what it is about. Source: FHIR R4, Consent.provision.type."""

    PERMIT = "permit"
    DENY = "deny"


class ActorKind(StrEnum):
    """Whom a provision may name."""

    USER = "user"
    ROLE = "role"
    ORGANISATION = "organisation"


@dataclass(frozen=True, kw_only=True, order=True)
class Actor:
    """Whom a provision is about. `value` is the id of a user, the name of a role, or the code of an organisation."""

    kind: ActorKind
    value: str

    @classmethod
    def user(cls, user_id: UUID, /) -> Actor:
        """Return a user."""
        return cls(kind=ActorKind.USER, value=str(user_id))

    @classmethod
    def organisation(cls, ods_code: str, /) -> Actor:
        """Return everybody who acts for an organisation."""
        return cls(kind=ActorKind.ORGANISATION, value=ods_code)

    @classmethod
    def role(cls, role: Role, /) -> Actor:
        """Return everybody who acts in a role."""
        return cls(kind=ActorKind.ROLE, value=role.value)


@dataclass(frozen=True, kw_only=True)
class Period:
    """When something holds: from `start` and until before `end`; None: no bound."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, now: datetime, /) -> bool:
        """Return whether a moment is within the period."""
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)

    @property
    def is_empty(self) -> bool:
        """Whether no moment is within the period."""
        return self.start is not None and self.end is not None and self.end <= self.start

    @property
    def first_day(self) -> date | None:
        """The British day on which the period begins."""
        return None if self.start is None else self.start.astimezone(LONDON).date()

    @property
    def last_day(self) -> date | None:
        """The last British day of which anything is within the period."""
        return None if self.end is None else (self.end.astimezone(LONDON) - timedelta(microseconds=1)).date()

    @property
    def is_of_whole_days(self) -> bool:
        """Whether the period begins and ends at midnight, or is open."""
        return self == british_days(first=self.first_day, last=self.last_day)


def british_days(*, first: date | None, last: date | None) -> Period:
    """Return the period from the beginning of the first British day to the end of the last one.

    The last day that there is, by which systems often say that there is none, is no bound.
    """
    return Period(
        start=None if first is None else _midnight(first),
        end=None if last is None or last == date.max else _midnight(last + timedelta(days=1)),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=LONDON)


@dataclass(frozen=True, kw_only=True)
class DataPeriod:
    """The clinical dates that a provision is about: British days, both included; None: no bound."""

    start: date | None = None
    end: date | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no day is within the period."""
        return self.start is not None and self.end is not None and self.end < self.start


@dataclass(frozen=True, kw_only=True, order=True)
class ItemKey:
    """One item, as its source calls it."""

    source_id: UUID
    resource_type: str
    resource_id: str


@dataclass(frozen=True, kw_only=True)
class Provision:
    """What is permitted or denied, under all of the conditions that are named; an empty one holds for everything.

    `labels` of a denial are any that an item has; of a permit all that restrict it. A permit without any is about what
    no label restricts. "Normal" (N of v3-Confidentiality) is the label of everything that no other restricts.
    """

    effect: Effect
    purposes: frozenset[PurposeOfUse] = frozenset()
    actors: frozenset[Actor] = frozenset()
    period: Period = field(default=Period())
    data_period: DataPeriod = field(default=DataPeriod())
    categories: frozenset[RecordCategory] = frozenset()
    sources: frozenset[UUID] = frozenset()
    items: frozenset[ItemKey] = frozenset()
    labels: frozenset[Label] = frozenset()


@dataclass(frozen=True, kw_only=True)
class PolicyTerms:
    """One decision of a person: a base policy, what it is about, and the exceptions to that.

    `root` None: all that its base is about. `ended_at`: it was withdrawn then. `is_understood`: a policy that this
    version cannot read denies everything while it is in force.
    """

    base: BasePolicy
    root: Provision | None = None
    exceptions: tuple[Provision, ...] = ()
    ended_at: datetime | None = None
    is_understood: bool = True

    @property
    def permits(self) -> bool:
        """Whether the policy permits, apart from its exceptions."""
        denying = {BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY}
        effect = self.root.effect if self.root else Effect.DENY if self.base in denying else Effect.PERMIT
        return self.is_understood and effect is Effect.PERMIT and self.base not in denying

    @property
    def is_about_everything(self) -> bool:
        """Whether the policy permits or denies the whole record to everybody, without exceptions."""
        is_plain = self.root is None and not self.exceptions
        return self.is_understood and is_plain and self.base in {BasePolicy.PERMIT, BasePolicy.DENY}


@dataclass(frozen=True, kw_only=True)
class RecordedPolicy:
    """A policy as recorded: by whom, when and why, and how it ended. `ended_at` None: it is in force.

    `note` says how and when the patient said so, `end_reason` why it was withdrawn. `sent` is the FHIR Consent that it
    came as.
    """

    policy_id: UUID
    person_id: UUID
    terms: PolicyTerms
    note: str
    recorded_by: UUID | None
    recorded_at: datetime
    replaces_id: UUID | None = None
    load_id: UUID | None = None
    sent: dict[str, Any] | None = None
    ended_by: UUID | None = None
    end_reason: str = ""

    @property
    def ended_at(self) -> datetime | None:
        """When it was withdrawn, or will be."""
        return self.terms.ended_at

    def is_over(self, now: datetime, /) -> bool:
        """Return whether it has been withdrawn."""
        return self.ended_at is not None and self.ended_at <= now
