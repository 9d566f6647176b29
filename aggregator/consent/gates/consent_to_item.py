"""Whether the patient lets an item be shown to this requester. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, ItemGate
from aggregator.record.item import Item


def ask(case: Case, item: Item) -> Answer:
    """Return whether the person's policies permit an item, and whether what denies it is about its parts as well."""
    if case.rules.permits(item=item):
        return _PERMITTED
    return _DENIED_ALONE if case.rules.permits_parts(item=item) else _DENIED


_PERMITTED = Answer(passed=True, reason="The patient has not objected.")
_DENIED = Answer(passed=False, reason="The patient has objected.")
_DENIED_ALONE = Answer(passed=False, reason="The patient has objected to this kind of content.", for_parts=False)

GATE = ItemGate(name="consent-to-item", ask=ask)
