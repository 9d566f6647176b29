"""Sources whose name alone tells something sensitive of whoever is known there. Pure."""

from __future__ import annotations

from uuid import UUID

from aggregator.consent.gate import Answer, Case, SourceGate
from aggregator.consent.gates import sensitivity
from aggregator.record.item import Item
from connectors.contract.categories import RecordCategory


def ask(case: Case, source_id: UUID) -> Answer:
    """Return whether a source may be known to hold the person: as may something so labelled that it holds."""
    label = case.disclosing.get(source_id)
    if label is None:
        return Answer(passed=True, reason="Its name discloses nothing.")
    name = Item(id="", source_id=str(source_id), category=RecordCategory.OTHER, resource=b"{}", labels=(label,))
    return sensitivity.ask(case, name)


GATE = SourceGate(name="sensitivity-of-source", ask=ask)
