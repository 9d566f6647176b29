"""The fact: an item as it is compared. Values only; `normalise` makes them."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.record.item import Item
from aggregator.record.timeline import PartialDate, Standing


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One item, read for comparing and showing; what is shown is worded as its source worded it.

    `concepts` are codes whose meaning is the same wherever they stand (SNOMED CT, dm+d, LOINC), each as `system|code`.
    `event_date` says when the thing happened and may join items; `shown_date` may be the date of recording instead.
    `dose` is what a medication's dose is compared by, `value` a result's. `continues` are the items of the same source
    of which this one is a part (an issue of an authorisation), by the names that `names` holds of those.
    """

    item: Item
    resource_type: str
    heading: str
    standing: Standing
    status_text: str
    details: tuple[tuple[str, str], ...]
    concepts: frozenset[str] = frozenset()
    ingredients: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()
    event_date: PartialDate | None = None
    shown_date: PartialDate | None = None
    dose: tuple[str, ...] = ()
    dose_is_coded: bool = False
    route: str = ""
    value: tuple[str, ...] = ()
    no_known_allergy: bool = False
    names: str = ""
    continues: tuple[str, ...] = ()
