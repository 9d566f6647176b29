"""Alerts: what a clinician must know before anything else. Pure."""

from __future__ import annotations

import re

from aggregator.record.rules import AbsenceElements, AbsenceRules, CategoryRules, TypeRules
from aggregator.record.timeline import Standing
from connectors.contract.categories import RecordCategory

FLAG = TypeRules(
    name="Flag",
    about=("code", "category"),
    happened=("period.start",),
    statuses={"active": Standing.ACTIVE, "inactive": Standing.PAST},
    absence=AbsenceElements(names=("code",)),
)

RULES = CategoryRules(
    category=RecordCategory.ALERTS,
    title="Alerts",
    many="alerts",
    place=10,
    types=(FLAG,),
    is_lasting=True,
    absence=AbsenceRules(
        one="an alert",
        many="alerts",
        noun=re.compile(r"alerts?|warnings?|flags?"),
        codes={},
    ),
)
