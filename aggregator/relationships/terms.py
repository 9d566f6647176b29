"""What a relationship says, as the gate reads it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID


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
class RelationshipTerms:
    """`until_date` None: still open."""

    organisation_id: UUID
    kind: RelationshipKind
    from_date: date
    until_date: date | None
