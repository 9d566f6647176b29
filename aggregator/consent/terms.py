"""What policies say, as the gates read them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BasePolicy(StrEnum):
    """Source: IHE Privacy Consent on FHIR, base policies Policy-basic-normal and Policy-deny."""

    PERMIT = "basic-normal"
    DENY = "deny"


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
