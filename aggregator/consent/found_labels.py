"""The labels that content has for what it names by a code, where its source has put none on it. Pure.

They are inherited, permitted and withheld as a source's own labels are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from msgspec import structs

from aggregator.record.item import Item
from aggregator.terminology.finding import Finder
from connectors.contract.values import QuarantinedEntry
from fhir_data.labels import Label


def labelled_item(*, item: Item, finder: Finder) -> Item:
    """Return an item with the labels of what it names, as it was read and as it was sent."""
    labels = found_labels(resources=filter(None, (item.resource, item.original)), finder=finder)
    return structs.replace(item, labels=(*item.labels, *labels)) if labels else item


def labelled_entry(*, entry: QuarantinedEntry, finder: Finder) -> QuarantinedEntry:
    """Return an entry that could not be used, with the labels of what it names."""
    labels = found_labels(resources=[entry.original], finder=finder)
    return replace(entry, labels=(*entry.labels, *labels)) if labels else entry


def found_labels(*, resources: Iterable[bytes], finder: Finder) -> tuple[Label, ...]:
    """Return the labels of what resources name, each once and always in the same order."""
    sensitivities = {
        sensitivity for resource in resources for sensitivity in finder.sensitivities_in(resource=resource)
    }
    return tuple(dict.fromkeys(sensitivity.label for sensitivity in sorted(sensitivities)))
