"""Reading values out of a FHIR resource that somebody else wrote: what is missing or misshapen is absent. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from fhir_data.access import JsonObject, mapping, mappings, text

Resource = JsonObject


# What `json.loads` would make anew for each.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)


def parse(*, resource: bytes) -> Resource:
    """Return a resource as a mapping, each number as the text that was sent: 7.10 stays 7.10, and 1e-7 is 1e-7."""
    parsed = _DECODER.decode(resource.decode(json.detect_encoding(resource), "surrogatepass"))
    return parsed if isinstance(parsed, dict) else {}


def codings(concept: object) -> Sequence[tuple[str, str, str]]:
    """Return (system, code, display) of a CodeableConcept, in order; a code means the same with space around it."""
    sent = concept.get("coding") if isinstance(concept, dict) else None
    if not sent:
        return ()  # most elements that may say something say nothing
    return [
        (text(coding.get("system")).strip(), text(coding.get("code")).strip(), text(coding.get("display")))
        for coding in mappings(sent)
    ]


def concept_text(concept: object) -> str:
    """Return a CodeableConcept as its source words it: what the user chose, else text, else a display, else a code."""
    if not isinstance(concept, dict):
        return ""
    for coding in mappings(concept.get("coding")):
        if coding.get("userSelected") is True and (chosen := text(coding.get("display"))):
            return chosen
    if words := text(concept.get("text")):
        return words
    coded = codings(concept)
    return next((display for _, _, display in coded if display), "") or next((code for _, code, _ in coded if code), "")


def code_of(concept: object) -> str:
    """Return the first code of a CodeableConcept, or of a bare code."""
    if isinstance(concept, str):
        return concept.strip()
    return next((code for _, code, _ in codings(concept) if code), "")


def quantity_text(quantity: object) -> str:
    """Return a Quantity as sent: comparator, value with its precision, unit."""
    parts = mapping(quantity)
    value = text(parts.get("value"))
    unit = text(parts.get("unit")) or text(parts.get("code"))
    return f"{text(parts.get('comparator'))}{value} {unit}".strip() if value else ""


def range_text(span: object) -> str:
    """Return a Range in words, as sent, a unit that both ends have told once; of an open one, the end that it has."""
    low, high = quantity_text(mapping(span).get("low")), quantity_text(mapping(span).get("high"))
    if low and high:
        unit = high.partition(" ")[2]
        return f"{low.removesuffix(f' {unit}') if unit else low} to {high}"
    return f"{low} or more" if low else f"up to {high}" if high else ""


def period_text(period: object) -> str:
    """Return a Period in words, its dates as sent."""
    start, end = text(mapping(period).get("start")), text(mapping(period).get("end"))
    if start and end:
        return f"{start} to {end}"
    if start:
        return f"from {start}"
    return f"until {end}" if end else ""


def note_texts(notes: object) -> str:
    """Return the texts of a list of Annotations."""
    return "\n".join(words for note in mappings(notes) if (words := text(note.get("text"))))


def words_in(value: object, /) -> str:
    """Return the texts, numbers and truths in a value of any shape, each once and in order."""
    return ", ".join(dict.fromkeys(_words_in(value)))


# What is no word for a reader.
_NO_WORDS = frozenset({"system", "url", "reference", "data", "div"})


def _words_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name not in _NO_WORDS or not isinstance(part, str):
                yield from _words_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _words_in(part)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None and (words := str(value).strip()):
        yield words
