"""An item as sent -> a fact as compared: codes, dates, doses, values and statuses, read the same way for every source.

Nothing here changes what is shown; a value is normalised for comparing and shown as it was sent. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from aggregator.record.absence import Absence, AbsenceKind, absence_in_words, absence_of
from aggregator.record.dates import partial_date
from aggregator.record.details import details_of, dosage_text, dosages_of, value_text
from aggregator.record.doses import dose_of
from aggregator.record.fact import Fact
from aggregator.record.item import Item
from aggregator.record.placeholders import placeholder
from aggregator.record.reading import (
    Resource,
    code_of,
    codings,
    concept_text,
    mapping,
    mappings,
    parse,
    text,
)
from aggregator.record.seriousness import assessments_of, seriousness_of
from aggregator.record.standing import holding_absence, standing_given, status_text, status_word
from aggregator.record.timeline import PartialDate, Standing
from aggregator.record.units import comparable
from connectors.contract.categories import RecordCategory
from fhir_data.identifiers import is_nhs_number_system

SNOMED_CT = "http://snomed.info/sct"
# Systems whose codes mean the same wherever they stand. dm+d codes are SNOMED CT concepts under another name.
SHARED_SYSTEMS: Mapping[str, str] = {
    SNOMED_CT: SNOMED_CT,
    "https://dmd.nhs.uk": SNOMED_CT,
    "http://loinc.org": "http://loinc.org",
}

# Where each type says what it is about, when, and when that was written down. Source: FHIR R4.
SUBJECT_ELEMENTS: Mapping[str, tuple[str, ...]] = {
    "Immunization": ("vaccineCode",),
    "Encounter": ("type", "serviceType", "class"),
    "DocumentReference": ("type", "category"),
    "CarePlan": ("title", "category", "description"),
    "Appointment": ("appointmentType", "serviceType", "description"),
    "FamilyMemberHistory": ("condition", "relationship"),
    "Flag": ("code", "category"),
}
EVENT_ELEMENTS: Mapping[str, tuple[str, ...]] = {
    "Condition": ("onsetDateTime", "onsetPeriod.start"),
    "AllergyIntolerance": ("onsetDateTime", "onsetPeriod.start"),
    "MedicationStatement": ("effectivePeriod.start", "effectiveDateTime"),
    "MedicationRequest": ("dispenseRequest.validityPeriod.start", "authoredOn"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod.start"),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "Immunization": ("occurrenceDateTime",),
    "Procedure": ("performedDateTime", "performedPeriod.start"),
    "Observation": ("effectiveDateTime", "effectivePeriod.start", "effectiveInstant"),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod.start"),
    "Encounter": ("period.start",),
    "DocumentReference": ("context.period.start", "date"),
    "CarePlan": ("period.start", "created"),
    "ServiceRequest": ("occurrenceDateTime", "authoredOn"),
    "Appointment": ("start",),
    "FamilyMemberHistory": ("date",),
    "Flag": ("period.start",),
}
RECORDED_ELEMENTS = ("recordedDate", "dateAsserted", "authoredOn", "issued", "recorded", "date", "created")

# A negation is part of what is said, so it stands in the heading.
NEGATION_WORDS: Mapping[str, str] = {
    "AllergyIntolerance": "Refuted",
    "Condition": "Refuted",
    "Immunization": "Not given",
    "Procedure": "Not done",
    "MedicationStatement": "Not taken",
    "MedicationRequest": "Do not give",
    "MedicationAdministration": "Not given",
    "MedicationDispense": "Not dispensed",
    "Observation": "Cancelled",
    "DiagnosticReport": "Cancelled",
    "Encounter": "Cancelled",
    "Appointment": "Did not take place",
}

# What a statement of absence says, where its source's own words do not.
ABSENCE_WORDS: Mapping[AbsenceKind, str] = {
    AbsenceKind.NONE_KNOWN: "No known",
    AbsenceKind.NONE_OF_A_KIND: "No known",
    AbsenceKind.NO_INFORMATION: "No information about",
}
ABOUT_WORDS: Mapping[RecordCategory, str] = {
    RecordCategory.ALLERGIES: "allergies",
    RecordCategory.PROBLEMS: "problems",
    RecordCategory.MEDICATIONS: "medicines",
    RecordCategory.IMMUNISATIONS: "immunisations",
    RecordCategory.PROCEDURES: "procedures",
    RecordCategory.ALERTS: "alerts",
    RecordCategory.OTHER: "devices",
}


class Resolver(Protocol):
    """What an item points to among the items of its source."""

    def resource(self, *, item: Item, reference: str) -> Resource:
        """Return another resource; an empty mapping when it is not in the answer."""
        ...

    def name(self, *, item: Item, reference: str) -> str:
        """Return one name for what a reference means, whichever way it is spelt."""
        ...


def normalise(*, item: Item, resolver: Resolver) -> Fact:
    """Return an item as it is compared.

    `resolver` finds other resources of the same source: a medication request may only point to its medicine.
    """
    resource = parse(resource=item.resource)
    kind = text(resource.get("resourceType"))
    subjects = list(_subjects(resource=resource, kind=kind, item=item, resolver=resolver))
    absence = absence_of(
        resource=resource, elsewhere=_subjects_elsewhere(resource=resource, item=item, resolver=resolver)
    )
    standing = standing_given(resource=resource, absence=absence)
    event_date = _first_date(resource=resource, paths=EVENT_ELEMENTS.get(kind, ()))
    dosages = dosages_of(resource=resource)
    return Fact(
        item=item,
        resource_type=kind,
        heading=_heading(kind=kind, standing=standing, absence=absence, resource=resource, subjects=subjects),
        standing=standing,
        status_text=status_text(resource=resource),
        details=details_of(resource=resource),
        concepts=_shared_concepts(subjects),
        ingredients=_ingredients(resource=resource, item=item, resolver=resolver),
        identifiers=_identifiers(resource),
        event_date=event_date,
        shown_date=event_date or _first_date(resource=resource, paths=RECORDED_ELEMENTS),
        dose=tuple(sorted(filter(None, (_dose_key(dosage) for dosage in dosages)))),
        dose_is_coded=bool(dosages) and all(_coded_dose(dosage) for dosage in dosages),
        dose_said=dose_of(dosages=dosages),
        route=next((route for dosage in dosages if (route := code_of(dosage.get("route")))), ""),
        value=_value_key(resource) if kind == "Observation" else (),
        status_word=status_word(resource=resource),
        assessments=assessments_of(resource=resource),
        seriousness=seriousness_of(resource=resource),
        absence=holding_absence(resource=resource, absence=absence),
        names=_own_name(resource=resource, item=item, resolver=resolver),
        continues=tuple(_continues(resource=resource, item=item, resolver=resolver)),
    )


def _subjects(*, resource: Resource, kind: str, item: Item, resolver: Resolver) -> Iterable[object]:
    """Yield what a resource is about: concepts, or plain text, best first."""
    if "medicationCodeableConcept" in resource:
        yield resource["medicationCodeableConcept"]
    if "medicationReference" in resource:
        yield _medicine(resource=resource, item=item, resolver=resolver).get("code")
        yield text(mapping(resource["medicationReference"]).get("display"))
    if kind == "Immunization":
        yield from _vaccination_procedures(resource)
    if kind == "FamilyMemberHistory":
        yield from (condition.get("code") for condition in mappings(resource.get("condition")))
    for name in SUBJECT_ELEMENTS.get(kind, ("code", "title", "description", "type")):
        found = resource.get(name)
        yield from mappings(found) if isinstance(found, list) else (found,)


def _subjects_elsewhere(*, resource: Resource, item: Item, resolver: Resolver) -> Iterable[object]:
    if "medicationReference" in resource:
        yield _medicine(resource=resource, item=item, resolver=resolver).get("code")
    if resource.get("resourceType") == "Immunization":
        yield from _vaccination_procedures(resource)


def _vaccination_procedures(resource: Resource) -> Iterable[object]:
    """Yield the coded act of vaccination: where a practice knows no product, `vaccineCode` is only "unknown".

    Source: GP Connect and UK Core, Immunization, extension VaccinationProcedure.
    """
    for extension in mappings(resource.get("extension")):
        if "VaccinationProcedure" in text(extension.get("url")):
            yield extension.get("valueCodeableConcept")


def _medicine(*, resource: Resource, item: Item, resolver: Resolver) -> Resource:
    reference = text(mapping(resource.get("medicationReference")).get("reference"))
    if reference.startswith("#"):
        contained = mappings(resource.get("contained"))
        return next((one for one in contained if text(one.get("id")) == reference[1:]), {})
    return resolver.resource(item=item, reference=reference)


def _heading(
    *, kind: str, standing: Standing, absence: Absence | None, resource: Resource, subjects: Iterable[object]
) -> str:
    words = [subject if isinstance(subject, str) else _wording(subject) for subject in subjects if subject]
    heading = next((word for word in words if word), "")
    if absence and code_of(resource.get("verificationStatus")) != "refuted":
        return _absence_heading(absence=absence, heading=heading)
    heading = heading or f"{kind} without a description"
    return f"{NEGATION_WORDS.get(kind, 'Not so')}: {heading}" if standing is Standing.NEGATED else heading


def _absence_heading(*, absence: Absence, heading: str) -> str:
    """Return a statement of absence as its source words it, with what it says first where its words may hide that."""
    understood = absence_in_words(words=heading, about=absence.about)
    if understood and (len(heading.split()) > 1 or heading.upper().startswith("NK")):
        return heading
    plain = f"{ABSENCE_WORDS[absence.kind]} {ABOUT_WORDS[absence.about]}"
    if absence.kind is AbsenceKind.NONE_OF_A_KIND:
        plain += f" ({absence.of or 'of one kind'})"
    return f"{plain}: {heading}" if heading else plain


def _wording(subject: object) -> str:
    return concept_text(subject) or text(mapping(subject).get("display"))


def _shared_concepts(subjects: Iterable[object]) -> frozenset[str]:
    return frozenset(
        f"{SHARED_SYSTEMS[system]}|{code}"
        for subject in subjects
        for system, code, display in codings(subject)
        if system in SHARED_SYSTEMS and code and not placeholder(code=code, display=display, numbered=True)
    )


def _ingredients(*, resource: Resource, item: Item, resolver: Resolver) -> frozenset[str]:
    medicine = _medicine(resource=resource, item=item, resolver=resolver)
    return _shared_concepts(one.get("itemCodeableConcept") for one in mappings(medicine.get("ingredient")))


def _identifiers(resource: Resource) -> frozenset[str]:
    """Return the business identifiers of a resource, each as `system|value`."""
    found = resource.get("identifier")
    listed = [found] if isinstance(found, dict) else list(mappings(found))
    return frozenset(
        f"{text(one.get('system'))}|{text(one.get('value'))}"
        for one in listed
        if one.get("system") and one.get("value") and not is_nhs_number_system(text(one.get("system")))
    )


def _first_date(*, resource: Resource, paths: Iterable[str]) -> PartialDate | None:
    for path in paths:
        value: object = resource
        for name in path.split("."):
            value = mapping(value).get(name)
        found = partial_date(text=text(value))
        if found:
            return found
    return None


def _coded_dose(dosage: Resource) -> str:
    """Return a dose by its parts, "" when it is words only."""
    rate = next(iter(mappings(dosage.get("doseAndRate"))), {})
    quantity = mapping(rate.get("doseQuantity"))
    amount = comparable(
        value=text(quantity.get("value")), unit=text(quantity.get("unit")) or text(quantity.get("code"))
    )
    repeat = mapping(mapping(dosage.get("timing")).get("repeat"))
    times = [text(repeat.get(name)) for name in ("frequency", "period", "periodUnit")]
    return " ".join([*amount, *times]) if amount and all(times) else ""


def _dose_key(dosage: Resource) -> str:
    return _coded_dose(dosage) or " ".join(dosage_text(dosage=dosage).lower().split())


def _value_key(resource: Resource) -> tuple[str, ...]:
    """Return a result's value for comparing; its parts' values too, since a blood pressure is two."""
    quantity = mapping(resource.get("valueQuantity"))
    number = comparable(
        value=text(quantity.get("value")),
        unit=text(quantity.get("code")) or text(quantity.get("unit")),
        comparator=text(quantity.get("comparator")),
    )
    own = number or ((value_text(resource=resource),) if value_text(resource=resource) else ())
    parts = [
        (code_of(component.get("code")), *_value_key(component)) for component in mappings(resource.get("component"))
    ]
    return (*own, *(word for part in sorted(parts) for word in part))


def _own_name(*, resource: Resource, item: Item, resolver: Resolver) -> str:
    """Return what other items of its source call this one; "" for what goes by nothing."""
    key = text(resource.get("id"))
    own = item.full_url or (f"{text(resource.get('resourceType'))}/{key}" if key else "")
    return resolver.name(item=item, reference=own) if own else ""


def _continues(*, resource: Resource, item: Item, resolver: Resolver) -> Iterable[str]:
    """Yield the authorisations of which a medication item is an issue or a summary. Source: GP Connect, medications."""
    if not text(resource.get("resourceType")).startswith("Medication"):
        return
    for reference in [*mappings(resource.get("basedOn")), mapping(resource.get("priorPrescription"))]:
        target = text(reference.get("reference"))
        found = resolver.resource(item=item, reference=target)
        if text(found.get("resourceType")) == "MedicationRequest" or (not found and "MedicationRequest/" in target):
            yield resolver.name(item=item, reference=target)
