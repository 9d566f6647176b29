"""Items and a decision -> the items that may be shown. Runs before anything is merged or counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.consent.arrangement import arranging, emptied_lists, is_list
from aggregator.consent.beyond_scope import is_beyond, is_set_aside_beyond
from aggregator.consent.contents import contents_of
from aggregator.consent.decision import Decision
from aggregator.consent.inheritance import closed_items
from aggregator.consent.pointers import without_pointers
from aggregator.record.item import Item
from aggregator.record.references import referenced_from


@dataclass(frozen=True, kw_only=True)
class Permitted:
    """Each item is in exactly one of the five. `withheld` is for the audit's count and for a bare notice: its number
    and kinds are never shown. `unreferenced` are supporting items that have nothing to do with what is shown, and Lists
    in which nothing is left or that are about what is withheld: those are `emptied`, too. `beyond_scope` are of types
    that a client's token is not for. `set_aside` are entries that cannot be shown and may be counted."""

    items: tuple[Item, ...]
    withheld: tuple[Item, ...]
    unreferenced: tuple[Item, ...]
    set_aside: tuple[Item, ...] = ()
    emptied: tuple[Item, ...] = ()
    beyond_scope: tuple[Item, ...] = ()


def permit(
    *, items: Iterable[Item], decision: Decision, patients: Iterable[Item] = (), set_aside: Iterable[Item] = ()
) -> Permitted:
    """Return what may be shown, in the order given, without what points to anything that is withheld.

    `patients` are sources' own Patients that may be shown, `set_aside` entries that cannot be shown at all.
    A supporting item (a clinic, a practitioner) is shown only where an item or a Patient that may be shown leads to it,
    or where it arranges such items, whether or not anything is withheld: so a withheld item is not felt by what it
    pointed to, nor by what points to it. The content of a withheld letter is withheld with it. What is beyond the
    scopes of a client's token is left out as if it were withheld, and is no ground for saying that something is.
    """
    items, set_aside = tuple(items), tuple(set_aside)
    received = (*items, *set_aside)
    closed = closed_items(items=received, decision=decision)
    closed |= contents_of(
        withheld=[item for item in received if item.id in closed],
        among=[item for item in received if item.id not in closed],
    )
    withheld = [item for item in received if item.id in closed]
    beyond = _beyond_scope(
        items=[item for item in items if item.id not in closed],
        set_aside=[entry for entry in set_aside if entry.id not in closed],
        decision=decision,
    )
    out = closed.union(item.id for item in beyond)
    left = [item for item in items if item.id not in out]
    # A List in which nothing is left is not shown, whether it arranges others or is content by itself, as in R4.
    emptied = emptied_lists(items=left, withheld=[*withheld, *beyond])
    empty = [item for item in left if item.id in emptied]
    hidden = [*withheld, *beyond, *empty]
    allowed = [item for item in left if item.id not in emptied]
    supporting = [item for item in allowed if item.category.is_supporting]
    plain = [item for item in supporting if not is_list(item)]
    # A List may name what is withheld, so none is shown merely because something leads to it.
    open_items = {item.id: item for item in without_pointers(items=allowed, withheld=hidden)}
    clinical = [open_items[item.id] for item in allowed if item.category.is_clinical]
    # Billing is only counted; one that points to what is withheld is not even that.
    billing = [item for item in allowed if item.category.is_billing and open_items[item.id] is item]
    led_to = referenced_from(items=(*clinical, *patients), supporting=[open_items[item.id] for item in plain])
    shown = {item.id: item for item in (*clinical, *billing, *led_to)}
    rest = [item if is_list(item) else open_items[item.id] for item in supporting if item.id not in shown]
    arranged = arranging(supporting=rest, shown=shown.values(), withheld=hidden)
    shown.update({item.id: item for item in arranged.items})
    return Permitted(
        items=tuple(shown[item.id] for item in allowed if item.id in shown),
        withheld=tuple(withheld),
        unreferenced=tuple(item for item in items if item.id not in out and item.id not in shown),
        set_aside=tuple(entry for entry in set_aside if entry.id not in out),
        emptied=(*empty, *arranged.emptied),
        beyond_scope=tuple(beyond),
    )


def _beyond_scope(*, items: Iterable[Item], set_aside: Iterable[Item], decision: Decision) -> list[Item]:
    scopes = decision.scopes
    if scopes is None:
        return []
    return [
        *(item for item in items if is_beyond(item=item, scopes=scopes)),
        *(entry for entry in set_aside if is_set_aside_beyond(entry=entry, scopes=scopes)),
    ]
