"""Medicines, STU3 -> R4. Pure.

Source: FHIR R4, the R3-R4 differences of each type; UK Core, MedicationRequest and MedicationStatement; GP Connect
Access Record Structured 1.6, medication resources.
"""

from __future__ import annotations

from typing import Any

from connectors.gp_connect.translation.elements import (
    TERMINOLOGY,
    Resource,
    append,
    drop,
    first_of,
    not_done,
    rename,
    requester,
)
from connectors.gp_connect.translation.extensions import give, parts_of, take
from fhir_data.access import mapping, mappings, text

# Source: FHIR STU3, MedicationStatement.taken.
_TAKEN = frozenset({"y", "n", "unk", "na"})
_COURSES = {"acute": "acute", "repeat": "continuous"}


def medication(resource: Resource, notes: list[str], /) -> None:
    """Of a package R4 has the batch alone."""
    package = mapping(resource.pop("package", None))
    batches = package.pop("batch", [])
    if batches:
        resource["batch"] = first_of(values=batches, notes=notes, path="Medication.package.batch")
    if package:
        notes.append("Medication.package")
    for ingredient in mappings(resource.get("ingredient")):
        rename(resource=ingredient, old="amount", new="strength")


def medication_request(resource: Resource, notes: list[str], /) -> None:
    """Why it stopped, acute or repeat, and its repeats stand in extensions; R4 has elements for most of them."""
    if "intent" not in resource:
        notes.append("MedicationRequest.intent: the source does not say")
    rename(resource=resource, old="context", new="encounter")
    requester(resource=resource, notes=notes)
    if isinstance(substitution := resource.get("substitution"), dict):
        rename(resource=substitution, old="allowed", new="allowedBoolean")
    _status_reason(resource=resource)
    _course_of_therapy(resource=resource)
    _repeats(resource=resource)


def _status_reason(*, resource: Resource) -> None:
    """The reason has an element; the day of the change has none, and stays where it is."""
    if "statusReason" in resource or (extension := take(resource=resource, name="MedicationStatusReason")) is None:
        return
    taken, left = parts_of(extension=extension, names={"statusReason": "valueCodeableConcept"})
    if "statusReason" in taken:
        resource["statusReason"] = taken["statusReason"]
        extension = {**extension, "extension": left}
    if extension.get("extension") or not set(extension) <= {"url", "extension"}:
        give(resource=resource, extensions=[*mappings(resource.get("extension")), _without_empty(extension)])


def _course_of_therapy(*, resource: Resource) -> None:
    """The practice's own code stays, beside R4's where there is one."""
    if "courseOfTherapyType" in resource:
        return
    extension = take(resource=resource, name="PrescriptionType", value="valueCodeableConcept")
    if extension is None:
        return
    course: Resource = extension["valueCodeableConcept"]
    codes = {_COURSES.get(text(coding.get("code")).partition("-")[0], "") for coding in mappings(course.get("coding"))}
    if len(codes) == 1 and (code := codes.pop()):
        append(
            resource=course,
            name="coding",
            values=[{"system": f"{TERMINOLOGY}medicationrequest-course-of-therapy", "code": code}],
        )
    resource["courseOfTherapyType"] = course


def _repeats(*, resource: Resource) -> None:
    """How many are allowed has an element; how many were issued and when they run out stand in UK Core's extension."""
    extension = take(resource=resource, name="MedicationRepeatInformation")
    if extension is None:
        return
    allowed = {"numberOfRepeatPrescriptionsAllowed": "valueUnsignedInt"}
    dispense = mapping(resource.get("dispenseRequest"))
    if "numberOfRepeatsAllowed" in dispense:
        allowed = {}
    taken, left = parts_of(extension=extension, names=allowed)
    for value in taken.values():
        resource["dispenseRequest"] = {**dispense, "numberOfRepeatsAllowed": value}
    for part in left:
        if part.get("url") == "numberOfRepeatPrescriptionsIssued":
            part["url"] = "numberOfPrescriptionsIssued"
    extension = _without_empty({**extension, "extension": left})
    if set(extension) != {"url"}:
        give(resource=resource, extensions=[*mappings(resource.get("extension")), extension])


def _without_empty(extension: dict[str, Any], /) -> dict[str, Any]:
    return {name: value for name, value in extension.items() if value != []}


def medication_statement(resource: Resource, notes: list[str], /) -> None:
    """`taken` says whether the patient takes it; of its codes R4 has only the no, as a status.

    By any other code than FHIR's nobody can tell: it may be a no.
    """
    taken = resource.pop("taken", None)
    status = resource.get("status")
    if taken == "n" and status != "entered-in-error":
        if status not in (None, "not-taken"):
            notes.append("MedicationStatement.status: not-taken, as taken says")
        resource["status"] = "not-taken"
        notes.append("MedicationStatement.taken: carried as the status")
    elif taken is not None:
        notes.append("MedicationStatement.taken")
        if taken not in _TAKEN and status not in ("entered-in-error", "not-taken"):
            drop(resource=resource, notes=notes, path="MedicationStatement", names=("status",))
    rename(resource=resource, old="reasonNotTaken", new="statusReason")


def medication_dispense(resource: Resource, notes: list[str], /) -> None:
    """What was not dispensed is declined."""
    not_done(resource=resource, notes=notes, flag="notDone", status="declined")
    rename(resource=resource, old="notDoneReasonCodeableConcept", new="statusReasonCodeableConcept")
    rename(resource=resource, old="notDoneReasonReference", new="statusReasonReference")


def medication_administration(resource: Resource, notes: list[str], /) -> None:
    """What was not given is not done."""
    not_done(resource=resource, notes=notes, flag="notGiven", status="not-done")
    rename(resource=resource, old="reasonNotGiven", new="statusReason")
    rename(resource=resource, old="prescription", new="request")
