"""The lines under an entry's heading: label and value, each value as its source sent it. Pure.

Each type's own lines stand with its category; here is what they share, and the lines of a type that has none.
"""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.reading import Resource, concept_text, note_texts, period_text, quantity_text
from aggregator.record.timeline import DetailLabel
from fhir_data.access import mappings, text

Line = tuple[str, str]


def general_lines(resource: Resource, /) -> Iterator[Line]:
    """Yield the lines of a resource whose type has no lines of its own."""
    yield DetailLabel.ABOUT, text(resource.get("description"))
    yield DetailLabel.WHEN, when_text(resource=resource, stem="performed") or period_text(resource.get("period"))
    yield DetailLabel.REASON, concept_texts(resource.get("reasonCode"))
    yield DetailLabel.OUTCOME, concept_text(resource.get("outcome"))
    yield note_line(resource)


def note_line(resource: Resource, /) -> Line:
    """Return the notes on a resource."""
    return DetailLabel.NOTE, note_texts(resource.get("note"))


def concept_texts(concepts: object, /) -> str:
    """Return a list of CodeableConcepts as their source words them."""
    return ", ".join(concept_text(concept) for concept in mappings(concepts))


def when_text(*, resource: Resource, stem: str) -> str:
    """Return the choice element `stem`[x] in words, whichever kind of time it was sent as."""
    moment = text(resource.get(f"{stem}DateTime")) or text(resource.get(f"{stem}String"))
    age = quantity_text(resource.get(f"{stem}Age"))
    return moment or period_text(resource.get(f"{stem}Period")) or age
