"""The extensions of GP Connect, and what UK Core calls them. Pure. An extension that is not known is kept as it is.

Source: GP Connect Access Record Structured 1.6, resource pages; UK Core Implementation Guide (R4), Extension library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from fhir_data.access import mappings, text

_UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
_DESCRIPTION_ID = "http://hl7.org/fhir/StructureDefinition/coding-sctdescid"
_DESCRIPTION_DISPLAY = f"{_UK_CORE}CodingSCTDescDisplay"
# Both spellings are met.
_DESCRIPTION = re.compile(r"/Extension-coding-sctde(?:sc|cs)id(?:-[0-9]+)?\Z")
_NAME = re.compile(r"/Extension-(?:CareConnect-|UKCore-)?(?:GPC-)?(?P<name>[A-Za-z]+)(?:-[0-9]+)?\Z")
# Those that mean the same under the same name, and hold a value of the same type.
_SAME_NAMES = (
    "ActualProblem AdmissionMethod AllergyIntoleranceEnd BirthSex ClinicalSetting CopyCorrespondenceIndicator"
    " DeathNotificationStatus DischargeMethod EmergencyCareDischargeStatus EncounterTransport EthnicCategory"
    " ListWarningCode MainLocation MedicationQuantityText MedicationRepeatInformation MedicationStatementLastIssueDate"
    " NHSNumberVerificationStatus NominatedPharmacy OutcomeOfAttendance ParentPresent ProblemSignificance"
    " RelatedClinicalContent RelatedProblemHeader ResidentialStatus VaccinationProcedure"
)
_UK_CORE_NAMES: Mapping[str, str] = {
    **{name: name for name in _SAME_NAMES.split()},
    "MedicationStatementDosageLastChanged": "MedicationDosageLastChanged",
    "PrescribingAgency": "MedicationPrescribingOrganizationType",
}


def name_of(*, extension: Mapping[str, Any]) -> str:
    """Return what an extension is called, without the prefixes of whoever defined it; "" for one of another form."""
    return _name_in(text(extension.get("url")))


@lru_cache(maxsize=1024)
def r4_url(*, url: str) -> str:
    """Return the address of an extension in UK Core; the same for one that has none there."""
    name = _UK_CORE_NAMES.get(_name_in(url))
    return f"{_UK_CORE}{name}" if name else url


def _name_in(url: str, /) -> str:
    match = _NAME.search(url)
    return match["name"] if match else ""


def r4_coding(*, extension: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what an extension of a coding becomes: the description that was chosen is an id and a term in R4."""
    if not _DESCRIPTION.search(text(extension.get("url"))):
        yield extension
        return
    others: list[dict[str, Any]] = []
    for part in mappings(extension.get("extension")):
        name = text(part.get("url")).lower()
        if name == "descriptionid" and set(part) == {"url", "valueId"}:
            yield {"url": _DESCRIPTION_ID, "valueId": part["valueId"]}
        elif name == "descriptiondisplay" and set(part) == {"url", "valueString"}:
            yield {"url": _DESCRIPTION_DISPLAY, "valueString": part["valueString"]}
        else:
            others.append(part)
    if others or not set(extension) <= {"url", "extension"}:
        rest = {name: value for name, value in extension.items() if name != "extension"}
        yield {**rest, "extension": others} if others else rest


def take(*, resource: dict[str, Any], name: str, value: str = "") -> dict[str, Any] | None:
    """Remove an extension by its name and return it. None where there is not exactly one, or it has no such value."""
    extensions = mappings(resource.get("extension"))
    named = [
        extension
        for extension in extensions
        if _is_named(extension=extension, name=name) and (not value or value in extension)
    ]
    if len(named) != 1 or (value and set(named[0]) != {"url", value}):
        return None
    give(resource=resource, extensions=[extension for extension in extensions if extension is not named[0]])
    return named[0]


def give(*, resource: dict[str, Any], extensions: list[dict[str, Any]]) -> None:
    """Set the extensions of a resource or element, none where there are none."""
    if extensions:
        resource["extension"] = extensions
    else:
        resource.pop("extension", None)


def parts_of(*, extension: dict[str, Any], names: Mapping[str, str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the values of an extension's parts by the parts' names, and the parts that are left.

    `names` says in which member each part has its value; a part that is there twice, or has more to it, is left.
    """
    taken: dict[str, Any] = {}
    left: list[dict[str, Any]] = []
    for part in mappings(extension.get("extension")):
        name = text(part.get("url"))
        member = names.get(name, "")
        if member and name not in taken and set(part) == {"url", member}:
            taken[name] = part[member]
        else:
            left.append(part)
    return taken, left


def _is_named(*, extension: dict[str, Any], name: str) -> bool:
    return name in (name_of(extension=extension), text(extension.get("url")).rpartition("/")[2])
