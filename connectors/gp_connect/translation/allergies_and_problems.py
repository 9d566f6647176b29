"""AllergyIntolerance and Condition, STU3 -> R4. Pure.

Source: FHIR R4, the R3-R4 differences of the two; UK Core, AllergyIntolerance and Condition.
"""

from __future__ import annotations

from connectors.gp_connect.translation.elements import TERMINOLOGY, Resource, drop, rename, status_concept
from connectors.gp_connect.translation.extensions import take


def allergy(resource: Resource, notes: list[str], /) -> None:
    """Invariants ait-1 and ait-2: a clinical status exactly when the entry is not an error. None is made up."""
    status_concept(resource=resource, name="clinicalStatus", system=f"{TERMINOLOGY}allergyintolerance-clinical")
    verification = status_concept(
        resource=resource, name="verificationStatus", system=f"{TERMINOLOGY}allergyintolerance-verification"
    )
    _clinical_status(resource=resource, notes=notes, verification=verification)
    rename(resource=resource, old="assertedDate", new="recordedDate")
    _encounter_from_extension(resource)


def condition(resource: Resource, notes: list[str], /) -> None:
    """Invariant con-5: no clinical status on an error."""
    status_concept(resource=resource, name="clinicalStatus", system=f"{TERMINOLOGY}condition-clinical")
    verification = resource.get("verificationStatus")
    if verification == "unknown":
        drop(resource=resource, notes=notes, path="Condition", names=("verificationStatus",))  # `unknown`: R4 has none
    else:
        verification = status_concept(
            resource=resource, name="verificationStatus", system=f"{TERMINOLOGY}condition-ver-status"
        )
    _clinical_status(resource=resource, notes=notes, verification=verification)
    rename(resource=resource, old="context", new="encounter")
    rename(resource=resource, old="assertedDate", new="recordedDate")


def _clinical_status(*, resource: Resource, notes: list[str], verification: str) -> None:
    kind = resource["resourceType"]
    if verification == "entered-in-error":
        drop(resource=resource, notes=notes, path=kind, names=("clinicalStatus",))
    elif "clinicalStatus" not in resource:
        notes.append(f"{kind}.clinicalStatus: the source does not say")


def _encounter_from_extension(resource: Resource, /) -> None:
    if "encounter" in resource:
        return
    extension = take(resource=resource, name="encounter-associatedEncounter", value="valueReference")
    if extension is not None:
        resource["encounter"] = extension["valueReference"]
