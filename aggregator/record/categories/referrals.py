"""Referrals, and other requests for a service. Pure."""

from __future__ import annotations

from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.timeline import Standing
from connectors.contract.categories import RecordCategory

SERVICE_REQUEST = TypeRules(
    name="ServiceRequest",
    happened=("occurrenceDateTime", "authoredOn"),
    statuses={
        "active": Standing.ACTIVE,
        "on-hold": Standing.ACTIVE,
        "completed": Standing.PAST,
        "revoked": Standing.PAST,
    },
)

RULES = CategoryRules(
    category=RecordCategory.REFERRALS,
    title="Referrals",
    many="referrals",
    place=120,
    types=(SERVICE_REQUEST,),
)
