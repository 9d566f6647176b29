"""Test results: reports, and what was measured for them. An Observation is read as in `observations`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.attachments import Attachment, attachments_at, listed_at
from aggregator.record.details import Line, concept_texts, specimen_lines
from aggregator.record.names import names_of
from aggregator.record.parts import SentPart
from aggregator.record.rules import CategoryRules, SameConcept, TypeRules
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mappings, text


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    status = text(resource.get("status"))
    yield DetailLabel.STATUS, status if status not in {"final", "unknown"} else ""
    yield DetailLabel.CONCLUSION, text(resource.get("conclusion"))
    yield DetailLabel.CONCLUSION_CODE, concept_texts(resource.get("conclusionCode"))
    yield DetailLabel.REPORTED, text(resource.get("issued"))
    yield DetailLabel.BY, names_of(sent=sent, references=resource.get("performer"))
    yield from specimen_lines(sent)


def _parts(sent: Sent) -> Iterator[SentPart]:
    """Yield the results of a report, and the request that it answers."""
    for pointer in mappings(listed(sent.resource.get("result"))):
        if reference := text(pointer.get("reference")):
            yield SentPart(reference=reference, is_own=True)
    for pointer in mappings(listed(sent.resource.get("basedOn"))):
        if reference := text(pointer.get("reference")):
            yield SentPart(reference=reference, heading="Request", is_own=True, is_expected=False)


def _documents(sent: Sent) -> Iterator[Attachment]:
    return attachments_at(sent, elements=listed_at(sent.resource, "presentedForm"))


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
    tells_status=True,
    parts=_parts,
    attachments=_documents,
    reads_first=(
        *("status", "code", "effectiveDateTime", "effectivePeriod", "issued", "conclusion", "conclusionCode"),
        *("result", "specimen", "performer", "basedOn"),
    ),
)

RULES = CategoryRules(
    category=RecordCategory.RESULTS,
    title="Test results",
    many="test results",
    place=60,
    types=(REPORT,),
    same_concept=SameConcept.MEASUREMENT,
    part="result",
)
