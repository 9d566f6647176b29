"""What other items point to: organisations, practitioners, places, medicines. It has no section of its own. Pure."""

from __future__ import annotations

from aggregator.record.rules import CategoryRules
from connectors.contract.categories import RecordCategory

RULES = CategoryRules(
    category=RecordCategory.SUPPORTING,
    title="Supporting information",
    many="supporting information",
)
