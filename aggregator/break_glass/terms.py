"""What emergency access is, why it may be taken, and how an officer judges it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

# How long the glass stays broken. Whoever needs longer breaks it again, and is reviewed again.
LASTS = timedelta(minutes=30)


class EmergencyReason(StrEnum):
    """Why somebody breaks the glass. `words` are the reason as it stands in a list, of now and of then.

    Source: NHS Summary Care Record, viewing without the patient's permission: who cannot be asked, and the public
    interest and the law.
    """

    words: str

    def __new__(cls, value: str, words: str = "") -> EmergencyReason:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    UNCONSCIOUS = "unconscious", "unconscious, or too unwell to be asked"
    LACKS_CAPACITY = "lacks-capacity", "unable to understand or to decide"
    CANNOT_COMMUNICATE = "cannot-communicate", "unable to make themselves understood in time"
    AGREED = "agreed", "agreed by the patient, whose care is not recorded in this service"
    SERIOUS_HARM = "serious-harm", "somebody at risk of serious harm"
    LEGAL_DUTY = "legal-duty", "required by a court order or by law"


class ReviewedKind(StrEnum):
    """What stands in the officers' queue. `words` say what was done."""

    words: str

    def __new__(cls, value: str, words: str = "") -> ReviewedKind:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    BREAK_GLASS = "break-glass", "opened the record in an emergency"
    SELF_CLAIM = "self-claim", "said that the patient is in their care"


class OfficerVerdict(StrEnum):
    """How an officer judges a case. `words` are the verdict as it is said; `closes`: nothing is left to be done."""

    words: str
    closes: bool

    def __new__(cls, value: str, words: str = "", closes: bool = True) -> OfficerVerdict:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        member.closes = closes
        return member

    APPROPRIATE = "appropriate", "appropriate"
    NOT_APPROPRIATE = "not-appropriate", "not appropriate"
    NEEDS_CONVERSATION = "needs-conversation", "needs a conversation", False


@dataclass(frozen=True, kw_only=True)
class EmergencyAccess:
    """That somebody, in one membership, has broken the glass of one person's record.

    `ends_at`: when it expires, or was ended before that.
    """

    id: UUID
    membership_id: UUID
    person_id: UUID
    reason: EmergencyReason
    opened_at: datetime
    ends_at: datetime

    def is_open(self, *, membership_id: UUID | None, now: datetime) -> bool:
        """Return whether it lets somebody through who acts in this membership at this moment."""
        return membership_id == self.membership_id and self.opened_at <= now < self.ends_at


def access_if_taken(*, membership_id: UUID, person_id: UUID, now: datetime) -> EmergencyAccess:
    """Return the access of somebody who broke the glass now. No reason opens more than another."""
    return EmergencyAccess(
        id=UUID(int=0),
        membership_id=membership_id,
        person_id=person_id,
        reason=EmergencyReason.UNCONSCIOUS,
        opened_at=now,
        ends_at=now + LASTS,
    )


@dataclass(frozen=True, kw_only=True)
class ReviewedAccess:
    """What an officer reviews: somebody let themselves see a person's record. `ends_at` is when that ended or will."""

    id: UUID
    kind: ReviewedKind
    person_id: UUID
    user_id: UUID
    organisation_id: UUID
    reason: str
    note: str
    began_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class JoinedUser:
    """That an account is that of a person in the index. `joined_by` None: an operator, by a command."""

    id: UUID
    user_id: UUID
    person_id: UUID
    note: str
    joined_by: UUID | None
    joined_at: datetime


@dataclass(frozen=True, kw_only=True)
class OfficerReview:
    """What an officer made of a case. `reviewed_by` None: an operator, by a command."""

    of_id: UUID
    verdict: OfficerVerdict
    note: str
    reviewed_by: UUID | None
    reviewed_at: datetime
