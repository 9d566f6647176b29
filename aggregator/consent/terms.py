"""What policies and relationships say, as the gates read them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class BasePolicy(StrEnum):
    """Source: IHE Privacy Consent on FHIR, base policies Policy-basic-normal and Policy-deny."""

    PERMIT = "basic-normal"
    DENY = "deny"


class RelationshipKind(StrEnum):
    """How an organisation comes to care for a person. `words` complete the sentence "The patient is ... "."""

    words: str

    def __new__(cls, value: str, words: str = "") -> RelationshipKind:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    REGISTERED = "registered", "registered with your organisation"  # the person's GP practice
    ATTENDED = "attended", "attending your organisation, or has recently attended it"  # an encounter or referral


@dataclass(frozen=True, kw_only=True)
class PolicyTerms:
    """A policy in force."""

    base: BasePolicy


@dataclass(frozen=True, kw_only=True)
class PolicyEvent:
    """One decision of a person as recorded, for its history. `ended_at` None: in force."""

    base: BasePolicy
    note: str
    recorded_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class RelationshipTerms:
    """`until_date` None: still open."""

    organisation_id: UUID
    kind: RelationshipKind
    from_date: date
    until_date: date | None
