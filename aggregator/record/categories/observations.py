"""Observations: what was measured or found at a moment. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.details import Line, concept_texts, note_line
from aggregator.record.measurements import value_text
from aggregator.record.reading import Resource, concept_text, quantity_text
from aggregator.record.rules import AbsenceElements, CategoryRules, SameConcept, TypeRules
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import mappings, text


def _lines(resource: Resource) -> Iterator[Line]:
    yield DetailLabel.VALUE, value_text(resource=resource)
    for component in mappings(resource.get("component")):
        yield concept_text(component.get("code")) or DetailLabel.PART, value_text(resource=component)
    yield DetailLabel.FLAG, concept_texts(resource.get("interpretation"))
    for reference in mappings(resource.get("referenceRange")):
        yield DetailLabel.REFERENCE_RANGE, text(reference.get("text")) or _range_text(reference)
    yield note_line(resource)


def _range_text(reference: Resource) -> str:
    low, high = quantity_text(reference.get("low")), quantity_text(reference.get("high"))
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"up to {high}" if high else ""


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
)

RULES = CategoryRules(
    category=RecordCategory.OBSERVATIONS,
    title="Observations",
    many="observations",
    place=70,
    types=(OBSERVATION,),
    same_concept=SameConcept.MEASUREMENT,
)
