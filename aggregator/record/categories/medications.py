"""Medications: what is prescribed, taken, given and dispensed; several resources may tell of one prescription. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.details import Line, concept_texts, note_line, when_text
from aggregator.record.dosages import dosage_text, dosages_of, parts_untold, steps_of
from aggregator.record.extensions import extension_value, extensions_named, part_of_extension
from aggregator.record.fact import Fact
from aggregator.record.names import name_of
from aggregator.record.reading import Resource, code_of, concept_text, period_text, quantity_text
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
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import mapping, mappings, text

MEDICINE_WORD = re.compile(r"medic(?:ation|ine|ament)s?|meds?|drugs?|therap(?:y|ies)|treatments?|prescriptions?")
# Source: FHIR R4, medicationrequest-course-of-therapy.
COURSES_OF_THERAPY = "http://terminology.hl7.org/CodeSystem/medicationrequest-course-of-therapy"
COURSE_WORDS: Mapping[str, str] = {"acute": "Acute", "continuous": "Long term", "seasonal": "Seasonal"}
NONE_KNOWN = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.MEDICATIONS)
SOME_NOT_TAKEN = Absence(kind=AbsenceKind.NONE_OF_A_KIND, about=RecordCategory.MEDICATIONS)
NO_INFORMATION = Absence(kind=AbsenceKind.NO_INFORMATION, about=RecordCategory.MEDICATIONS)


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    dosages = dosages_of(resource)
    for dosage, step in zip(dosages, steps_of(dosages=dosages), strict=True):
        words, parts = dosage_text(dosage=dosage), parts_untold(dosage=dosage)
        yield DetailLabel.DOSE, f"{step}{words}" if words else ""
        yield DetailLabel.DOSE_IN_PARTS, f"{step}{parts}" if parts else ""
        yield DetailLabel.INSTRUCTION, text(dosage.get("patientInstruction"))
        for element in ("additionalInstruction", "method"):
            instructions = concept_texts(dosage.get(element))
            yield DetailLabel.INSTRUCTION, "" if instructions.casefold() in words.casefold() else instructions
        yield DetailLabel.ROUTE, concept_text(dosage.get("route"))
        yield DetailLabel.SITE, concept_text(dosage.get("site"))
    yield DetailLabel.TAKEN, when_text(resource=resource, stem="effective")
    supply = mapping(resource.get("dispenseRequest"))
    yield DetailLabel.QUANTITY, quantity_text(supply.get("quantity")) or quantity_text(resource.get("quantity"))
    yield DetailLabel.VALID, period_text(supply.get("validityPeriod"))
    yield DetailLabel.REASON, concept_texts(resource.get("reasonCode"))
    yield DetailLabel.WHY_IT_ENDED, concept_texts(resource.get("statusReason"))
    yield DetailLabel.ACUTE_OR_REPEAT, _course(resource.get("courseOfTherapyType"))
    yield from _issue_lines(resource)
    agencies = extensions_named(resource, "MedicationPrescribingOrganizationType", "PrescribingAgency")
    yield DetailLabel.PRESCRIBING_AGENCY, concept_texts([extension_value(agency) for agency in agencies])
    yield DetailLabel.PRESCRIBED_BY, name_of(sent=sent, reference=resource.get("requester"))
    yield note_line(resource)


def _course(concept: object) -> str:
    """Return whether a prescription is acute or repeat, in the source's own words rather than in HL7's."""
    own = [
        {"coding": [coding]}
        for coding in mappings(mapping(concept).get("coding"))
        if text(coding.get("system")) != COURSES_OF_THERAPY
    ]
    words = text(mapping(concept).get("text")) or next(filter(None, map(concept_text, own)), "")
    return words or COURSE_WORDS.get(code_of(concept), concept_text(concept))


def _issue_lines(resource: Resource) -> Iterator[Line]:
    """Yield how many issues there have been of how many, when the last was, and when the medicine is to be reviewed."""
    allowed = text(mapping(resource.get("dispenseRequest")).get("numberOfRepeatsAllowed"))
    issued, review = "", ""
    for extension in extensions_named(resource, "MedicationRepeatInformation"):
        issued = _part(extension, "numberOfPrescriptionsIssued", "numberOfRepeatPrescriptionsIssued")
        allowed = allowed or _part(extension, "numberOfRepeatPrescriptionsAllowed")
        review = _part(extension, "authorisationExpiryDate")
    if issued and allowed:
        yield DetailLabel.ISSUES, f"{issued} of {allowed} allowed"
    else:
        yield DetailLabel.ISSUES, issued or (f"{allowed} allowed" if allowed else "")
    for extension in extensions_named(resource, "MedicationStatementLastIssueDate"):
        yield DetailLabel.LAST_ISSUED, text(extension_value(extension))
    yield DetailLabel.REVIEW_DUE, review


def _part(extension: Resource, *names: str) -> str:
    return next((value for name in names if (value := text(extension_value(part_of_extension(extension, name))))), "")


def _concepts(sent: Sent) -> Iterator[object]:
    if "medicationCodeableConcept" in sent.resource:
        yield sent.resource["medicationCodeableConcept"]
    if "medicationReference" in sent.resource:
        yield _medicine(sent).get("code")
        yield text(mapping(sent.resource["medicationReference"]).get("display"))


def _medicine(sent: Sent) -> Resource:
    """Return the medicine that a resource only points to; an empty mapping when it is not in the answer."""
    return sent.find(reference=text(mapping(sent.resource.get("medicationReference")).get("reference")))


def _medicine_code(sent: Sent) -> Iterator[object]:
    if "medicationReference" in sent.resource:
        yield _medicine(sent).get("code")


def _ingredients(sent: Sent) -> Iterator[object]:
    for ingredient in mappings(_medicine(sent).get("ingredient")):
        yield ingredient.get("itemCodeableConcept")


def _medicines_within(resource: Resource) -> Iterator[object]:
    for contained in mappings(resource.get("contained")):
        if contained.get("resourceType") == "Medication":
            yield contained.get("code")
    if "medicationReference" in resource:
        yield text(mapping(resource["medicationReference"]).get("display"))


def _continues(sent: Sent) -> Iterator[str]:
    """Yield the authorisations of which a resource is an issue or a summary. Source: GP Connect, medications."""
    for reference in [*mappings(sent.resource.get("basedOn")), mapping(sent.resource.get("priorPrescription"))]:
        address = text(reference.get("reference"))
        target = sent.find(reference=address)
        if text(target.get("resourceType")) == "MedicationRequest" or (not target and "MedicationRequest/" in address):
            yield sent.name(reference=address)


def _is_prescribed(fact: Fact) -> bool:
    """Whether a fact says that a medicine is to be taken; that an earlier course has ended denies nothing."""
    prescribing = fact.resource_type in {"MedicationStatement", "MedicationRequest"}
    return prescribing and fact.standing is not Standing.PAST


def _tells_least(fact: Fact) -> int:
    """Rank the summary before the authorisation, and that before its issues, which are asked for one by one."""
    if fact.resource_type == "MedicationStatement":
        return 0
    if fact.resource_type == "MedicationRequest":
        return 2 if fact.continues else 1
    return 3


def _medication(
    *,
    name: str,
    happened: tuple[str, ...],
    negation: str,
    statuses: Mapping[str, Standing],
    happens_once: bool = False,
) -> TypeRules:
    return TypeRules(
        name=name,
        further_concepts=_concepts,
        ingredients=_ingredients,
        happened=happened,
        statuses=statuses,
        negation=negation,
        lines=_lines,
        happens_once=happens_once,
        reads_first=(
            *("status", "statusReason", "intent", "medicationCodeableConcept", "medicationReference"),
            *("courseOfTherapyType", "dosage", "dosageInstruction", "effectiveDateTime", "effectivePeriod"),
            *("authoredOn", "dispenseRequest", "requester", "reasonCode", "note"),
        ),
        dosages=dosages_of,
        continues=_continues,
        absence=AbsenceElements(
            names=("medicationCodeableConcept",), within=_medicines_within, elsewhere=_medicine_code
        ),
    )


STATEMENT = _medication(
    name="MedicationStatement",
    happened=("effectivePeriod.start", "effectiveDateTime"),
    negation="Not taken",
    statuses={
        "active": Standing.ACTIVE,
        "on-hold": Standing.ACTIVE,
        "intended": Standing.ACTIVE,
        "completed": Standing.PAST,
        "stopped": Standing.PAST,
        "not-taken": Standing.NEGATED,
    },
)
REQUEST = _medication(
    name="MedicationRequest",
    happened=("dispenseRequest.validityPeriod.start", "authoredOn"),
    negation="Do not give",
    statuses={
        "active": Standing.ACTIVE,
        "on-hold": Standing.ACTIVE,
        "completed": Standing.PAST,
        "stopped": Standing.PAST,
        "cancelled": Standing.PAST,
    },
)
ADMINISTRATION = _medication(
    name="MedicationAdministration",
    happened=("effectiveDateTime", "effectivePeriod.start"),
    negation="Not given",
    happens_once=True,
    statuses={
        "in-progress": Standing.ACTIVE,
        "completed": Standing.PAST,
        "stopped": Standing.PAST,
        "not-done": Standing.NEGATED,
    },
)
DISPENSE = _medication(
    name="MedicationDispense",
    happened=("whenHandedOver", "whenPrepared"),
    negation="Not dispensed",
    happens_once=True,
    statuses={
        "in-progress": Standing.ACTIVE,
        "completed": Standing.PAST,
        "stopped": Standing.PAST,
        "declined": Standing.NEGATED,
    },
)

RULES = CategoryRules(
    category=RecordCategory.MEDICATIONS,
    title="Medications",
    many="medicines",
    place=30,
    types=(STATEMENT, REQUEST, ADMINISTRATION, DISPENSE),
    always_shown=True,
    is_lasting=True,
    same_concept=SameConcept.COURSE,
    joins_authorisations=True,
    tells_least=_tells_least,
    first_copy_speaks=True,
    conflicts=ConflictRules(
        denials=Compared.AT_ANY_TIME,
        deniable=_is_prescribed,
        dates=False,  # each source dates its own prescription
        same_ingredient="Two current medicines have the same ingredient.",
    ),
    absence=AbsenceRules(
        one="a medicine",
        many="medicines",
        noun=MEDICINE_WORD,
        # Source: SNOMED CT, situations with explicit context; IPS 2.0; IPS 1.1, absent-unknown-uv-ips.
        codes={
            "787481004": NONE_KNOWN,
            "182849000": NONE_KNOWN,
            "1234391000168107": NONE_KNOWN,
            "408350003": SOME_NOT_TAKEN,
            "182904002": NO_INFORMATION,
            "no-known-medications": NONE_KNOWN,
            "no-medication-info": NO_INFORMATION,
        },
    ),
)
