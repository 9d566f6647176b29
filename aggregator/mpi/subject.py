"""A FHIR R4 Patient, as a source sends it -> Demographics. Pure."""

from __future__ import annotations

import msgspec

from aggregator.mpi.demographics import Demographics, whole_date
from connectors.contract import NHS_NUMBER_SYSTEM

VERIFICATION_EXTENSIONS = (
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
    "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-NHSNumberVerificationStatus-1",
)


# Any member may be null: that breaks the standard, and the models let it pass.
class _Coding(msgspec.Struct):
    code: str | None = None


class _Concept(msgspec.Struct):
    coding: list[_Coding] | None = None


class _Extension(msgspec.Struct):
    url: str | None = None
    concept: _Concept | None = msgspec.field(name="valueCodeableConcept", default=None)


class _Identifier(msgspec.Struct):
    system: str | None = None
    value: str | None = None
    use: str | None = None
    extension: list[_Extension] | None = None


class _Name(msgspec.Struct):
    use: str | None = None
    family: str | None = None
    given: list[str | None] | None = None


class _Address(msgspec.Struct):
    use: str | None = None
    line: list[str | None] | None = None
    postal_code: str | None = msgspec.field(name="postalCode", default=None)


class _Telecom(msgspec.Struct):
    system: str | None = None
    value: str | None = None


class _Patient(msgspec.Struct):
    identifier: list[_Identifier] | None = None
    name: list[_Name] | None = None
    gender: str | None = None
    birth_date: str | None = msgspec.field(name="birthDate", default=None)
    address: list[_Address] | None = None
    telecom: list[_Telecom] | None = None


_DECODER = msgspec.json.Decoder(_Patient)


def demographics_of_patient(*, patient: bytes) -> Demographics:
    """Return the demographics of a Patient: the NHS number, the usual or official name, the first current address.

    Source: UK Core Patient (FHIR R4).
    """
    parsed = _DECODER.decode(patient)
    number = next((i for i in parsed.identifier or () if i.system == NHS_NUMBER_SYSTEM and i.use != "old"), None)
    name = _best_name(parsed.name or [])
    address = next((one for one in parsed.address or () if one.use != "old"), _Address())
    phones = (contact.value for contact in parsed.telecom or () if contact.system == "phone" and contact.value)
    return Demographics(
        nhs_number=(number.value or "") if number else "",
        nhs_number_status=_status_of(number) if number else "",
        family=name.family or "",
        given=" ".join(part for part in name.given or () if part),
        birth_date=whole_date(text=parsed.birth_date or ""),
        sex=parsed.gender or "",
        postcode=address.postal_code or "",
        address_line=", ".join(line for line in address.line or () if line),
        phone=next(phones, ""),
    )


def _best_name(names: list[_Name]) -> _Name:
    ranks = {"official": 0, "usual": 1, "": 2, "temp": 3, "nickname": 4, "anonymous": 5, "maiden": 6, "old": 7}
    return min(names, key=lambda name: ranks.get(name.use or "", 5), default=_Name())


def _status_of(identifier: _Identifier) -> str:
    for extension in identifier.extension or ():
        if extension.url in VERIFICATION_EXTENSIONS and extension.concept and extension.concept.coding:
            return extension.concept.coding[0].code or ""
    return ""
