"""Test results: reports, and what was measured for them. An Observation is read as in `observations`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.details import Line, concept_texts
from aggregator.record.reading import Resource
from aggregator.record.rules import CategoryRules, SameConcept, TypeRules
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import text


def _lines(resource: Resource) -> Iterator[Line]:
    yield DetailLabel.CONCLUSION, text(resource.get("conclusion"))
    yield DetailLabel.CONCLUSION_CODE, concept_texts(resource.get("conclusionCode"))


REPORT = TypeRules(
    name="DiagnosticReport",
    happened=("effectiveDateTime", "effectivePeriod.start"),
    statuses={
        "final": Standing.PAST,
        "amended": Standing.PAST,
        "corrected": Standing.PAST,
        "appended": Standing.PAST,
        "cancelled": Standing.NEGATED,
    },
    negation="Cancelled",
    lines=_lines,
)

RULES = CategoryRules(
    category=RecordCategory.RESULTS,
    title="Test results",
    many="test results",
    place=60,
    types=(REPORT,),
    same_concept=SameConcept.MEASUREMENT,
)
