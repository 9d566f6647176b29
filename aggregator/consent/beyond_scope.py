"""What the scopes of a client's token do not include: by type, of what may be shown otherwise. Pure.

It is decided after what is confidential, whose labels reach what is within the scopes as well, and before anything is
merged, so that nothing that is shown points to it.
"""

from __future__ import annotations

from aggregator.accounts.scopes import Scopes
from aggregator.record.item import Item
from connectors.contract.categories import RecordCategory, category_of_type
from connectors.contract.notices import Notice
from fhir_data.heads import type_of


def is_beyond(*, item: Item, scopes: Scopes) -> bool:
    """Return whether an item is of a type that may not be read. What is only counted goes by its category."""
    name = type_of(entry=item.resource)
    if item.translated:
        return not scopes.may_read(name)
    return not _may_be_read(name, category=item.category, scopes=scopes)


def is_set_aside_beyond(*, entry: Item, scopes: Scopes) -> bool:
    """Return whether an entry that cannot be shown, and may be counted, is of a type that may not be read."""
    return not _may_be_read(type_of(entry=entry.resource), category=entry.category, scopes=scopes)


def is_notice_beyond(*, notice: Notice, scopes: Scopes | None) -> bool:
    """Return whether what a source says is about a part of the record of which no type may be read."""
    if scopes is None or notice.category is None:
        return False
    return not _may_be_read("", category=notice.category, scopes=scopes)


def _may_be_read(name: str, *, category: RecordCategory, scopes: Scopes) -> bool:
    """Return whether something may be of a type that may be read; it goes by another name, or by none, before R4."""
    if category_of_type(name) is not None or (name and not category.types):
        return scopes.may_read(name)
    return not category.types or any(scopes.may_read(known) for known in category.types)
