"""Labels that a source puts on an item. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, ItemGate
from aggregator.record.item import Item
from fhir_data.confidentiality import restricts


def ask(case: Case, item: Item) -> Answer:
    """Return whether no label on the item forbids showing it. No policy permits what is labelled yet."""
    is_withheld = any(restricts(label) for label in item.labels)
    reason = "Labelled as restricted by its source." if is_withheld else "No restricting label."
    return Answer(passed=not is_withheld, reason=reason)


GATE = ItemGate(name="sensitivity", ask=ask)
