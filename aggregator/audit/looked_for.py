"""What somebody looks for in the trail, and an event as they find it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from aggregator.audit.events import Action, EventOutcome


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A time in which what was done with one person's record was done with another's, too, by what was linked then."""

    person_id: UUID
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True, kw_only=True)
class Sought:
    """What events are looked for; None: any. `from_at` is the first moment, `until_at` the first one after.

    `is_alert`: those alone by which emergency access starts or ends. `stretches`: events about the person, and about
    others at those times.
    """

    person_id: UUID | None = None
    stretches: tuple[Stretch, ...] = ()
    user_id: UUID | None = None
    organisation_ods: str | None = None
    purpose: str | None = None
    action: Action | None = None
    outcome: EventOutcome | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    is_alert: bool = False


@dataclass(frozen=True, kw_only=True)
class TrailEvent:
    """One event as it is kept. `seq` gives the order; `detail` holds ids, codes and counts only."""

    seq: int
    at: datetime
    action: str
    outcome: str
    user_id: UUID | None
    client_id: UUID | None
    organisation_ods: str
    role: str
    purpose: str
    person_id: UUID | None
    source_id: UUID | None
    retrieval_id: UUID | None
    entry: str | None
    detail: Mapping[str, Any]
