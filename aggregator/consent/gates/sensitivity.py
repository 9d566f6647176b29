"""Labels that a source puts on an item. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, ItemGate
from aggregator.record.item import Item
from fhir_data.confidentiality import restricts


def ask(case: Case, item: Item) -> Answer:
    """Return whether no label on the item forbids showing it, or the patient permits what is labelled so.

    In an emergency what the patient permits goes past labels, as far as they have not denied that.
    """
    if not item.labels or not any(restricts(label) for label in item.labels):
        return _UNLABELLED
    return _PERMITTED if case.rules.permits(item=item) else _WITHHELD


_UNLABELLED = Answer(passed=True, reason="No restricting label.")
_PERMITTED = Answer(passed=True, reason="Labelled as restricted by its source; the patient permits it.")
_WITHHELD = Answer(passed=False, reason="Labelled as restricted by its source.")

GATE = ItemGate(name="sensitivity", ask=ask)
