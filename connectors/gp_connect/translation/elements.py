"""What the translation of every STU3 resource has in common. Pure.

A resource is copied along its STU3 shape: references, code systems, times and known extensions become R4, and what is
of the wrong JSON type, empty or unknown is left out and named. So every translator finds the types that it expects.

A note names a field without index. A field alone was not carried; after a colon it says in what other form it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

from connectors.gp_connect.names import R4_TYPES, Names
from connectors.gp_connect.translation.extensions import r4_coding, r4_url
from fhir_data.access import mapping, mappings, text
from fhir_data.releases import Release
from fhir_data.retractions import ENTERED_IN_ERROR, says_in_error, texts_in
from fhir_data.shapes import Element, Kind, Shape, shape_of, shape_of_any
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
_UNKNOWN = "(unknown field)"  # the name of a field that FHIR does not have is the sender's text, and is not repeated


# Flags that turn round what the rest says. One that cannot be read is not one that is not set.
_TURNING_ROUND = frozenset({"notGiven", "notDone", "doNotPerform", "prohibited"})


# Where an entry says that it was entered in error.
_STATUSES = ("status", "verificationStatus", "clinicalStatus", "docStatus", "lifecycleStatus")


# Where a value stands: the path of the resource, or the place of what it is in and its own name. Only a note needs the
# words of it, and nearly nothing has a note.
Position: TypeAlias = "str | tuple[Position, str]"


def path_of(place: Position, /) -> str:
    """Return a position as notes write it."""
    names: list[str] = []
    while not isinstance(place, str):
        place, name = place
        names.append(name)
    return ".".join((place, *reversed(names)))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Usual:
    """The elements of a type by what a copy does to a usual value of theirs; all others need a closer look.

    What holds objects gets into `parts` and `lists_of_parts` when it is first met: types hold one another in circles.
    `reshaped` are the elements that have another form in R4, each as R4 has it.
    """

    shape: Shape
    texts: frozenset[str]
    systems: frozenset[str]
    times: frozenset[str]
    others: Mapping[str, tuple[type, ...]]
    lists_of_texts: frozenset[str]
    parts: dict[str, _Usual] = field(default_factory=dict)
    lists_of_parts: dict[str, _Usual] = field(default_factory=dict)
    reshaped: Mapping[str, Element]
    is_reference: bool
    settle: Settler | None

    def find_part(self, name: str, /, *, repeats: bool) -> _Usual | None:
        """Return the elements of a member that is an object, or a list of such."""
        element = self.shape.elements.get(name)
        if element is None or element.kind is not Kind.OBJECT or element.repeats is not repeats:
            return None
        found = (self.lists_of_parts if repeats else self.parts)[name] = _usual(element.shape)
        return found


@cache
def _usual(shape: Shape, /) -> _Usual:
    elements = shape.elements.items()
    once = {name: element for name, element in elements if not element.repeats}
    texts = {name for name, element in once.items() if element.kind is Kind.TEXT}
    return _Usual(
        shape=shape,
        texts=frozenset(texts - {"system"}),
        systems=frozenset(texts & {"system"}),
        times=frozenset(name for name, element in once.items() if element.kind is Kind.TIME),
        others={
            name: element.json_types
            for name, element in once.items()
            if element.kind is Kind.BOOLEAN or element.kind is Kind.NUMBER
        },
        lists_of_texts=frozenset(name for name, element in elements if element.repeats and element.kind is Kind.TEXT),
        reshaped=_reshaped(shape),
        is_reference=shape.name == "Reference",
        settle=_SETTLERS.get(shape.name),
    )


def _later_shape(shape: Shape, /) -> Shape | None:
    """Return the shape that a type of resource, or of a part of one, has in R4, under its name there."""
    return shape_of_any(name=R4_TYPES.get(shape.name, shape.name), release=Release.R4)


def _reshaped(shape: Shape, /) -> Mapping[str, Element]:
    if shape is not shape_of(name=shape.name, release=Release.STU3):
        return {}  # a part of a resource, or of R4 already
    if (later := _later_shape(shape)) is None:
        return {}
    shared = ((name, element, later.elements.get(name)) for name, element in shape.elements.items())
    return {name: new for name, old, new in shared if new is not None and _is_reshaped(old, new)}


def _is_reshaped(old: Element, new: Element, /) -> bool:
    """Whether an element has another form in R4, by which what is sent can be told: a concept for a code, a reference
    for an object that held one."""
    if Kind.OBJECT not in (old.kind, new.kind) or old.type_name == new.type_name:
        return False
    return old.kind is not new.kind or (new.type_name == "Reference" and new.type_name not in old.type_name)


def _is_of_form(value: Any, /, *, new: Element, old: Element) -> bool:
    """Whether a value, or the first of a list, has R4's form of an element and not STU3's."""
    first = value[0] if isinstance(value, list) and value else value
    if old.kind is not new.kind:
        return type(first) in new.json_types and type(first) not in old.json_types
    names = first.keys() if isinstance(first, dict) else ()
    return bool(names) and all(name in new.shape.elements and name not in old.shape.elements for name in names)


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
        # That it keeps to a profile of STU3 is nearly all that is said of an entry, and is not carried.
        claims_profile = _is_profile(resource.get("meta"))
        if claims_profile:
            resource = {name: member for name, member in resource.items() if name != "meta"}
        copy = self._object(resource, _usual(shape), path, {"resourceType": kind})
        for name in _STATUSES:
            if name in resource and type(resource[name]) is not str:
                self._keep_status(name, resource[name], copy, path)
        if isinstance(key := copy.get("id"), str) and (made := self.names.r4_id(kind=kind, key=key)) != key:
            copy["id"] = made
            why = "an id of its own" if f"{kind}/{key}" in self.names.changed else "the characters that FHIR allows"
            self.notes.append(f"{path}.id: written with {why}")
        meta = copy.get("meta")
        if isinstance(meta, dict) and meta.pop("profile", None) is not None:
            claims_profile = True
            if not meta:
                del copy["meta"]
        if claims_profile:
            self.notes.append(f"{path}.meta.profile")
        return copy

    def _keep_status(self, name: str, sent: object, copy: Resource, path: str, /) -> None:
        """Carry what a status of another form than its own says of an error, or of how far an entry is verified.

        Without that an entry which its source has taken back would be one whose status is not known, or a live one.
        """
        if any(says_in_error(words=words) for words in texts_in(value=copy.get(name))):
            return
        words = [words.strip() for words in texts_in(value=sent) if words.strip()]
        in_error = sorted(
            (word for word in words if says_in_error(words=word)), key=lambda word: word != ENTERED_IN_ERROR
        )
        if in_error:
            copy[name] = in_error[0]
            self.notes.append(f"{path}.{name}: {ENTERED_IN_ERROR}, in a form that is not the standard's")
        elif name == "verificationStatus" and words and name not in copy:
            copy[name] = {"text": ", ".join(words)}
            self.notes.append(f"{path}.{name}: in a form that is not the standard's, carried as text")

    def _object(
        self, value: Mapping[str, Any], usual: _Usual, place: Position, begun: Resource | None = None, /
    ) -> Resource:
        """Return a copy of an object, added to what is begun of it.

        The usual cases first: they are nearly all of a record, and three calls for each would double the time. Each
        object is copied once: to begin again where something in it is unusual would double the work at every level,
        and a sender chooses how many levels there are.
        """
        if usual.is_reference and len(value) == 1:
            reference = value.get("reference")
            if type(reference) is str and reference and " " not in reference:
                return {"reference": self.names.r4_reference(text=reference)}
        copy: Resource = {} if begun is None else begun
        texts = usual.texts
        for name, member in value.items():
            sort = type(member)
            parts: Sequence[Resource] = ()
            if name in usual.reshaped:
                new, old = usual.reshaped[name], usual.shape.elements[name]
                if _is_of_form(member, new=new, old=old):
                    self._as_later(member, new, value, (place, name), copy)
                    continue
            if sort is str:
                if name in texts:
                    if member and member.strip() == member:
                        copy[name] = member
                        continue
                elif name in usual.systems:
                    if member:
                        copy[name] = r4_system(text=member) if member.startswith(_HL7) else member
                        continue
                elif name in usual.times and (len(member) == len("2019-05-01") or _has_zone(member)):
                    copy[name] = member
                    continue
            elif sort is dict:
                inner = usual.parts.get(name) or usual.find_part(name, repeats=False)
                if inner is not None:
                    if part := self._object(member, inner, (place, name)):
                        copy[name] = part
                    else:
                        self._nothing((place, name))
                    continue
            elif sort is list:
                inner = usual.lists_of_parts.get(name)
                if inner is None and name in usual.lists_of_texts:
                    if _are_plain_texts(member):
                        copy[name] = [*member]
                        continue
                elif inner is not None or (inner := usual.find_part(name, repeats=True)) is not None:
                    parts = self._parts(member, inner, (place, name))
                    if parts and parts[-1] and len(parts) == len(member):
                        copy[name] = parts
                        continue
            elif name in usual.others and sort in usual.others[name]:
                copy[name] = member
                continue
            element = usual.shape.elements.get(name)
            if element is None:
                if name != "resourceType":
                    self._unknown(name=name, member=member, shape=usual.shape, place=place, copy=copy)
            elif (made := self._member(member, element, value, (place, name), parts)) is not None:
                copy[name] = made
            elif name in _TURNING_ROUND and f"_{name}" not in value and member not in (None, "", [], {}):
                copy[f"_{name}"] = {"extension": [{"url": ABSENT, "valueCode": "error"}]}
        if usual.settle is not None:
            usual.settle(self, copy, value, place)
        return copy

    def _parts(self, values: list[Any], usual: _Usual, place: Position, /) -> list[Resource]:
        """Return the copies of a list of objects up to the first that needs a closer look, an empty copy included."""
        parts: list[Resource] = []
        for value in values:
            if type(value) is not dict:
                break
            parts.append(part := self._object(value, usual, place))
            if not part:
                break
        return parts

    def _unknown(self, *, name: str, member: object, shape: Shape, place: Position, copy: Resource) -> None:
        """Carry a member that STU3 does not have and R4 has: some systems send R4's where STU3's belongs."""
        later = _later_shape(shape)
        element = later.elements.get(name) if later else None
        if element is None:
            self._note(place, f".{_UNKNOWN}")
        else:
            self._as_later(member, element, copy, (place, name), copy)

    def _as_later(
        self, member: object, element: Element, within: Mapping[str, Any], place: tuple[Position, str], copy: Resource
    ) -> None:
        """Carry a member in the form that R4 has for it."""
        if (made := self._member(member, element, within, place)) is not None:
            copy[place[1]] = made
            self._note(place, ": as R4 has it, though the record is STU3")

    def _member(
        self,
        value: object,
        element: Element,
        within: Mapping[str, Any],
        place: tuple[Position, str],
        begun: Sequence[Resource] = (),
        /,
    ) -> Any:
        """Return what an element becomes, None for nothing; one in place of a list, or a list of one, is understood.

        `begun` are the copies of the first in a list of objects.
        """
        made: Any
        if type(value) is not list:
            made = self._value(value, element, place)
            return [made] if made is not None and element.repeats else made
        # The lists of a primitive and of its extensions go together by position, so a gap in one is kept.
        name = place[1]
        paired = name.startswith("_") or f"_{name}" in within
        kept: list[Any] = []
        for at, one in enumerate(value):
            if at < len(begun):
                made = begun[at] or self._nothing(place)
            else:
                made = None if paired and one is None else self._value(one, element, place)
            if made is not None or paired:
                kept.append(made)
        if kept.count(None) == len(kept):
            if not value or None in value:
                self._nothing(place)
            return None
        if element.repeats:
            return kept
        if len(kept) > 1:
            self._note(place, ": the first of several")
        return kept[0]

    def _value(self, value: object, element: Element, place: tuple[Position, str], /) -> Any:
        """Return a value as R4 has it; None for an empty one, which FHIR does not allow, and one of another type."""
        kind = element.kind
        if kind is Kind.OBJECT:
            if isinstance(value, dict):
                return self._object(value, _usual(element.shape), place) or self._nothing(place)
        elif kind is Kind.TEXT or kind is Kind.TIME:
            if isinstance(value, str):
                return self._text(value, element, place)
            if kind is Kind.TEXT and isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                self._note(place, ": a number, carried as text")
                return str(value)
        elif kind is Kind.BOOLEAN:
            if isinstance(value, bool):
                return value
            if isinstance(value, str) and value.strip().lower() in ("true", "false"):
                self._note(place, ": a text, carried as true or false")
                return value.strip().lower() == "true"
        elif kind is Kind.NUMBER:
            if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                return value
        elif isinstance(value, dict):
            return self._contained(value, place)
        self._note(place, ": empty" if value in (None, "", [], {}) else "")
        return None

    def _contained(self, value: Mapping[str, Any], place: Position, /) -> Resource | None:
        kind = value.get("resourceType")
        shape = shape_of(name=kind, release=Release.STU3) if isinstance(kind, str) else None
        if shape is None:
            self._note(place)
            return None
        return self.resource(resource=value, shape=shape, path=path_of(place))

    def _note(self, place: Position, words: str = "", /) -> None:
        self.notes.append(f"{path_of(place)}{words}")

    def _nothing(self, place: Position, /) -> Resource | None:
        """Note that there is nothing at a position, and return that."""
        self._note(place, ": empty")
        return None

    def _text(self, value: str, element: Element, place: tuple[Position, str], /) -> str | None:
        if not value:
            self._nothing(place)
            return None
        if element.kind is Kind.TIME:
            if not _has_zone(value) and (day := loose_date(text=value)) and day != value:
                self._note(place, ": time without zone or seconds, date kept")
                return day
            return value
        if place[1] == "system":
            return r4_system(text=value)
        if element.type_name == "Code" and value != value.strip() and value.strip():
            self._note(place, ": spaces around it removed")
            return value.strip()
        return value


def _is_profile(meta: object, /) -> bool:
    """Whether all that a `meta` says is to which profiles an entry keeps."""
    if type(meta) is not dict or len(meta) != 1:
        return False
    profile = meta.get("profile")
    return type(profile) is list and _are_plain_texts(profile)


def _are_plain_texts(values: list[Any], /) -> bool:
    """Whether all of a list are texts that need no closer look."""
    for value in values:
        if type(value) is str and value.strip() == value != "":
            continue
        return False
    return bool(values)


Settler = Callable[[Copying, Resource, Mapping[str, Any], Position], None]


def r4_system(*, text: str) -> str:
    """Return the R4 name of a code system."""
    if not text.startswith(_HL7):
        return text
    for old, new in ((_V3, "v3-"), (_V2, "v2-")):
        if text.startswith(old):
            return f"{TERMINOLOGY}{new}{text.removeprefix(old)}"
    name = text.removeprefix(_HL7)
    return f"{TERMINOLOGY}{name}" if name in _MOVED else text


def _settle_reference(copying: Copying, copy: Resource, sent: Mapping[str, Any], place: Position, /) -> None:
    """Show the sentence that some systems write in place of a reference ("Referral items are not supported by ...")."""
    text = copy.get("reference")
    if not isinstance(text, str):
        return
    if " " not in text:
        copy["reference"] = copying.names.r4_reference(text=text)
        return
    del copy["reference"]
    if "display" in copy:
        copying.notes.append(f"{path_of(place)}.reference")
    else:
        copy["display"] = text
        copying.notes.append(f"{path_of(place)}.reference: a sentence, carried as display")


def _settle_period(copying: Copying, copy: Resource, sent: Mapping[str, Any], place: Position, /) -> None:
    """Where only one side of a period lost its time, drop the other's too, or a day could end before it began."""
    for cut, other in (("start", "end"), ("end", "start")):
        was_cut = copy.get(cut) != sent.get(cut)
        if was_cut and isinstance(copy.get(other), str) and copy[other] == sent.get(other) and len(copy[other]) > 10:
            copy[other] = copy[other][:10]
            copying.notes.append(f"{path_of(place)}.{other}: date kept, as of the {cut}")


def _settle_coding(copying: Copying, copy: Resource, sent: Mapping[str, Any], place: Position, /) -> None:
    if "extension" in copy:
        copy["extension"] = [made for extension in copy["extension"] for made in r4_coding(extension=extension)]


def _settle_attachment(copying: Copying, copy: Resource, sent: Mapping[str, Any], place: Position, /) -> None:
    """Leave out an address that would run something, or open a file, where it is opened."""
    address = copy.get("url")
    if isinstance(address, str) and address.lower().lstrip().startswith(_ACTIVE_SCHEMES):
        del copy["url"]
        copying.notes.append(f"{path_of(place)}.url")


_ACTIVE_SCHEMES = ("javascript:", "data:", "vbscript:", "file:")


def _settle_extension(copying: Copying, copy: Resource, sent: Mapping[str, Any], place: Position, /) -> None:
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


def _settle_dosage(copying: Copying, copy: Resource, sent: Mapping[str, Any], place: Position, /) -> None:
    """Move dose and rate to where R4 has them. Source: FHIR R4, Dosage.doseAndRate."""
    names = ("doseRange", "doseQuantity", "rateRatio", "rateRange", "rateQuantity")
    moved = {name: copy.pop(name) for name in names if name in copy}
    if moved:
        append(resource=copy, name="doseAndRate", values=[moved])


def _settle_signature(copying: Copying, copy: Resource, sent: Mapping[str, Any], place: Position, /) -> None:
    """Source: FHIR R4, Signature."""
    who_or_uri(resource=copy, name="who")
    who_or_uri(resource=copy, name="onBehalfOf")
    rename(resource=copy, old="contentType", new="sigFormat")
    rename(resource=copy, old="blob", new="data")


def _settle_money(copying: Copying, copy: Resource, sent: Mapping[str, Any], place: Position, /) -> None:
    """STU3's Money is a Quantity whose code is the currency's. Source: FHIR R4, Money."""
    rename(resource=copy, old="code", new="currency")


_SETTLERS: Mapping[str, Settler] = {
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
    """Make a concept of a status that STU3 wrote as a bare code, and return the code; of a concept, its first."""
    code = resource.get(name)
    if not isinstance(code, str):
        codes = (text(coding.get("code")) for coding in mappings(mapping(code).get("coding")))
        return next(filter(None, codes), "")
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
    if not is_with_role(resource.get("requester"), names=("agent", "onBehalfOf")):
        return
    sent = resource.pop("requester")
    if "agent" not in sent and "onBehalfOf" in sent:
        sent["agent"] = sent.pop("onBehalfOf")
    if "agent" in sent:
        resource["requester"] = sent.pop("agent")
    notes.extend(f"{resource['resourceType']}.requester.{name}" for name in sent)


def is_with_role(sent: object, /, *, names: tuple[str, ...]) -> bool:
    """Whether a person stands within an object of STU3, beside a role, and is not a reference already as in R4."""
    return isinstance(sent, dict) and (any(name in sent for name in names) or "reference" not in sent)


def not_done(*, resource: Resource, notes: list[str], flag: str, status: str) -> None:
    """Make a status of STU3's flag that something was not done. It must never look done.

    Where something is said of the flag, such as that it is not known, and not whether it is set, neither is the status.
    """
    kind = resource["resourceType"]
    sent = resource.pop(flag, None)
    is_unsaid = sent is None and f"_{flag}" in resource
    if f"_{flag}" in resource:
        drop(resource=resource, notes=notes, path=kind, names=(flag,))
    if is_unsaid and resource.get("status") not in (None, "entered-in-error", status):
        drop(resource=resource, notes=notes, path=kind, names=("status",))
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
