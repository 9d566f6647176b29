"""Family and social history. What was observed of it is an Observation, and read as in `observations`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.details import Line, concept_texts, note_line, when_text
from aggregator.record.reading import concept_text
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import mappings


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    yield DetailLabel.RELATIVE, concept_text(resource.get("relationship"))
    for condition in mappings(resource.get("condition")):
        yield DetailLabel.CONDITION, concept_text(condition.get("code"))
        yield DetailLabel.BEGAN, when_text(resource=condition, stem="onset")
        yield DetailLabel.OUTCOME, concept_text(condition.get("outcome"))
        yield note_line(condition)
    yield DetailLabel.REASON, concept_texts(resource.get("reasonCode"))
    yield note_line(resource)


def _conditions(sent: Sent) -> Iterator[object]:
    for condition in mappings(sent.resource.get("condition")):
        yield condition.get("code")


FAMILY_HISTORY = TypeRules(
    name="FamilyMemberHistory",
    about=("relationship",),
    further_concepts=_conditions,
    happened=("date",),
    statuses={"completed": Standing.PAST, "partial": Standing.PAST},
    lead="Family history",  # wherever it is mentioned, it is no condition of the patient's
    lines=_lines,
    reads_first=("status", "relationship", "condition", "date", "note"),
)

RULES = CategoryRules(
    category=RecordCategory.HISTORY,
    title="Family and social history",
    many="family and social history",
    place=140,
    types=(FAMILY_HISTORY,),
)
