"""The lines under an entry's heading: label and value, each value as its source sent it. Pure.

Each type's own lines stand with its category; here is what they share, and the lines of a type that has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.record.names import name_of, names_of
from aggregator.record.reading import (
    Resource,
    concept_text,
    note_texts,
    period_text,
    quantity_text,
    range_text,
    words_in,
)
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


# What is told already of a type without rules, or says how it is kept, whose it is and what it is joined to.
_TOLD = frozenset(
    "resourceType id meta implicitRules language text contained extension modifierExtension identifier status "
    "lifecycleStatus intent subject patient encounter context title description code performedDateTime performedString "
    "performedAge performedPeriod performedRange period bodySite reasonCode outcome note instantiatesCanonical "
    "instantiatesUri".split()
)
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


def all_lines(sent: Sent, /) -> Iterator[Line]:
    """Yield the lines of a resource of which nobody knows what matters in it: all that it says, by its elements."""
    yield from general_lines(sent)
    for name, value in sent.resource.items():
        if name.lstrip("_") not in _TOLD:
            yield _name_words(name), _value_words(sent, value)


def _name_words(name: str) -> str:
    words = " ".join(_WORD.findall(name.lstrip("_"))).lower() or name
    return words[:1].upper() + words[1:]


def _value_words(sent: Sent, value: object) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, (_value_words(sent, element) for element in value)))
    if not isinstance(value, dict):
        return words_in(value)
    if "coding" in value or set(value) == {"text"}:
        return concept_text(value) or words_in(value)
    if "reference" in value:
        return name_of(sent=sent, reference=value)
    if plain := quantity_text(value) or period_text(value):
        return plain
    parts = ((_name_words(name), _value_words(sent, inner)) for name, inner in value.items() if name not in _UNWORDED)
    return ", ".join(f"{name.lower()}: {words}" for name, words in parts if words)


_UNWORDED = frozenset({"id", "data", "div", "url", "system"})


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
    age = quantity_text(resource.get(f"{stem}Age")) or range_text(resource.get(f"{stem}Range"))
    return moment or period_text(resource.get(f"{stem}Period")) or age
