"""What gives access, says who a user is or is told of things, and can be ended. Pure.

Nothing of it is changed or deleted: an end is a row of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Ends(StrEnum):
    """What an end is the end of."""

    ACCOUNT = "account"
    BREAK_GLASS = "break-glass"
    CARE_TEAM = "care-team"
    CARE_TEAM_PATIENT = "care-team-patient"
    CARE_TEAM_PLACE = "care-team-place"
    CLIENT = "client"
    MEMBERSHIP = "membership"
    POLICY = "policy"
    RELATIONSHIP = "relationship"
    REPORT_TOKEN = "report-token"  # noqa: S105  a word
    USER_JOIN = "user-join"
    WEBHOOK = "webhook"


@dataclass(frozen=True, kw_only=True)
class End:
    """`of_id` ends at `ends_at`, or at once where that has passed. Of several ends of one thing the earliest counts."""

    kind: Ends
    of_id: UUID
    ends_at: datetime
    reason: str
