"""Immunisations: what was given, on a day. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.details import Line, note_line
from aggregator.record.reading import Resource, concept_text
from aggregator.record.rules import (
    AbsenceElements,
    AbsenceRules,
    CategoryRules,
    Compared,
    ConflictRules,
    SameConcept,
    Sent,
    TypeRules,
)
from aggregator.record.timeline import CLAIMED, DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import mappings, text

NONE_KNOWN = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.IMMUNISATIONS)


def _lines(resource: Resource) -> Iterator[Line]:
    numbers = [
        text(dose.get("doseNumberPositiveInt")) or text(dose.get("doseNumberString"))
        for dose in mappings(resource.get("protocolApplied"))
    ]
    yield DetailLabel.DOSE, "; ".join(numbers)
    yield DetailLabel.BATCH, text(resource.get("lotNumber"))
    yield DetailLabel.SITE, concept_text(resource.get("site"))
    yield DetailLabel.WHY_NOT_GIVEN, concept_text(resource.get("statusReason"))
    yield note_line(resource)


def _vaccination_procedures(sent: Sent) -> Iterator[object]:
    """Yield the coded act of vaccination: where a practice knows no product, `vaccineCode` is only "unknown".

    Source: GP Connect and UK Core, Immunization, extension VaccinationProcedure.
    """
    for extension in mappings(sent.resource.get("extension")):
        if "VaccinationProcedure" in text(extension.get("url")):
            yield extension.get("valueCodeableConcept")


IMMUNIZATION = TypeRules(
    name="Immunization",
    about=("vaccineCode",),
    further_concepts=_vaccination_procedures,
    happened=("occurrenceDateTime",),
    statuses={"completed": Standing.PAST, "not-done": Standing.NEGATED},
    negation="Not given",
    lines=_lines,
    absence=AbsenceElements(names=("vaccineCode",), elsewhere=_vaccination_procedures),
)

RULES = CategoryRules(
    category=RecordCategory.IMMUNISATIONS,
    title="Immunisations",
    many="immunisations",
    place=90,
    types=(IMMUNIZATION,),
    same_concept=SameConcept.DAY,
    conflicts=ConflictRules(denials=Compared.AT_ONE_TIME, contradicted_by_none=CLAIMED),
    absence=AbsenceRules(
        one="an immunisation",
        many="immunisations",
        noun=re.compile(r"immuni[sz]ations?|vaccin(?:es?|ations?)|jabs?|inoculations?"),
        # Source: IPS 2.0; IPS 1.1, absent-unknown-uv-ips.
        codes={
            "787482006": NONE_KNOWN,
            "no-known-immunizations": NONE_KNOWN,
            "no-immunization-info": Absence(kind=AbsenceKind.NO_INFORMATION, about=RecordCategory.IMMUNISATIONS),
        },
    ),
)
