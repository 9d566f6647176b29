"""Immunisations, STU3 -> R4. Pure.

Source: FHIR R4, the R3-R4 differences of Immunization; UK Core, Immunization.
"""

from __future__ import annotations

from connectors.gp_connect.translation.elements import Resource, append, first_of, not_done, rename
from connectors.gp_connect.translation.extensions import take
from fhir_data.access import mapping, mappings

_PROTOCOL_NAMES = {
    "series": "series",
    "authority": "authority",
    "targetDisease": "targetDisease",
    "doseSequence": "doseNumberPositiveInt",
    "seriesDoses": "seriesDosesPositiveInt",
}
# What R4 has no place for and a reader must not miss: whether a dose counts. Source: FHIR R4, Extensions for Converting
# between versions, by which an element of STU3 keeps its own name.
_EXTENSION = "http://hl7.org/fhir/3.0/StructureDefinition/extension-Immunization.vaccinationProtocol."
_KEPT = ("doseStatus", "doseStatusReason")


def immunization(resource: Resource, notes: list[str], /) -> None:
    """What was not given must never look given."""
    not_done(resource=resource, notes=notes, flag="notGiven", status="not-done")
    rename(resource=resource, old="date", new="occurrenceDateTime")
    if "occurrenceDateTime" not in resource and "occurrenceString" not in resource:
        resource["occurrenceString"] = "Date not recorded"  # R4 requires one of the two
        notes.append("Immunization.date: the source does not say")
        if resource.pop("_occurrenceDateTime", None) is not None:
            notes.append("Immunization.date")
    if "recorded" not in resource:
        recorded = take(resource=resource, name="DateRecorded", value="valueDateTime")
        if recorded is not None:
            resource["recorded"] = recorded["valueDateTime"]
    performers = mappings(resource.pop("practitioner", None))
    for performer in performers:
        rename(resource=performer, old="role", new="function")
    append(resource=resource, name="performer", values=performers)
    _explanation(resource=resource, notes=notes)
    _protocol(resource=resource, notes=notes)


def _explanation(*, resource: Resource, notes: list[str]) -> None:
    explanation = mapping(resource.pop("explanation", None))
    append(resource=resource, name="reasonCode", values=explanation.pop("reason", []))
    refusals = explanation.pop("reasonNotGiven", [])
    if refusals:
        path = "Immunization.explanation.reasonNotGiven"
        resource["statusReason"] = first_of(values=refusals, notes=notes, path=path)
    notes.extend(f"Immunization.explanation.{name}" for name in explanation)


def _protocol(*, resource: Resource, notes: list[str]) -> None:
    applied: list[Resource] = []
    for protocol in mappings(resource.pop("vaccinationProtocol", None)):
        made = {new: protocol[old] for old, new in _PROTOCOL_NAMES.items() if old in protocol}
        if "doseNumberPositiveInt" not in made:
            made["doseNumberString"] = "Not recorded"  # R4 requires a dose number
        said = [name for name in _KEPT if isinstance(protocol.get(name), dict)]
        extensions = [{"url": f"{_EXTENSION}{name}", "valueCodeableConcept": protocol[name]} for name in said]
        append(resource=made, name="extension", values=extensions)
        notes.extend(f"Immunization.vaccinationProtocol.{name}: carried as an extension" for name in said)
        carried = {*_PROTOCOL_NAMES, *said}
        notes.extend(f"Immunization.vaccinationProtocol.{name}" for name in protocol if name not in carried)
        applied.append(made)
    append(resource=resource, name="protocolApplied", values=applied)


def immunization_recommendation(resource: Resource, notes: list[str], /) -> None:
    """The day on which recommendations were made is one for all in R4."""
    days = [day for each in mappings(resource.get("recommendation")) if (day := each.pop("date", None))]
    if days and "date" not in resource:
        resource["date"] = days[0]
    if len(set(days)) > 1:
        notes.append("ImmunizationRecommendation.recommendation.date: the first of several")
    for each in mappings(resource.get("recommendation")):
        rename(resource=each, old="doseNumber", new="doseNumberPositiveInt")
