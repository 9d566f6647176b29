"""Immunisations: what was given, on a day. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.details import Line, concept_texts, note_line
from aggregator.record.extensions import extensions_named
from aggregator.record.names import name_of, names_of
from aggregator.record.reading import Resource, code_of, concept_text, quantity_text
from aggregator.record.rules import (
    AbsenceElements,
    AbsenceRules,
    CategoryRules,
    Compared,
    ConflictRules,
    SameConcept,
    TypeRules,
)
from aggregator.record.sent import Sent
from aggregator.record.timeline import CLAIMED, DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mappings, text

NONE_KNOWN = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.IMMUNISATIONS)


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    product = concept_text(resource.get("vaccineCode"))
    acts = {concept_text(act) for act in _vaccination_procedures(sent)} - {""}
    # Where the act is coded it heads the entry, and the product is told here.
    yield DetailLabel.PRODUCT, product if acts - {product} else ""
    yield DetailLabel.MANUFACTURER, name_of(sent=sent, reference=resource.get("manufacturer"))
    doses = (_dose(dose) for dose in mappings(listed(resource.get("protocolApplied"))))
    yield DetailLabel.DOSE, "; ".join(filter(None, doses))
    yield DetailLabel.WHEN, text(resource.get("occurrenceString"))
    if resource.get("isSubpotent") is True:
        # Source: FHIR R4, Immunization.isSubpotent, a modifier: it may not protect.
        why = concept_texts(resource.get("subpotentReason"))
        yield DetailLabel.POTENCY, f"Not of full potency: {why}" if why else "Not of full potency"
    yield DetailLabel.QUANTITY, quantity_text(resource.get("doseQuantity"))
    yield DetailLabel.BATCH, text(resource.get("lotNumber"))
    yield DetailLabel.EXPIRES, text(resource.get("expirationDate"))
    yield DetailLabel.SITE, concept_text(resource.get("site"))
    yield DetailLabel.ROUTE, concept_text(resource.get("route"))
    actors = [performer.get("actor") for performer in mappings(listed(resource.get("performer")))]
    yield DetailLabel.BY, names_of(sent=sent, references=actors)
    yield DetailLabel.PLACE, name_of(sent=sent, reference=resource.get("location"))
    if resource.get("primarySource") is False:
        yield DetailLabel.ORIGIN, concept_text(resource.get("reportOrigin")) or "Reported, not by whoever gave it"
    for reaction in mappings(listed(resource.get("reaction"))):
        yield DetailLabel.REACTION, name_of(sent=sent, reference=reaction.get("detail")) or text(reaction.get("date"))
    yield DetailLabel.REASON, concept_texts(resource.get("reasonCode"))
    yield DetailLabel.WHY_NOT_GIVEN, concept_text(resource.get("statusReason"))
    yield note_line(resource)


def _dose(dose: Resource) -> str:
    """Return which dose it was, and whether it counts towards protection where that is not as it should be.

    Source: FHIR STU3, Immunization.vaccinationProtocol.doseStatus, and its value set; R4 has it as an extension.
    """
    number = text(dose.get("doseNumberPositiveInt")) or text(dose.get("doseNumberString"))
    sent = [extension.get("valueCodeableConcept") for extension in extensions_named(dose, _DOSE_STATUS)]
    reasons = [extension.get("valueCodeableConcept") for extension in extensions_named(dose, _DOSE_STATUS_REASON)]
    statuses = [_DOSE_STATUSES.get(code_of(status), concept_text(status)) for status in sent]
    status, why = ", ".join(filter(None, statuses)), concept_texts(reasons)
    said = f"{status}: {why}" if status and why else status or why
    return f"{number} ({said})" if number and said else number or said


_DOSE_STATUS = "Immunization.vaccinationProtocol.doseStatus"
_DOSE_STATUS_REASON = f"{_DOSE_STATUS}Reason"
_DOSE_STATUSES = {"count": "", "nocount": "does not count"}


def _vaccination_procedures(sent: Sent) -> Iterator[object]:
    """Yield the coded act of vaccination: where a practice knows no product, `vaccineCode` is only "unknown".

    Source: GP Connect and UK Core, Immunization, extension VaccinationProcedure.
    """
    for extension in extensions_named(sent.resource, "VaccinationProcedure"):
        yield extension.get("valueCodeableConcept")


IMMUNIZATION = TypeRules(
    name="Immunization",
    about=("vaccineCode",),
    further_concepts=_vaccination_procedures,
    happened=("occurrenceDateTime",),
    statuses={"completed": Standing.PAST, "not-done": Standing.NEGATED},
    negation="Not given",
    lines=_lines,
    reads_first=(
        *("status", "statusReason", "vaccineCode", "occurrenceDateTime", "lotNumber", "expirationDate", "site"),
        *("route", "doseQuantity", "protocolApplied", "performer", "location", "note"),
    ),
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
