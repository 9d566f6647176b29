"""The lines under an entry's heading: label and value, each value as its source sent it. Pure.

Each type's own lines stand with its category; here is what they share, and the lines of a type that has none.
"""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.names import names_of
from aggregator.record.reading import Resource, concept_text, note_texts, period_text, quantity_text
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel
from fhir_data.access import listed, mapping, mappings, text

Line = tuple[str, str]


def general_lines(sent: Sent, /) -> Iterator[Line]:
    """Yield the lines of a resource whose type has no lines of its own."""
    resource = sent.resource
    yield DetailLabel.ABOUT, text(resource.get("description"))
    yield DetailLabel.WHEN, when_text(resource=resource, stem="performed") or period_text(resource.get("period"))
    yield DetailLabel.SITE, concept_texts(resource.get("bodySite"))
    yield DetailLabel.REASON, concept_texts(resource.get("reasonCode"))
    yield DetailLabel.OUTCOME, concept_text(resource.get("outcome"))
    yield note_line(resource)


def note_line(resource: Resource, /) -> Line:
    """Return the notes on a resource."""
    return DetailLabel.NOTE, note_texts(resource.get("note"))


def specimen_lines(sent: Sent, /) -> Iterator[Line]:
    """Yield what the specimens of a resource are, and when they were taken and received."""
    for reference in mappings(listed(sent.resource.get("specimen"))):
        specimen = sent.find(reference=text(reference.get("reference")))
        collection = mapping(specimen.get("collection"))
        sites = concept_text(collection.get("bodySite"))
        kind = concept_text(specimen.get("type")) or names_of(sent=sent, references=reference)
        yield DetailLabel.SPECIMEN, f"{kind} ({sites})" if kind and sites else kind or sites
        yield DetailLabel.SPECIMEN_TAKEN, when_text(resource=collection, stem="collected")
        yield DetailLabel.SPECIMEN_RECEIVED, text(specimen.get("receivedTime"))
        yield DetailLabel.NOTE, note_texts(specimen.get("note"))


def concept_texts(concepts: object, /) -> str:
    """Return a list of CodeableConcepts as their source words them; a single one too."""
    return ", ".join(words for concept in mappings(listed(concepts)) if (words := concept_text(concept)))


def when_text(*, resource: Resource, stem: str) -> str:
    """Return the choice element `stem`[x] in words, whichever kind of time it was sent as."""
    moment = text(resource.get(f"{stem}DateTime")) or text(resource.get(f"{stem}String"))
    age = quantity_text(resource.get(f"{stem}Age"))
    return moment or period_text(resource.get(f"{stem}Period")) or age
