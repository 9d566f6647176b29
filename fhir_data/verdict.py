"""Whether an entry is FHIR of a release.

A model judges and is thrown away: it would write 7.10 as 7.1, and makes 1970-01-01T00:00:05Z of a 5.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from fhir_data.compartment import members_naming_whose
from fhir_data.errors import EntryRefused
from fhir_data.heads import type_of
from fhir_data.parsing import read_entry
from fhir_data.releases import Release, model_of
from fhir_data.splitting import members
from fhir_data.times import loose_date


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one entry. `reason` is empty for an accepted one; `resource` is then the parsed entry, its numbers
    exact, and without the members that were at fault where it is a Patient. `warnings` name fields that break the
    standard. No text holds a value."""

    resource: dict[str, Any] | None
    reason: str = ""
    detail: str = ""
    warnings: tuple[str, ...] = ()


MAX_ERRORS = 5

MAX_ROUNDS = 8


def verdict(*, entry: bytes, release: Release) -> Verdict:
    """Say whether one entry, as sent, can be used as FHIR of a release."""
    lost: tuple[str, ...] = ()
    try:
        resource = read_entry(entry=entry)
    except EntryRefused as refused:
        readable = _readable_members(entry=entry) if type_of(entry=entry) == "Patient" else None
        if readable is None:
            return Verdict(resource=None, reason=refused.reason, detail=refused.detail)
        resource, lost = readable
    found = judge(resource=resource, release=release)
    return replace(found, warnings=lost + found.warnings) if lost else found


def judge(*, resource: dict[str, Any], release: Release) -> Verdict:
    """Say whether a resource that passed the guards can be used as FHIR of a release.

    A flaw in a Patient costs the member that it is in, and a missing subject is for `fhir_data.belonging` to judge: the
    rest of the resource must be right.
    """
    kind = str(resource.get("resourceType", ""))
    model = model_of(name=kind, release=release)
    if model is None:
        return Verdict(resource=None, reason="unknown-type", detail="resourceType")
    found = _judge(model=model, resource=resource)
    if not found.reason:
        return found
    missing = {fault["loc"] for fault in _faults(model=model, resource=resource) or () if fault["type"] == "missing"}
    if absent := [name for name in members_naming_whose(kind=kind) if (name,) in missing]:
        rest = _judge(model=model, resource={**resource, **{name: {"display": "not said"} for name in absent}})
        return rest if rest.reason else replace(rest, resource=resource, warnings=(*absent, *rest.warnings))
    return _patient_without_flaws(model=model, resource=resource) or found if kind == "Patient" else found


def _judge(*, model: type[BaseModel], resource: dict[str, Any]) -> Verdict:
    faults = _faults(model=model, resource=resource)
    if faults is None:
        return Verdict(resource=None, reason="invalid")
    paths = tuple(dict.fromkeys(_path(fault=fault) for fault in faults[:MAX_ERRORS]))
    if all(_is_small(fault=fault) for fault in faults):
        return Verdict(resource=resource, warnings=paths)
    return Verdict(resource=None, reason="invalid", detail=", ".join(path for path in paths if path))


def _faults(*, model: type[BaseModel], resource: dict[str, Any]) -> list[Any] | None:
    """Return what a model finds wrong; None when it could not even say."""
    try:
        model.model_validate(resource)
    except ValidationError as error:
        return [*error.errors(include_url=False, include_context=False)]
    except Exception:  # noqa: BLE001  a library reading what a stranger sent: KeyError and AttributeError have been seen
        return None
    return []


# What a Patient may not have beside a date or a number. Source: FHIR R4, Patient, deceased[x] and multipleBirth[x].
_LESSER_CHOICES = frozenset({"deceasedBoolean", "_deceasedBoolean", "multipleBirthBoolean", "_multipleBirthBoolean"})


def _patient_without_flaws(*, model: type[BaseModel], resource: dict[str, Any]) -> Verdict | None:
    """Accept a Patient without what is at fault in it, and name that; None when it is a Patient no more.

    As little as can be is taken away: a period that cannot be read must not cost the NHS number beside it.
    """
    kept = copy.deepcopy(resource)
    lost: set[str] = set()
    # Inside out: a part whose own part is gone may then lack what it must have, and choices are looked at last.
    for _ in range(MAX_ROUNDS):
        faults = _faults(model=model, resource=kept)
        if faults is None:
            faults = _faults_of_each(model=model, resource=kept)
        places = {_place(fault=fault) for fault in faults if not _is_small(fault=fault)}
        if not places:
            warnings = sorted(name.lstrip("_") for name in lost if name.lstrip("_") in _PATIENT_MEMBERS)
            return replace(_judge(model=model, resource=_without_empty(kept)), warnings=tuple(dict.fromkeys(warnings)))
        if ("id",) in places or ("resourceType",) in places:
            return None
        if () in places:
            places = places - {()} | {(name,) for name in _LESSER_CHOICES if name in kept}
        for place in sorted(places, key=str, reverse=True):  # of one list the last first, so that places stay right
            _take_out(node=kept, place=place)
            lost.add(str(place[0]))
    return None


def _place(*, fault: Any) -> tuple[str | int, ...]:
    return tuple(part for part in fault["loc"] if part != "root")


def _take_out(*, node: Any, place: tuple[str | int, ...]) -> None:
    """Take out what is at a place, or the part of it that can be found."""
    for depth, part in enumerate(place):
        inner = node[part] if _holds(node=node, part=part) else None
        if depth + 1 < len(place) and _holds(node=inner, part=place[depth + 1]):
            node = inner
        elif inner is not None or _holds(node=node, part=part):
            del node[part]
            return
        else:
            return


def _without_empty(value: Any) -> Any:
    """Return a copy without what is empty now, which FHIR forbids to write."""
    if isinstance(value, dict):
        pruned = {name: _without_empty(one) for name, one in value.items()}
        return {name: one for name, one in pruned.items() if one not in ({}, [])}
    if isinstance(value, list):
        return [one for one in map(_without_empty, value) if one not in ({}, [])]
    return value


def _holds(*, node: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(node, list) and part < len(node)
    return isinstance(node, dict) and part in node


def _faults_of_each(*, model: type[BaseModel], resource: dict[str, Any]) -> list[Any]:
    """Return as faults the members with which alone the model breaks."""
    fixed: dict[str, Any] = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    return [
        {"loc": (name,), "type": "unreadable", "input": None}
        for name, value in resource.items()
        if name not in fixed and _faults(model=model, resource={**fixed, name: value}) is None
    ]


def _readable_members(*, entry: bytes) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """Return what can be read of an entry member by member, and the names of the rest; None when it is no object."""
    try:
        found = members(body=entry)
    except (EntryRefused, ValueError, RecursionError):
        return None
    kept: dict[str, Any] = {}
    lost: list[str] = []
    for name, value in found.items():
        try:
            kept.update(read_entry(entry=b"{%s:%s}" % (json.dumps(name).encode(), value)))
        except EntryRefused:
            lost.append(name)
    return kept, tuple(sorted(set(lost) & _PATIENT_MEMBERS))


# The name of a member that a Patient does not have is the sender's text, and named nowhere.
_PATIENT_MEMBERS = frozenset(
    "meta implicitRules language text contained extension modifierExtension identifier active name telecom gender"
    " birthDate deceasedBoolean deceasedDateTime address maritalStatus multipleBirthBoolean multipleBirthInteger photo"
    " contact communication generalPractitioner managingOrganization link animal".split()
)


def _path(*, fault: Any) -> str:
    """The field a fault is in, without index. The name of an unknown field is the sender's text: left out."""
    parts = [part for part in fault["loc"] if isinstance(part, str) and part != "root"]
    if fault["type"] == "extra_forbidden":
        parts[-1:] = ["(unknown field)"]
    return ".".join(parts)


_TIME_FAULT = re.compile(r"(DateTime|Instant) value string does not match")

_LOOSE_ID = re.compile(r"[A-Za-z0-9._:|~-]{1,255}\Z")

# Text for the reader, where empty means that nothing was written. An empty code or status says too little.
_PROSE_FIELDS = (
    "text display description comment title name line city district state postalCode country family given prefix suffix"
    " unit patientInstruction"
)

_PROSE = frozenset(_PROSE_FIELDS.split())


def _is_small(*, fault: Any) -> bool:
    """Whether a fault breaks the standard but loses and changes nothing for the reader.

    Seen in real GP records: an id with `_`, a time without zone, an empty description, a code after a space.
    """
    value, loc = fault.get("input"), fault["loc"]
    if not isinstance(value, str) or not loc:
        return False
    if value == "":
        return loc[-1] in _PROSE
    if loc == ("id",):
        return _LOOSE_ID.match(value) is not None
    if loc[-1] == "code" and value != value.strip():
        return bool(value.strip())
    return (
        fault["type"] == "value_error"
        and _TIME_FAULT.search(str(fault["msg"])) is not None
        and bool(loose_date(text=value))
    )
