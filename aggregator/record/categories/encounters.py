"""Contacts: admissions, visits and consultations. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aggregator.record.details import Line, concept_texts
from aggregator.record.names import name_of, names_of
from aggregator.record.reading import period_text
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mapping, mappings, text

# Source: HL7 v3 ActEncounterCode, as FHIR R4 uses it.
CLASS_WORDS: Mapping[str, str] = {
    "AMB": "Ambulatory",
    "EMER": "Emergency",
    "FLD": "In the field",
    "HH": "At home",
    "IMP": "Inpatient",
    "ACUTE": "Inpatient, acute",
    "NONAC": "Inpatient, non-acute",
    "OBSENC": "Under observation",
    "PRENC": "Before admission",
    "SS": "Short stay",
    "VR": "Virtual",
}


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    of_class = mapping(resource.get("class"))
    code = text(of_class.get("code"))
    yield DetailLabel.CLASS, text(of_class.get("display")) or CLASS_WORDS.get(code, code)
    yield DetailLabel.WHEN, period_text(resource.get("period"))
    yield DetailLabel.REASON, concept_texts(resource.get("reasonCode"))
    for place in mappings(listed(resource.get("location"))):
        yield DetailLabel.PLACE, name_of(sent=sent, reference=place.get("location"))
    people = (participant.get("individual") for participant in mappings(listed(resource.get("participant"))))
    yield DetailLabel.BY, names_of(sent=sent, references=list(people))
    yield DetailLabel.ORGANISATION, name_of(sent=sent, reference=resource.get("serviceProvider"))


def _whole(sent: Sent) -> Iterator[str]:
    """Yield the contacts of which this one is a part."""
    for element in ("partOf", "episodeOfCare"):
        for pointer in mappings(listed(sent.resource.get(element))):
            if reference := text(pointer.get("reference")):
                yield reference


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
    part_of=_whole,
    reads_first=("status", "class", "type", "serviceType", "period", "reasonCode", "participant", "location"),
)

RULES = CategoryRules(
    category=RecordCategory.ENCOUNTERS,
    title="Contacts",
    many="contacts",
    place=50,
    types=(ENCOUNTER,),
)
