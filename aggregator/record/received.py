"""What a connector received -> an item. Pure: the same for an answer off the wire and for one from a file."""

from __future__ import annotations

from aggregator.record.item import Item
from connectors.contract.values import ReceivedItem


def item_of(*, received: ReceivedItem, item_id: str, source_id: str) -> Item:
    """Return a received item under an id of ours."""
    return Item(
        id=item_id,
        source_id=source_id,
        category=received.category,
        resource=received.resource,
        original=received.original,
        notes=received.notes,
        flaws=received.flaws,
        at_fault=received.at_fault,
        incidental=received.incidental,
        translated=received.translated,
        labels=received.labels,
        full_url=received.full_url,
        subject_references=received.subject_references,
        names_no_patient=received.names_no_patient,
    )
