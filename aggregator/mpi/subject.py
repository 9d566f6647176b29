"""A FHIR R4 Patient, as a source sends it -> Demographics. Pure."""

from __future__ import annotations

import msgspec

from aggregator.mpi.demographics import Demographics, whole_date
from connectors.contract import NHS_NUMBER_SYSTEM

VERIFICATION_EXTENSIONS = (
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
    "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-NHSNumberVerificationStatus-1",
)


class _Coding(msgspec.Struct):
    code: str = ""


class _Concept(msgspec.Struct):
    coding: list[_Coding] = []


class _Extension(msgspec.Struct):
    url: str = ""
    concept: _Concept | None = msgspec.field(name="valueCodeableConcept", default=None)


class _Identifier(msgspec.Struct):
    system: str = ""
    value: str = ""
    use: str = ""
    extension: list[_Extension] = []


class _Name(msgspec.Struct):
    use: str = ""
    family: str = ""
    given: list[str | None] = []


class _Address(msgspec.Struct):
    use: str = ""
    line: list[str | None] = []
    postal_code: str = msgspec.field(name="postalCode", default="")


class _Telecom(msgspec.Struct):
    system: str = ""
    value: str = ""


class _Patient(msgspec.Struct):
    identifier: list[_Identifier] = []
    name: list[_Name] = []
    gender: str = ""
    birth_date: str = msgspec.field(name="birthDate", default="")
    address: list[_Address] = []
    telecom: list[_Telecom] = []


_DECODER = msgspec.json.Decoder(_Patient)


def demographics_of_patient(*, patient: bytes) -> Demographics:
    """Return the demographics of a Patient: the NHS number, the usual or official name, the first current address.

    Source: UK Core Patient (FHIR R4).
    """
    parsed = _DECODER.decode(patient)
    number = next((i for i in parsed.identifier if i.system == NHS_NUMBER_SYSTEM and i.use != "old"), None)
    name = _best_name(parsed.name)
    address = next((one for one in parsed.address if one.use != "old"), _Address())
    return Demographics(
        nhs_number=number.value if number else "",
        nhs_number_status=_status_of(number) if number else "",
        family=name.family,
        given=" ".join(part for part in name.given if part),
        birth_date=whole_date(text=parsed.birth_date),
        sex=parsed.gender,
        postcode=address.postal_code,
        address_line=", ".join(line for line in address.line if line),
        phone=next((contact.value for contact in parsed.telecom if contact.system == "phone"), ""),
    )


def _best_name(names: list[_Name]) -> _Name:
    ranks = {"official": 0, "usual": 1, "": 2, "temp": 3, "nickname": 4, "anonymous": 5, "maiden": 6, "old": 7}
    return min(names, key=lambda name: ranks.get(name.use, 5), default=_Name())


def _status_of(identifier: _Identifier) -> str:
    for extension in identifier.extension:
        if extension.url in VERIFICATION_EXTENSIONS and extension.concept and extension.concept.coding:
            return extension.concept.coding[0].code
    return ""
