"""What the translation of every STU3 resource has in common: codings, references, ids, times, empty text. Pure.

Notes name a field without index. A field alone was not carried; a field with a colon was carried in another form.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from fhir_data.access import mappings
from fhir_data.references import is_id, split_relative
from fhir_data.times import loose_date

Resource = dict[str, Any]

# The code systems that were renamed between STU3 and R4, with their codes unchanged. Source: FHIR R4, Code systems.
_V3 = "http://hl7.org/fhir/v3/"
_V2 = "http://hl7.org/fhir/v2/"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_MOVED_NAMES = (
    "condition-category data-absent-reason diagnosis-role list-empty-reason list-order location-physical-type"
    " observation-category organization-type referencerange-meaning service-category allergyintolerance-clinical"
)
_MOVED = frozenset(_MOVED_NAMES.split())
_TIMES = re.compile(r".*(?:DateTime|Date|[a-z]On)\Z|start\Z|end\Z|date\Z|issued\Z|time\Z|lastOccurrence\Z")


def carried(*, resource: Mapping[str, Any], notes: list[str]) -> Resource:
    """Return a copy of a resource in which everything common to all types is R4."""
    kind = str(resource.get("resourceType", ""))
    copy: Resource = _object(value=resource, path=kind, notes=notes)
    if isinstance(copy.get("id"), str):
        copy["id"] = r4_id(text=copy["id"])
        if copy["id"] != resource.get("id"):
            notes.append(f"{kind}.id: written with the characters that FHIR allows")
    meta = copy.get("meta")
    if isinstance(meta, dict) and meta.pop("profile", None) is not None:
        notes.append(f"{kind}.meta.profile")  # it claims an STU3 profile
        if not meta:
            del copy["meta"]
    return copy


def r4_id(*, text: str) -> str:
    """Return an id that FHIR allows: the same if it is one, otherwise one that no other id is turned into."""
    if is_id(text=text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9.-]', '-', text)[:51]}-{digest}"


def r4_reference(*, text: str) -> str:
    """Return a relative reference with the id that its target gets; any other reference as it is."""
    kind, key = split_relative(reference=text)
    return f"{kind}/{r4_id(text=key)}" if kind else text


def r4_system(*, text: str) -> str:
    """Return the R4 name of a code system."""
    for old, new in ((_V3, "v3-"), (_V2, "v2-")):
        if text.startswith(old):
            return f"{_TERMINOLOGY}{new}{text.removeprefix(old)}"
    name = text.removeprefix("http://hl7.org/fhir/")
    return f"{_TERMINOLOGY}{name}" if name != text and name in _MOVED else text


def _object(*, value: Mapping[str, Any], path: str, notes: list[str]) -> Resource:
    copy: Resource = {}
    for name, member in value.items():
        here = f"{path}.{name}"
        made = _value(name=name, value=member, path=here, notes=notes)
        if made is None:
            notes.append(f"{here}: empty")
        else:
            copy[name] = made
    _settle_reference(copy=copy, path=path, notes=notes)
    _settle_period(copy=copy, sent=value, path=path, notes=notes)
    return copy


def _settle_reference(*, copy: Resource, path: str, notes: list[str]) -> None:
    """Show the sentence that some systems write in place of a reference ("Referral items are not supported by ...")."""
    text = copy.get("reference")
    if isinstance(text, str) and " " in text:
        del copy["reference"]
        copy.setdefault("display", text)
        notes.append(f"{path}.reference: a sentence, carried as display")


def _settle_period(*, copy: Resource, sent: Mapping[str, Any], path: str, notes: list[str]) -> None:
    """Where only one side of a period lost its time, drop the other's too, or a day could end before it began."""
    for cut, other in (("start", "end"), ("end", "start")):
        was_cut = copy.get(cut) != sent.get(cut)
        if was_cut and isinstance(copy.get(other), str) and copy[other] == sent.get(other) and len(copy[other]) > 10:
            copy[other] = copy[other][:10]
            notes.append(f"{path}.{other}: date kept, as of the {cut}")


def _value(*, name: str, value: Any, path: str, notes: list[str]) -> Any:
    """Return a value as R4 has it; None for an empty one, which FHIR does not allow."""
    if isinstance(value, dict):
        return _object(value=value, path=path, notes=notes) or None
    if isinstance(value, list):
        made = [_value(name=name, value=element, path=path, notes=notes) for element in value]
        return [element for element in made if element is not None] or None
    if not isinstance(value, str):
        return value
    if not value:
        return None
    if name == "reference":
        return r4_reference(text=value)
    if name == "system":
        return r4_system(text=value)
    if name == "code" and value != value.strip():
        notes.append(f"{path}: spaces around it removed")
        return value.strip()
    if _TIMES.match(name) and not _has_zone(text=value) and (day := loose_date(text=value)):
        notes.append(f"{path}: time without zone or seconds, date kept")
        return day
    return value


_STRICT_TIME = re.compile(r".{10}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})\Z")


def _has_zone(*, text: str) -> bool:
    return _STRICT_TIME.match(text) is not None


def concept(*, system: str, code: str) -> Resource:
    """Return a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def rename(*, resource: Resource, old: str, new: str) -> None:
    """Rename a member, its primitive extension too."""
    for before, after in ((old, new), (f"_{old}", f"_{new}")):
        if before in resource:
            resource[after] = resource.pop(before)


def as_list(*, resource: Resource, name: str) -> None:
    """Make a list of a member that R4 lets repeat."""
    if name in resource and not isinstance(resource[name], list):
        resource[name] = [resource[name]]


def drop(*, resource: Resource, notes: list[str], path: str, names: tuple[str, ...]) -> None:
    """Remove members that R4 has no place for, and name them."""
    for name in names:
        if name in resource:
            del resource[name]
            notes.append(f"{path}.{name}")


def r4_dosages(*, resource: Resource, name: str) -> None:
    """Move dose and rate to where R4 has them. Source: FHIR R4 Dosage, doseAndRate."""
    for dosage in mappings(resource.get(name)):
        moved = {part: dosage.pop(part) for part in _DOSE_PARTS if part in dosage}
        if moved:
            dosage["doseAndRate"] = [moved]


_DOSE_PARTS = ("doseRange", "doseQuantity", "rateRatio", "rateRange", "rateQuantity")
