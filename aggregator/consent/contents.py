"""The content of what is withheld, where it is an item of its own: the Binary of a restricted letter. Pure.

Only the letter says how confidential it is; its Binary has no label, and may not be shown in its place.
"""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.record.item import Item
from aggregator.record.references import Targets
from connectors.contract.categories import RecordCategory
from fhir_data.heads import type_of
from fhir_data.references import addresses_in, references_in


def contents_of(*, withheld: Iterable[Item], among: Iterable[Item]) -> frozenset[str]:
    """Return the ids of the Binaries that a withheld item leads to, or that name one as the measure of their own.

    Source: FHIR R4 and STU3, Binary.securityContext.
    """
    binaries = [item for item in among if _is_binary(item)]
    withheld = tuple(withheld)
    if not binaries or not withheld:
        return frozenset()
    targets = Targets(items=binaries)
    led_to = {
        target.id
        for item in withheld
        for reference in (*references_in(resource=item.resource), *addresses_in(resource=item.resource))
        for target in targets.find_likely(item=item, reference=reference)
    }
    measures = Targets(items=withheld)
    return frozenset(led_to.union(item.id for item in binaries if names_any(item=item, targets=measures)))


def names_any(*, item: Item, targets: Targets) -> bool:
    """Return whether an item refers to any of these targets."""
    return any(
        targets.find_likely(item=item, reference=reference) for reference in references_in(resource=item.resource)
    )


def _is_binary(item: Item, /) -> bool:
    return item.category is RecordCategory.DOCUMENTS and type_of(entry=item.resource) == "Binary"
