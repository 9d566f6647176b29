"""Whether the patient lets an item be shown to this requester. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, ItemGate
from aggregator.record.item import Item


def ask(case: Case, item: Item) -> Answer:
    """Return whether the person's policies permit an item."""
    return _PERMITTED if case.rules.permits(item=item) else _DENIED


def keeps_parts(case: Case, item: Item) -> bool:
    """Return whether what denies an item is about what belongs to it as well."""
    return not case.rules.permits_parts(item=item)


_PERMITTED = Answer(passed=True, reason="The patient has not objected.")
_DENIED = Answer(passed=False, reason="The patient has objected.")

GATE = ItemGate(name="consent-to-item", ask=ask, keeps_parts=keeps_parts)
