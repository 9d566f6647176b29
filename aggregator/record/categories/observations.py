"""Observations: what was measured or found at a moment. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aggregator.record.details import Line, concept_texts, note_line, specimen_lines
from aggregator.record.measurements import pressure_reading, value_text
from aggregator.record.parts import SentPart
from aggregator.record.reading import Resource, concept_text, range_text
from aggregator.record.rules import AbsenceElements, CategoryRules, SameConcept, TypeRules
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mappings, text

# What flags mean whose source gives only the code. Source: HL7 v3 ObservationInterpretation, as used by FHIR R4.
FLAG_WORDS: Mapping[str, str] = {
    "A": "Abnormal",
    "AA": "Critically abnormal",
    "H": "High",
    "HH": "Critically high",
    "HU": "Significantly high",
    "L": "Low",
    "LL": "Critically low",
    "LU": "Significantly low",
    "N": "Normal",
    "POS": "Positive",
    "NEG": "Negative",
    "IND": "Indeterminate",
    "DET": "Detected",
    "ND": "Not detected",
    "R": "Resistant",
    "S": "Susceptible",
    "I": "Intermediate",
}


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    components = mappings(resource.get("component"))
    reading = pressure_reading(parts=components)
    own = value_text(resource=resource)
    yield DetailLabel.VALUE, own or (reading.words if reading else _member_reading(sent)[0])
    for place, component in enumerate(components):
        name = concept_text(component.get("code")) or DetailLabel.PART
        if own or reading is None or place not in reading.pair:
            yield name, value_text(resource=component)
        for label, words in _judged(component):
            yield label, f"{name}: {words}" if words else ""
    yield from _judged(resource)
    yield DetailLabel.SITE, concept_texts(resource.get("bodySite"))
    yield from specimen_lines(sent)
    yield note_line(resource)


def _judged(measured: Resource) -> Iterator[Line]:
    """Yield how a value is judged, and by which range."""
    yield DetailLabel.FLAG, ", ".join(filter(None, map(_flag, mappings(listed(measured.get("interpretation"))))))
    for reference in mappings(measured.get("referenceRange")):
        span = text(reference.get("text")) or range_text(reference)
        of_whom = [concept_text(reference.get("type")), concept_texts(reference.get("appliesTo"))]
        ages = range_text(reference.get("age"))
        kind = ", ".join(filter(None, [*of_whom, f"age {ages}" if ages else ""]))
        yield DetailLabel.REFERENCE_RANGE, f"{span} ({kind})" if span and kind else span


def _flag(interpretation: Resource) -> str:
    words = concept_text(interpretation)
    return FLAG_WORDS.get(words, words)


def _members(sent: Sent) -> list[str]:
    pointers = mappings(listed(sent.resource.get("hasMember")))
    return [reference for pointer in pointers if (reference := text(pointer.get("reference")))]


def _member_reading(sent: Sent) -> tuple[str, frozenset[str]]:
    """Return the blood pressure that two members of a group make, and the references to these members.

    Only members that stand, and were measured at one moment, make a reading.
    """
    references = _members(sent)
    if len(references) < 2:
        return "", frozenset()
    members = [sent.find(reference=reference) for reference in references]
    reading = pressure_reading(parts=members)
    if reading is None or value_text(resource=sent.resource):
        return "", frozenset()
    pair = [members[place] for place in reading.pair]
    moments = {text(member.get("effectiveDateTime")) for member in pair} - {""}
    if len(moments) > 1 or any(text(member.get("status")) not in REPORTED for member in pair):
        return "", frozenset()
    return reading.words, frozenset(references[place] for place in reading.pair)


def _parts(sent: Sent) -> Iterator[SentPart]:
    pair = _member_reading(sent)[1] if not mappings(sent.resource.get("component")) else frozenset()
    for reference in _members(sent):
        yield SentPart(reference=reference, is_own=True, is_told=reference in pair)
    for pointer in mappings(listed(sent.resource.get("derivedFrom"))):
        yield SentPart(reference=text(pointer.get("reference")), is_expected=False)


# The statuses of what was measured and stands.
REPORTED = frozenset({"final", "amended", "corrected", "preliminary", "registered"})

OBSERVATION = TypeRules(
    name="Observation",
    happened=("effectiveDateTime", "effectivePeriod.start", "effectiveInstant"),
    statuses={
        "final": Standing.PAST,
        "amended": Standing.PAST,
        "corrected": Standing.PAST,
        "cancelled": Standing.NEGATED,
    },
    negation="Cancelled",
    lines=_lines,
    # That no allergies are known may be an observation: what was said then, and no denial that stands now.
    absence=AbsenceElements(names=("code",), by_code_alone=True),
    is_measurement=True,
    parts=_parts,
    reads_first=(
        *("status", "code", "effectiveDateTime", "effectivePeriod", "effectiveInstant", "valueQuantity"),
        *("valueCodeableConcept", "valueString", "component", "interpretation", "referenceRange", "note", "specimen"),
    ),
)

RULES = CategoryRules(
    category=RecordCategory.OBSERVATIONS,
    title="Observations",
    many="observations",
    place=70,
    types=(OBSERVATION,),
    same_concept=SameConcept.MEASUREMENT,
    part="result",
)
