"""Items and a decision -> the items that may be shown. Runs before anything is merged. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.consent.arrangement import arranging, is_list
from aggregator.consent.contents import contents_of
from aggregator.consent.decision import Decision
from aggregator.record.item import Item
from aggregator.record.references import referenced_from


@dataclass(frozen=True, kw_only=True)
class Permitted:
    """Each item is in exactly one of the three. `withheld` is for the audit's count and for a bare notice: its number
    and kinds are never shown. `unreferenced` are supporting items that have nothing to do with what is shown."""

    items: tuple[Item, ...]
    withheld: tuple[Item, ...]
    unreferenced: tuple[Item, ...]


def permit(*, items: Iterable[Item], decision: Decision, patients: Iterable[Item] = ()) -> Permitted:
    """Return what may be shown, in the order given. `patients` are sources' own Patients that may be shown.

    A supporting item (a clinic, a practitioner) is shown only where an item or a Patient that may be shown leads to it,
    or where it arranges such items, whether or not anything is withheld: so a withheld item is not felt by what it
    pointed to, nor by what points to it. The content of a withheld letter is withheld with it.
    """
    items = tuple(items)
    open_items = [item for item in items if decision.may_show(item=item)]
    closed = {item.id for item in items}.difference(item.id for item in open_items)
    closed |= contents_of(withheld=[item for item in items if item.id in closed], among=open_items)
    allowed = [item for item in items if item.id not in closed]
    withheld = [item for item in items if item.id in closed]
    supporting = [item for item in allowed if not item.category.is_clinical]
    clinical = [item for item in allowed if item.category.is_clinical]
    # A List may name what is withheld, so none is shown merely because something leads to it.
    plain = [item for item in supporting if not is_list(item)]
    led_to = referenced_from(items=(*clinical, *patients), supporting=plain)
    shown = {item.id: item for item in (*clinical, *led_to)}
    rest = [item for item in supporting if item.id not in shown]
    arranged = arranging(supporting=rest, shown=shown.values(), withheld=withheld)
    shown.update({item.id: item for item in arranged})
    return Permitted(
        items=tuple(shown[item.id] for item in allowed if item.id in shown),
        withheld=tuple(withheld),
        unreferenced=tuple(item for item in supporting if item.id not in shown),
    )
