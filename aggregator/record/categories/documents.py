"""Documents: letters, summaries and forms. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.details import Line
from aggregator.record.reading import Resource
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import mapping, mappings, text


def _lines(resource: Resource) -> Iterator[Line]:
    yield DetailLabel.ABOUT, text(resource.get("description"))
    for content in mappings(resource.get("content")):
        yield DetailLabel.FORMAT, text(mapping(content.get("attachment")).get("contentType"))


DOCUMENT = TypeRules(
    name="DocumentReference",
    about=("type", "category"),
    happened=("context.period.start", "date"),
    statuses={"current": Standing.PAST, "superseded": Standing.PAST},
    lines=_lines,
)

RULES = CategoryRules(
    category=RecordCategory.DOCUMENTS,
    title="Documents",
    many="documents",
    place=100,
    types=(DOCUMENT,),
)
