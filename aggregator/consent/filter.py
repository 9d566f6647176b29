"""Items and a decision -> the items that may be shown. Runs before anything is merged. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.consent.decision import Decision
from aggregator.record.item import Item
from aggregator.record.references import referenced_from


@dataclass(frozen=True, kw_only=True)
class Permitted:
    """Each item is in exactly one of the three. `withheld` is for the audit's count and for a bare notice: its number
    and kinds are never shown. `unreferenced` are supporting items that nothing shown leads to."""

    items: tuple[Item, ...]
    withheld: tuple[Item, ...]
    unreferenced: tuple[Item, ...]


def permit(*, items: Iterable[Item], decision: Decision) -> Permitted:
    """Return what may be shown, in the order given.

    A supporting item (a clinic, a practitioner) is shown only where an item that may be shown leads to it, whether or
    not anything is withheld: so a withheld item is not felt by what it pointed to.
    """
    allowed: list[Item] = []
    withheld: list[Item] = []
    for item in items:
        (allowed if decision.may_show(item=item) else withheld).append(item)
    supporting = [item for item in allowed if not item.category.is_clinical]
    clinical = [item for item in allowed if item.category.is_clinical]
    reached = {item.id for item in referenced_from(items=clinical, supporting=supporting)}
    shown = {item.id for item in clinical} | reached
    return Permitted(
        items=tuple(item for item in allowed if item.id in shown),
        withheld=tuple(withheld),
        unreferenced=tuple(item for item in supporting if item.id not in reached),
    )
