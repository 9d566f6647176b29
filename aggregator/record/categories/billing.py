"""Billing: what insurers and payers exchange. It is no part of a care record, and only counted. Pure."""

from __future__ import annotations

from aggregator.record.rules import CategoryRules
from connectors.contract.categories import RecordCategory

RULES = CategoryRules(category=RecordCategory.BILLING, title="Billing", many="billing")
