"""STU3 -> R4, one function per resource type. Pure: the input is not changed.

Every original coding, identifier and extension is kept. What R4 has no place for is named in the notes.
Source: FHIR R4, the R3-R4 differences of each resource page; GP Connect Access Record Structured 1.6, resource pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.gp_connect.elements import (
    Resource,
    as_list,
    carried,
    concept,
    drop,
    r4_dosages,
    rename,
)
from fhir_data.access import mapping, mappings, text

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_ENCOUNTER_EXTENSION = "http://hl7.org/fhir/StructureDefinition/encounter-associatedEncounter"
_DATE_RECORDED_EXTENSION = "Extension-CareConnect-DateRecorded-1"


@dataclass(frozen=True, kw_only=True)
class Translation:
    """An R4 resource, and notes of what it could not carry or carries otherwise."""

    resource: Resource
    notes: tuple[str, ...]


def is_translated(*, kind: str) -> bool:
    """Whether resources of an STU3 type have a translation."""
    return kind in _TRANSLATORS


def translate(*, resource: Mapping[str, Any]) -> Translation:
    """Translate a resource of a type that has a translation."""
    notes: list[str] = []
    made = carried(resource=resource, notes=notes)
    _translate(resource=made, notes=notes)
    return Translation(resource=made, notes=tuple(dict.fromkeys(notes)))


def _translate(*, resource: Resource, notes: list[str]) -> None:
    kind = str(resource.get("resourceType"))
    for contained in mappings(resource.get("contained")):
        if is_translated(kind=str(contained.get("resourceType"))):
            _translate(resource=contained, notes=notes)
        else:
            notes.append(f"{kind}.contained: kept as sent")
    _TRANSLATORS[kind](resource, notes)


def _status(*, resource: Resource, name: str, system: str) -> str:
    """Make a concept of a status that STU3 wrote as a bare code, and return the code."""
    code = resource.get(name)
    if not isinstance(code, str):
        return ""
    resource[name] = concept(system=system, code=code)
    return code


def _allergy(resource: Resource, notes: list[str], /) -> None:
    """Invariants ait-1 and ait-2: a clinical status exactly when the entry is not an error. None is made up."""
    _status(resource=resource, name="clinicalStatus", system=f"{_TERMINOLOGY}allergyintolerance-clinical")
    verification = _status(
        resource=resource, name="verificationStatus", system=f"{_TERMINOLOGY}allergyintolerance-verification"
    )
    _clinical_status(resource=resource, notes=notes, verification=verification)
    rename(resource=resource, old="assertedDate", new="recordedDate")
    _encounter_from_extension(resource=resource)


def _clinical_status(*, resource: Resource, notes: list[str], verification: str) -> None:
    kind = resource["resourceType"]
    if verification == "entered-in-error":
        drop(resource=resource, notes=notes, path=kind, names=("clinicalStatus",))
    elif "clinicalStatus" not in resource:
        notes.append(f"{kind}.clinicalStatus: the source does not say")


def _encounter_from_extension(*, resource: Resource) -> None:
    extensions = mappings(resource.get("extension"))
    naming = [
        extension
        for extension in extensions
        if extension.get("url") == _ENCOUNTER_EXTENSION and "valueReference" in extension
    ]
    if len(naming) != 1 or "encounter" in resource:
        return
    resource["encounter"] = naming[0]["valueReference"]
    resource["extension"] = [extension for extension in extensions if extension is not naming[0]]
    if not resource["extension"]:
        del resource["extension"]


_R4_CONDITION_VERIFICATION = frozenset(
    {"unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error"}
)


def _condition(resource: Resource, notes: list[str], /) -> None:
    """Invariant con-5: no clinical status on an error."""
    _status(resource=resource, name="clinicalStatus", system=f"{_TERMINOLOGY}condition-clinical")
    verification = resource.get("verificationStatus")
    if isinstance(verification, str) and verification not in _R4_CONDITION_VERIFICATION:
        drop(resource=resource, notes=notes, path="Condition", names=("verificationStatus",))  # `unknown`: R4 has none
    else:
        _status(resource=resource, name="verificationStatus", system=f"{_TERMINOLOGY}condition-ver-status")
    _clinical_status(resource=resource, notes=notes, verification=str(verification))
    rename(resource=resource, old="context", new="encounter")
    rename(resource=resource, old="assertedDate", new="recordedDate")
    as_list(resource=resource, name="stage")
    drop(resource=resource, notes=notes, path="Condition", names=("abatementBoolean",))


def _medication(resource: Resource, notes: list[str], /) -> None:
    package = resource.pop("package", None)
    if isinstance(package, dict):
        batches = package.get("batch") or []
        if batches:
            resource["batch"] = batches[0]
        if set(package) - {"batch"} or len(batches) > 1:
            notes.append("Medication.package")
    for ingredient in mappings(resource.get("ingredient")):
        rename(resource=ingredient, old="amount", new="strength")
    drop(resource=resource, notes=notes, path="Medication", names=("isBrand", "isOverTheCounter", "image"))


def _medication_request(resource: Resource, notes: list[str], /) -> None:
    if "status" not in resource:
        resource["status"] = "unknown"
        notes.append("MedicationRequest.status: the source does not say")
    if "intent" not in resource:
        notes.append("MedicationRequest.intent: the source does not say")
    rename(resource=resource, old="context", new="encounter")
    as_list(resource=resource, name="category")
    _requester(resource=resource, notes=notes)
    substitution = resource.get("substitution")
    if isinstance(substitution, dict):
        rename(resource=substitution, old="allowed", new="allowedBoolean")
    r4_dosages(resource=resource, name="dosageInstruction")
    drop(resource=resource, notes=notes, path="MedicationRequest", names=("definition",))


def _requester(*, resource: Resource, notes: list[str]) -> None:
    requester = resource.pop("requester", None)
    if not isinstance(requester, dict):
        return
    if "agent" in requester:
        resource["requester"] = requester["agent"]
    if set(requester) - {"agent"}:
        notes.append(f"{resource['resourceType']}.requester.onBehalfOf")


def _medication_statement(resource: Resource, notes: list[str], /) -> None:
    """`taken` says whether the patient takes it; of its codes R4 has only the no, as a status."""
    taken = resource.pop("taken", None)
    if taken == "n" and resource.get("status") != "entered-in-error":
        if resource.get("status") not in (None, "not-taken"):
            notes.append("MedicationStatement.status: not-taken, as taken says")
        resource["status"] = "not-taken"
    elif taken is not None:
        notes.append("MedicationStatement.taken")
    if "status" not in resource:
        resource["status"] = "unknown"
        notes.append("MedicationStatement.status: the source does not say")
    rename(resource=resource, old="reasonNotTaken", new="statusReason")
    r4_dosages(resource=resource, name="dosage")


def _immunization(resource: Resource, notes: list[str], /) -> None:
    not_given = resource.pop("notGiven", None)
    if not_given is True and resource.get("status") != "entered-in-error":
        resource["status"] = "not-done"
    rename(resource=resource, old="date", new="occurrenceDateTime")
    if "occurrenceDateTime" not in resource:
        resource.pop("_occurrenceDateTime", None)
        resource["occurrenceString"] = "Date not recorded"  # R4 requires one of the two
        notes.append("Immunization.date: the source does not say")
    recorded = [
        extension["valueDateTime"]
        for extension in mappings(resource.get("extension"))
        if text(extension.get("url")).endswith(_DATE_RECORDED_EXTENSION) and "valueDateTime" in extension
    ]
    if recorded:
        resource["recorded"] = recorded[0]
    performers = mappings(resource.pop("practitioner", None))
    for performer in performers:
        rename(resource=performer, old="role", new="function")
    if performers:
        resource["performer"] = performers
    _explanation(resource=resource, notes=notes)
    _protocol(resource=resource, notes=notes)


def _explanation(*, resource: Resource, notes: list[str]) -> None:
    explanation = mapping(resource.pop("explanation", None))
    if "reason" in explanation:
        resource["reasonCode"] = explanation["reason"]
    refusals = explanation.get("reasonNotGiven") or []
    if refusals:
        resource["statusReason"] = refusals[0]
    if len(refusals) > 1:
        notes.append("Immunization.explanation.reasonNotGiven: the first of several")


_PROTOCOL_NAMES = {
    "series": "series",
    "authority": "authority",
    "targetDisease": "targetDisease",
    "doseSequence": "doseNumberPositiveInt",
    "seriesDoses": "seriesDosesPositiveInt",
}


def _protocol(*, resource: Resource, notes: list[str]) -> None:
    protocols = mappings(resource.pop("vaccinationProtocol", None))
    applied: list[Resource] = []
    for protocol in protocols:
        made = {new: protocol[old] for old, new in _PROTOCOL_NAMES.items() if old in protocol}
        if "doseNumberPositiveInt" not in made:
            made["doseNumberString"] = "Not recorded"  # R4 requires a dose number
        notes.extend(f"Immunization.vaccinationProtocol.{name}" for name in protocol if name not in _PROTOCOL_NAMES)
        applied.append(made)
    if applied:
        resource["protocolApplied"] = applied


def _encounter(resource: Resource, notes: list[str], /) -> None:
    if "class" not in resource:  # R4 requires it; this says plainly that it is unknown
        resource["class"] = {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}
    rename(resource=resource, old="reason", new="reasonCode")
    as_list(resource=resource, name="appointment")
    for diagnosis in mappings(resource.get("diagnosis")):
        rename(resource=diagnosis, old="role", new="use")
    drop(resource=resource, notes=notes, path="Encounter", names=("incomingReferral",))


# The relations that R4 still has, and to which types. Source: FHIR R4, Observation, hasMember and derivedFrom.
_RELATIONS = {
    "has-member": ("hasMember", frozenset({"Observation", "QuestionnaireResponse"})),
    "derived-from": (
        "derivedFrom",
        frozenset({"Observation", "QuestionnaireResponse", "DocumentReference", "ImagingStudy", "Media"}),
    ),
}


def _observation(resource: Resource, notes: list[str], /) -> None:
    rename(resource=resource, old="context", new="encounter")
    as_list(resource=resource, name="interpretation")
    for component in mappings(resource.get("component")):
        as_list(resource=component, name="interpretation")
    comment = resource.pop("comment", None)
    if comment is not None:
        resource["note"] = [{"text": comment}]
    for related in mappings(resource.pop("related", None)):
        target = mapping(related.get("target"))
        name, allowed = _RELATIONS.get(text(related.get("type")), ("", frozenset[str]()))
        if name and text(target.get("reference")).partition("/")[0] in allowed:
            resource.setdefault(name, []).append(target)
        else:
            notes.append(f"Observation.related {related.get('type') or 'of no type'}")
    drop(resource=resource, notes=notes, path="Observation", names=("valueAttachment",))


def _list(resource: Resource, notes: list[str], /) -> None:
    """A List is the same in both releases."""


def _patient(resource: Resource, notes: list[str], /) -> None:
    drop(resource=resource, notes=notes, path="Patient", names=("animal",))


def _location(resource: Resource, notes: list[str], /) -> None:
    as_list(resource=resource, name="type")


def _healthcare_service(resource: Resource, notes: list[str], /) -> None:
    as_list(resource=resource, name="category")
    drop(
        resource=resource,
        notes=notes,
        path="HealthcareService",
        names=("eligibility", "eligibilityNote", "programName", "availabilityExceptions"),
    )


def _unchanged(resource: Resource, notes: list[str], /) -> None:
    """Practitioner, PractitionerRole and Organization are the same in both releases."""


_TRANSLATORS: Mapping[str, Callable[[Resource, list[str]], None]] = {
    "AllergyIntolerance": _allergy,
    "Condition": _condition,
    "Encounter": _encounter,
    "HealthcareService": _healthcare_service,
    "Immunization": _immunization,
    "List": _list,
    "Location": _location,
    "Medication": _medication,
    "MedicationRequest": _medication_request,
    "MedicationStatement": _medication_statement,
    "Observation": _observation,
    "Organization": _unchanged,
    "Patient": _patient,
    "Practitioner": _unchanged,
    "PractitionerRole": _unchanged,
}
