"""What the translation of every STU3 resource has in common. Pure.

A resource is copied along its STU3 shape: references, code systems, times and known extensions become R4, and what is
of the wrong JSON type, empty or unknown is left out and named. So every translator finds the types that it expects.

A note names a field without index. A field alone was not carried; after a colon it says in what other form it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeGuard

from connectors.gp_connect.names import Names
from connectors.gp_connect.translation.extensions import r4_coding, r4_url
from fhir_data.releases import Release
from fhir_data.shapes import Element, Kind, Shape, shape_of
from fhir_data.times import loose_date

Resource = dict[str, Any]

# The code systems that were renamed between STU3 and R4, with their codes unchanged. Source: FHIR R4, Code systems.
_HL7 = "http://hl7.org/fhir/"
_V3 = f"{_HL7}v3/"
_V2 = f"{_HL7}v2/"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_MOVED_NAMES = (
    "condition-category data-absent-reason diagnosis-role list-empty-reason list-order location-physical-type"
    " observation-category organization-type referencerange-meaning service-category allergyintolerance-clinical"
    " diagnostic-service-sections"
)
_MOVED = frozenset(_MOVED_NAMES.split())
_TEXT, _TIME, _OBJECT = Kind.TEXT, Kind.TIME, Kind.OBJECT  # looked up for every leaf
_UNKNOWN = "(unknown field)"  # the name of a field that FHIR does not have is the sender's text, and is not repeated


@dataclass(kw_only=True)
class Copying:
    """One copy in the making: what entries are called, and the notes of what is not carried as it was sent.

    `unusual_extensions` tells that some have a value of a type that may be another in R4.
    """

    names: Names
    notes: list[str] = field(default_factory=list)
    unusual_extensions: bool = False

    def resource(self, *, resource: Mapping[str, Any], shape: Shape, path: str) -> Resource:
        """Return a copy of a resource in which everything common to all types is R4."""
        kind = str(resource.get("resourceType", ""))
        copy = self._object(resource, shape, path, {"resourceType": kind})
        if isinstance(key := copy.get("id"), str) and (made := self.names.r4_id(kind=kind, key=key)) != key:
            copy["id"] = made
            why = "an id of its own" if f"{kind}/{key}" in self.names.changed else "the characters that FHIR allows"
            self.notes.append(f"{path}.id: written with {why}")
        meta = copy.get("meta")
        if isinstance(meta, dict) and meta.pop("profile", None) is not None:
            self.notes.append(f"{path}.meta.profile")  # it claims an STU3 profile
            if not meta:
                del copy["meta"]
        return copy

    def _object(self, value: Mapping[str, Any], shape: Shape, path: str, begun: Resource | None = None, /) -> Resource:
        """Return a copy of an object, added to what is begun of it."""
        if len(value) == 1 and shape.name == "Reference" and _is_plain(reference := value.get("reference")):
            return {"reference": self.names.r4_reference(text=reference)}
        copy: Resource = {} if begun is None else begun
        elements = shape.elements
        for name, member in value.items():
            element = elements.get(name)
            if element is None:
                if name != "resourceType":
                    self._unknown(name=name, member=member, shape=shape, path=path, copy=copy)
                continue
            # The usual cases first: they are nearly all of a record, and three calls for each would double the time.
            kind = element.kind
            if kind is _TEXT:
                if element.repeats:
                    if type(member) is list and _are_plain_texts(member):
                        copy[name] = [*member]
                        continue
                elif type(member) is str and member.strip() == member != "":
                    copy[name] = member if name != "system" else r4_system(text=member)
                    continue
            elif kind is _OBJECT:
                # Each object is copied once. To begin again where one of them is unusual would double the work at
                # every level, and a sender chooses how many levels there are.
                if not element.repeats and type(member) is dict:
                    if part := self._object(member, element.shape, f"{path}.{name}"):
                        copy[name] = part
                    else:
                        self.notes.append(f"{path}.{name}: empty")
                    continue
            elif (
                type(member) in element.json_types
                and not element.repeats
                and (kind is not _TIME or len(member) == len("2019-05-01") or _has_zone(member))
            ):
                copy[name] = member
                continue
            made = self._member(value=member, element=element, within=value, name=name, path=path)
            if made is not None:
                copy[name] = made
        if (settle := _SETTLERS.get(shape.name)) is not None:
            settle(self, copy, value, path)
        return copy

    def _unknown(self, *, name: str, member: object, shape: Shape, path: str, copy: Resource) -> None:
        """Carry a member that STU3 does not have and R4 has: some systems send R4's where STU3's belongs."""
        later = shape_of(name=shape.name, release=Release.R4)
        element = later.elements.get(name) if later else None
        if element is None:
            self.notes.append(f"{path}.{_UNKNOWN}")
        elif (made := self._member(value=member, element=element, within=copy, name=name, path=path)) is not None:
            copy[name] = made
            self.notes.append(f"{path}.{name}: as R4 has it, though the record is STU3")

    def _member(self, *, value: object, element: Element, within: Mapping[str, Any], name: str, path: str) -> Any:
        """Return what an element becomes, None for nothing; one in place of a list, or a list of one, is understood."""
        here = f"{path}.{name}"
        made: Any
        if not isinstance(value, list):
            made = self._value(value=value, element=element, name=name, path=here)
            return [made] if made is not None and element.repeats else made
        # The lists of a primitive and of its extensions go together by position, so a gap in one is kept.
        paired = name.startswith("_") or f"_{name}" in within
        kept: list[Any] = []
        is_object = element.kind is _OBJECT
        for one in value:
            made = None
            if is_object and type(one) is dict:
                if not (made := self._object(one, element.shape, here)):
                    self.notes.append(f"{here}: empty")
                    made = None
            elif one is not None or not paired:
                made = self._value(value=one, element=element, name=name, path=here)
            if made is not None or paired:
                kept.append(made)
        if not any(one is not None for one in kept):
            if not value or None in value:
                self.notes.append(f"{here}: empty")
            return None
        if element.repeats:
            return kept
        if len(kept) > 1:
            self.notes.append(f"{here}: the first of several")
        return kept[0]

    def _value(self, *, value: object, element: Element, name: str, path: str) -> Any:
        """Return a value as R4 has it; None for an empty one, which FHIR does not allow, and one of another type."""
        kind = element.kind
        if kind is Kind.OBJECT:
            if isinstance(value, dict):
                made = self._object(value, element.shape, path)
                if not made:
                    self.notes.append(f"{path}: empty")
                return made or None
        elif kind is Kind.TEXT or kind is Kind.TIME:
            if isinstance(value, str):
                return self._text(value=value, element=element, name=name, path=path)
            if kind is Kind.TEXT and isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                self.notes.append(f"{path}: a number, carried as text")
                return str(value)
        elif kind is Kind.BOOLEAN:
            if isinstance(value, bool):
                return value
            if value in ("true", "false"):
                self.notes.append(f"{path}: a text, carried as true or false")
                return value == "true"
        elif kind is Kind.NUMBER:
            if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                return value
        elif isinstance(value, dict):
            return self._contained(value=value, path=path)
        self.notes.append(f"{path}: empty" if value in (None, "", [], {}) else path)
        return None

    def _contained(self, *, value: Mapping[str, Any], path: str) -> Resource | None:
        kind = value.get("resourceType")
        shape = shape_of(name=kind, release=Release.STU3) if isinstance(kind, str) else None
        if shape is None:
            self.notes.append(path)
            return None
        return self.resource(resource=value, shape=shape, path=path)

    def _text(self, *, value: str, element: Element, name: str, path: str) -> str | None:
        if not value:
            self.notes.append(f"{path}: empty")
            return None
        if element.kind is Kind.TIME:
            if not _has_zone(value) and (day := loose_date(text=value)) and day != value:
                self.notes.append(f"{path}: time without zone or seconds, date kept")
                return day
            return value
        if name == "system":
            return r4_system(text=value)
        if element.type_name == "Code" and value != value.strip() and value.strip():
            self.notes.append(f"{path}: spaces around it removed")
            return value.strip()
        return value


def _is_plain(reference: object, /) -> TypeGuard[str]:
    """Whether it is a reference that needs no closer look."""
    return type(reference) is str and reference != "" and " " not in reference


def _are_plain_texts(values: list[Any], /) -> bool:
    """Whether all of a list are texts that need no closer look."""
    for value in values:
        if type(value) is str and value.strip() == value != "":
            continue
        return False
    return bool(values)


def r4_system(*, text: str) -> str:
    """Return the R4 name of a code system."""
    if not text.startswith(_HL7):
        return text
    for old, new in ((_V3, "v3-"), (_V2, "v2-")):
        if text.startswith(old):
            return f"{TERMINOLOGY}{new}{text.removeprefix(old)}"
    name = text.removeprefix(_HL7)
    return f"{TERMINOLOGY}{name}" if name in _MOVED else text


def _settle_reference(copying: Copying, copy: Resource, sent: Mapping[str, Any], path: str, /) -> None:
    """Show the sentence that some systems write in place of a reference ("Referral items are not supported by ...")."""
    text = copy.get("reference")
    if not isinstance(text, str):
        return
    if " " not in text:
        copy["reference"] = copying.names.r4_reference(text=text)
        return
    del copy["reference"]
    if "display" in copy:
        copying.notes.append(f"{path}.reference")
    else:
        copy["display"] = text
        copying.notes.append(f"{path}.reference: a sentence, carried as display")


def _settle_period(copying: Copying, copy: Resource, sent: Mapping[str, Any], path: str, /) -> None:
    """Where only one side of a period lost its time, drop the other's too, or a day could end before it began."""
    for cut, other in (("start", "end"), ("end", "start")):
        was_cut = copy.get(cut) != sent.get(cut)
        if was_cut and isinstance(copy.get(other), str) and copy[other] == sent.get(other) and len(copy[other]) > 10:
            copy[other] = copy[other][:10]
            copying.notes.append(f"{path}.{other}: date kept, as of the {cut}")


def _settle_coding(copying: Copying, copy: Resource, sent: Mapping[str, Any], path: str, /) -> None:
    if "extension" in copy:
        copy["extension"] = [made for extension in copy["extension"] for made in r4_coding(extension=extension)]


def _settle_attachment(copying: Copying, copy: Resource, sent: Mapping[str, Any], path: str, /) -> None:
    """Leave out an address that would run something, or open a file, where it is opened."""
    address = copy.get("url")
    if isinstance(address, str) and address.lower().lstrip().startswith(_ACTIVE_SCHEMES):
        del copy["url"]
        copying.notes.append(f"{path}.url")


_ACTIVE_SCHEMES = ("javascript:", "data:", "vbscript:", "file:")


def _settle_extension(copying: Copying, copy: Resource, sent: Mapping[str, Any], path: str, /) -> None:
    if isinstance(copy.get("url"), str):
        copy["url"] = r4_url(url=copy["url"])
    if not copy.keys() <= USUAL_EXTENSION:
        copying.unusual_extensions = True


# What an extension may hold that is the same in both releases.
_USUAL_VALUES = (
    "Boolean Code CodeableConcept Coding Date DateTime Decimal Id Identifier Instant Integer Markdown Period"
    " PositiveInt Quantity Reference String UnsignedInt Uri"
)
USUAL_EXTENSION = frozenset({"id", "url", "extension", *(f"value{name}" for name in _USUAL_VALUES.split())})


def _settle_dosage(copying: Copying, copy: Resource, sent: Mapping[str, Any], path: str, /) -> None:
    """Move dose and rate to where R4 has them. Source: FHIR R4, Dosage.doseAndRate."""
    names = ("doseRange", "doseQuantity", "rateRatio", "rateRange", "rateQuantity")
    moved = {name: copy.pop(name) for name in names if name in copy}
    if moved:
        copy["doseAndRate"] = [moved]


def _settle_signature(copying: Copying, copy: Resource, sent: Mapping[str, Any], path: str, /) -> None:
    """Source: FHIR R4, Signature."""
    who_or_uri(resource=copy, name="who")
    who_or_uri(resource=copy, name="onBehalfOf")
    rename(resource=copy, old="contentType", new="sigFormat")
    rename(resource=copy, old="blob", new="data")


def _settle_money(copying: Copying, copy: Resource, sent: Mapping[str, Any], path: str, /) -> None:
    """STU3's Money is a Quantity whose code is the currency's. Source: FHIR R4, Money."""
    rename(resource=copy, old="code", new="currency")


_SETTLERS: Mapping[str, Callable[[Copying, Resource, Mapping[str, Any], str], None]] = {
    "Attachment": _settle_attachment,
    "Coding": _settle_coding,
    "Dosage": _settle_dosage,
    "Extension": _settle_extension,
    "Money": _settle_money,
    "Period": _settle_period,
    "Reference": _settle_reference,
    "Signature": _settle_signature,
}

_STRICT_TIME = re.compile(r".{10}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})\Z")


def _has_zone(text: str, /) -> bool:
    return _STRICT_TIME.match(text) is not None


def concept(*, system: str, code: str) -> Resource:
    """Return a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def rename(*, resource: Resource, old: str, new: str) -> None:
    """Rename a member, its primitive extension too, where its new name is free."""
    if new in resource or f"_{new}" in resource:
        return
    for before, after in ((old, new), (f"_{old}", f"_{new}")):
        if before in resource:
            resource[after] = resource.pop(before)


def append(*, resource: Resource, name: str, values: list[Any]) -> None:
    """Add to the list of a member."""
    if values:
        resource[name] = [*resource.get(name, []), *values]


def drop(*, resource: Resource, notes: list[str], path: str, names: tuple[str, ...]) -> None:
    """Remove members that R4 has no place for, and name them."""
    for name in names:
        present = [member for member in (name, f"_{name}") if member in resource]
        for member in present:
            del resource[member]
        if present:
            notes.append(f"{path}.{name}")


def status_concept(*, resource: Resource, name: str, system: str) -> str:
    """Make a concept of a status that STU3 wrote as a bare code, and return the code."""
    code = resource.get(name)
    if not isinstance(code, str):
        return ""
    resource[name] = concept(system=system, code=code)
    if f"_{name}" in resource:
        resource[name]["coding"][0]["_code"] = resource.pop(f"_{name}")
    return code


def recode(*, resource: Resource, notes: list[str], path: str, name: str, codes: Mapping[str, str]) -> None:
    """Write a code as R4 calls it, and say so."""
    code = resource.get(name)
    if isinstance(code, str) and code in codes:
        resource[name] = codes[code]
        notes.append(f"{path}.{name}: {code}, which R4 calls {codes[code]}")


def requester(*, resource: Resource, notes: list[str]) -> None:
    """Make of STU3's requester, an agent and the organisation that it acts for, the one that R4 has room for."""
    sent = resource.pop("requester", None)
    if not isinstance(sent, dict):
        return
    if "agent" not in sent and "onBehalfOf" in sent:
        sent["agent"] = sent.pop("onBehalfOf")
    if "agent" in sent:
        resource["requester"] = sent.pop("agent")
    notes.extend(f"{resource['resourceType']}.requester.{name}" for name in sent)


def not_done(*, resource: Resource, notes: list[str], flag: str, status: str) -> None:
    """Make a status of STU3's flag that something was not done. It must never look done."""
    kind = resource["resourceType"]
    sent = resource.pop(flag, None)
    if f"_{flag}" in resource:
        drop(resource=resource, notes=notes, path=kind, names=(flag,))
    if sent is None:
        return
    if sent is True and resource.get("status") not in ("entered-in-error", status):
        if "status" in resource:
            notes.append(f"{kind}.status: {status}, as {flag} says")
        resource["status"] = status
    notes.append(f"{kind}.{flag}: carried as the status")


def who_or_uri(*, resource: Resource, name: str) -> None:
    """Make a reference of what STU3 writes as a reference or as an address: `whoReference` or `whoUri`."""
    rename(resource=resource, old=f"{name}Reference", new=name)
    uri = resource.get(f"{name}Uri")
    if isinstance(uri, str) and name not in resource:
        resource[name] = {"identifier": {"value": resource.pop(f"{name}Uri")}}


def first_of(*, values: list[Any], notes: list[str], path: str) -> Any:
    """Return the first of several where R4 has room for one, and say that there are others."""
    if len(values) > 1:
        notes.append(f"{path}: the first of several")
    return values[0] if values else None
