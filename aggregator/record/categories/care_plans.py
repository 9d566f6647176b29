"""Care plans: what is intended for the patient, and by whom. Pure."""

from __future__ import annotations

from aggregator.record.details import all_lines
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.timeline import Standing
from connectors.contract.categories import RecordCategory

CARE_PLAN = TypeRules(
    name="CarePlan",
    about=("title", "category", "description"),
    happened=("period.start", "created"),
    lines=all_lines,
    statuses={
        "active": Standing.ACTIVE,
        "on-hold": Standing.ACTIVE,
        "completed": Standing.PAST,
        "revoked": Standing.PAST,
    },
)

RULES = CategoryRules(
    category=RecordCategory.CARE_PLANS,
    title="Care plans",
    many="care plans",
    place=110,
    types=(CARE_PLAN,),
    is_lasting=True,
    is_planned=True,
)
