"""People, organisations and their things, STU3 -> R4. Pure.

Source: FHIR R4, the R3-R4 differences of each type; UK Core, Patient and Practitioner.
"""

from __future__ import annotations

import re

from connectors.gp_connect.translation.elements import Resource, append
from connectors.gp_connect.translation.extensions import give, name_of, parts_of
from fhir_data.access import mappings, text

_SPOKEN = {"language": "valueCodeableConcept", "preferred": "valueBoolean"}


def patient(resource: Resource, notes: list[str], /) -> None:
    """The languages stand in an extension."""
    _languages(resource=resource, notes=notes)


def related_person(resource: Resource, notes: list[str], /) -> None:
    """The languages stand in an extension."""
    _languages(resource=resource, notes=notes)


def practitioner(resource: Resource, notes: list[str], /) -> None:
    """A practitioner's languages are concepts, and what else is said of one stays in the extension."""
    kept: list[Resource] = []
    for extension in mappings(resource.get("extension")):
        spoken, left = (
            parts_of(extension=extension, names={"language": "valueCodeableConcept"})
            if name_of(extension=extension) == "NHSCommunication"
            else ({}, [])
        )
        if "language" in spoken:
            append(resource=resource, name="communication", values=[spoken["language"]])
            _name_language(spoken["language"], notes=notes, path="Practitioner")
            extension = {**extension, "extension": left} if left else {}
        kept += [extension] if extension else []
    give(resource=resource, extensions=kept)


def _languages(*, resource: Resource, notes: list[str]) -> None:
    """Make a language of each that is named, and keep with it what R4 does not ask: how well, by what means."""
    kept: list[Resource] = []
    for extension in mappings(resource.get("extension")):
        if name_of(extension=extension) != "NHSCommunication":
            kept.append(extension)
            continue
        spoken, left = parts_of(extension=extension, names=_SPOKEN)
        if "language" not in spoken:
            kept.append(extension)
            continue
        _name_language(spoken["language"], notes=notes, path=resource["resourceType"])
        if left:
            spoken["extension"] = [{**extension, "extension": left}]
        append(resource=resource, name="communication", values=[spoken])
    give(resource=resource, extensions=kept)


def _name_language(concept: Resource, /, *, notes: list[str], path: str) -> None:
    """Say that a language's code is of BCP 47, as R4 demands, where the NHS's list has it from there.

    Its codes for signs and for Braille are its own, and stay.
    """
    for coding in mappings(concept.get("coding")):
        if _NHS_LANGUAGES in text(coding.get("system")) and _LANGUAGE.match(text(coding.get("code"))):
            coding["system"] = "urn:ietf:bcp:47"
            notes.append(
                f"{path}.extension.extension.valueCodeableConcept.coding.system: BCP 47, where the code is from"
            )


_NHS_LANGUAGES = "CareConnect-HumanLanguage"
_LANGUAGE = re.compile(r"[a-z]{2}\Z")


def healthcare_service(resource: Resource, notes: list[str], /) -> None:
    """Who may use a service, and its programmes, have another form."""
    eligibility = {
        new: resource.pop(old)
        for old, new in (("eligibility", "code"), ("eligibilityNote", "comment"))
        if old in resource
    }
    if eligibility:
        resource["eligibility"] = [eligibility]
    if programmes := resource.pop("programName", []):
        resource["program"] = [{"text": name} for name in programmes if name]


def device(resource: Resource, notes: list[str], /) -> None:
    """Source: FHIR R4, Device, udiCarrier and deviceName."""
    if isinstance(version := resource.get("version"), str):
        resource["version"] = [{"value": version}]
    if isinstance(model := resource.pop("model", None), str):
        resource["modelNumber"] = model
    udi = resource.pop("udi", None)
    if isinstance(udi, dict):
        if isinstance(name := udi.pop("name", None), str):
            append(resource=resource, name="deviceName", values=[{"name": name, "type": "udi-label-name"}])
        append(resource=resource, name="udiCarrier", values=[udi] if udi else [])
