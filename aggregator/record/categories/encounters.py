"""Contacts: admissions, visits and consultations. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.details import Line, concept_texts
from aggregator.record.reading import Resource, period_text
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import mapping, mappings, text


def _lines(resource: Resource) -> Iterator[Line]:
    yield DetailLabel.CLASS, text(mapping(resource.get("class")).get("display"))
    yield DetailLabel.WHEN, period_text(resource.get("period"))
    yield DetailLabel.REASON, concept_texts(resource.get("reasonCode"))
    for place in mappings(resource.get("location")):
        yield DetailLabel.PLACE, text(mapping(place.get("location")).get("display"))


ENCOUNTER = TypeRules(
    name="Encounter",
    about=("type", "serviceType", "class"),
    happened=("period.start",),
    statuses={
        "in-progress": Standing.ACTIVE,
        "arrived": Standing.ACTIVE,
        "finished": Standing.PAST,
        "cancelled": Standing.NEGATED,
    },
    negation="Cancelled",
    lines=_lines,
)

RULES = CategoryRules(
    category=RecordCategory.ENCOUNTERS,
    title="Contacts",
    many="contacts",
    place=50,
    types=(ENCOUNTER,),
)
