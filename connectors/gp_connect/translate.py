"""STU3 -> R4, one function per resource type. Pure: the input is not changed.

A resource is copied by the rules that hold for all types (`translation/elements.py`), then changed by those of its own,
and at last made to keep to R4's shape (`translation/fit.py`). What R4 has no place for is named in the notes.
Source: FHIR R4, the R3-R4 differences of each resource page; UK Core Implementation Guide; GP Connect Access Record
Structured 1.6, resource pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from connectors.gp_connect.names import R4_TYPES, Names
from connectors.gp_connect.translation import (
    allergies_and_problems,
    care,
    documents,
    immunisations,
    medicines,
    people,
    requests,
    results,
)
from connectors.gp_connect.translation.elements import Copying, Resource, rename
from connectors.gp_connect.translation.fit import fit
from fhir_data.access import mappings
from fhir_data.releases import Release
from fhir_data.shapes import Shape, shape_of

_PLAIN = Names()


@dataclass(frozen=True, kw_only=True)
class Translation:
    """An R4 resource, and notes of what it could not carry or carries otherwise."""

    resource: Resource
    notes: tuple[str, ...]


@cache
def is_translated(*, kind: str) -> bool:
    """Whether resources of an STU3 type have a translation: those of every type that R4 has as well, and requests."""
    later = R4_TYPES.get(kind, kind)
    return kind not in _UNTRANSLATABLE and all(
        shape_of(name=name, release=release) is not None
        for name, release in ((kind, Release.STU3), (later, Release.R4))
    )


def translate(*, resource: Mapping[str, Any], names: Names = _PLAIN) -> Translation:
    """Translate a resource of a type that has a translation. `names` says what the answer's entries are called."""
    kind = str(resource.get("resourceType"))
    shape = _shape(kind)
    if shape is None:
        raise ValueError("not a type that is translated")
    copying = Copying(names=names)
    made = copying.resource(resource=resource, shape=shape, path=kind)
    _translate(resource=made, notes=copying.notes, path=kind)
    fit(resource=made, notes=copying.notes, path=kind, extensions_too=copying.unusual_extensions)
    return Translation(resource=made, notes=tuple(dict.fromkeys(copying.notes)) if copying.notes else ())


@cache
def _shape(kind: str, /) -> Shape | None:
    return shape_of(name=kind, release=Release.STU3)


def _translate(*, resource: Resource, notes: list[str], path: str) -> None:
    """Change a resource, and what it contains, by the rules of its type. The rules' notes begin with their type."""
    if "contained" in resource:
        for contained in mappings(resource["contained"]):
            _translate(resource=contained, notes=notes, path=f"{path}.contained")
    kind = resource["resourceType"]
    if kind in _RENAMED:
        for old, new in _RENAMED[kind].items():
            rename(resource=resource, old=old, new=new)
    own = _TRANSLATORS.get(kind)
    if own is not None:
        said: list[str] = []
        own(resource, said)
        notes.extend(f"{path}{note.removeprefix(kind)}" for note in said)


# R4 demands of a guide what no guide of STU3 says, and it is no content of a record.
_UNTRANSLATABLE = frozenset({"ImplementationGuide"})
# The types that differ in names alone. What repeats in one release and not in the other needs no rule.
_RENAMED: Mapping[str, Mapping[str, str]] = {
    "CareTeam": {"context": "encounter"},
    "GuidanceResponse": {"context": "encounter"},
    "MessageHeader": {"event": "eventCoding"},
}

_TRANSLATORS: Mapping[str, Callable[[Resource, list[str]], None]] = {
    "AdverseEvent": care.adverse_event,
    "AllergyIntolerance": allergies_and_problems.allergy,
    "Appointment": care.appointment,
    "AuditEvent": care.audit_event,
    "Binary": documents.binary,
    "CarePlan": care.care_plan,
    "ChargeItem": care.charge_item,
    "ClinicalImpression": care.clinical_impression,
    "Communication": care.communication,
    "CommunicationRequest": requests.request,
    "Composition": documents.composition,
    "Condition": allergies_and_problems.condition,
    "DetectedIssue": care.detected_issue,
    "Device": people.device,
    "DeviceRequest": requests.device_request,
    "DeviceUseStatement": care.device_use,
    "DiagnosticReport": results.diagnostic_report,
    "DocumentManifest": documents.document_manifest,
    "DocumentReference": documents.document_reference,
    "Encounter": care.encounter,
    "FamilyMemberHistory": care.family_history,
    "Goal": care.goal,
    "HealthcareService": people.healthcare_service,
    "ImagingStudy": results.imaging_study,
    "Immunization": immunisations.immunization,
    "ImmunizationRecommendation": immunisations.immunization_recommendation,
    "Media": results.media,
    "Medication": medicines.medication,
    "MedicationAdministration": medicines.medication_administration,
    "MedicationDispense": medicines.medication_dispense,
    "MedicationRequest": medicines.medication_request,
    "MedicationStatement": medicines.medication_statement,
    "NutritionOrder": requests.nutrition_order,
    "Observation": results.observation,
    "Patient": people.patient,
    "Practitioner": people.practitioner,
    "Procedure": care.procedure,
    "ProcedureRequest": requests.procedure_request,
    "Provenance": documents.provenance,
    "Questionnaire": documents.questionnaire,
    "QuestionnaireResponse": documents.questionnaire_response,
    "ReferralRequest": requests.referral_request,
    "RelatedPerson": people.related_person,
    "RequestGroup": requests.request,
    "RiskAssessment": care.risk_assessment,
    "SupplyRequest": requests.supply_request,
    "Task": requests.task,
}
