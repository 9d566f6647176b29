"""Whether an entry is FHIR of a release, and what is wrong with it.

A model judges and is thrown away: it would write 7.10 as 7.1, and turns a 5 into 1970-01-01T00:00:05Z.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from fhir_data.compartment import members_naming_whose
from fhir_data.errors import EntryFault, UnreadableEntry
from fhir_data.heads import type_of
from fhir_data.limits import MAX_FLAWS, MAX_ROUNDS
from fhir_data.parsing import read_entry
from fhir_data.releases import Release, model_of
from fhir_data.splitting import members
from fhir_data.times import loose_date


@dataclass(frozen=True, kw_only=True)
class ValidEntry:
    """An entry that is FHIR as the standard says. `resource` is the parsed entry, its numbers exact."""

    resource: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ToleratedEntry:
    """An entry that breaks the standard and can be used all the same.

    `flaws` name the fields at fault, without index or value. Where it is a Patient, `resource` is without them.
    """

    resource: dict[str, Any]
    flaws: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RefusedEntry:
    """An entry that cannot be used. `flaws` name the fields at fault, without index or value; none: the whole."""

    fault: EntryFault
    flaws: tuple[str, ...] = ()


Verdict = ValidEntry | ToleratedEntry | RefusedEntry


def verdict(*, entry: bytes, release: Release) -> Verdict:
    """Say whether one entry, as sent, can be used as FHIR of a release."""
    try:
        resource = read_entry(entry=entry)
    except UnreadableEntry as unreadable:
        readable = _readable_members(entry=entry) if type_of(entry=entry) == "Patient" else None
        if readable is None:
            return RefusedEntry(fault=unreadable.fault, flaws=(unreadable.detail,) if unreadable.detail else ())
        resource, lost = readable
        return _with_flaws(verdict=judge(resource=resource, release=release), flaws=lost)
    return judge(resource=resource, release=release)


def judge(*, resource: dict[str, Any], release: Release) -> Verdict:
    """Say whether a parsed resource can be used as FHIR of a release.

    A flaw in a Patient costs the member that it is in. A missing subject is for `fhir_data.belonging` to judge; the
    rest of the resource must be right.
    """
    kind = str(resource.get("resourceType", ""))
    model = model_of(name=kind, release=release)
    if model is None:
        return RefusedEntry(fault=EntryFault.UNKNOWN_TYPE, flaws=("resourceType",))
    judged = _judge(model=model, resource=resource)
    if not isinstance(judged, RefusedEntry):
        return judged
    missing = {fault["loc"] for fault in _faults(model=model, resource=resource) or () if fault["type"] == "missing"}
    if absent := tuple(name for name in members_naming_whose(kind=kind) if (name,) in missing):
        rest = _judge(model=model, resource={**resource, **{name: {"display": "not said"} for name in absent}})
        return rest if isinstance(rest, RefusedEntry) else _accepted(resource=resource, flaws=absent + flaws_of(rest))
    return _patient_without_flaws(model=model, resource=resource) or judged if kind == "Patient" else judged


def warm_up(*, types: Iterable[str], release: Release) -> None:
    """Make the models of types that will be judged.

    A model is made at its first use: 20 ms each and many times that on a new machine, too long for an event loop.
    """
    for name in types:
        judge(resource={"resourceType": name}, release=release)


def flaws_of(judged: Verdict, /) -> tuple[str, ...]:
    """Return the flaws that a verdict names."""
    return () if isinstance(judged, ValidEntry) else judged.flaws


def _judge(*, model: type[BaseModel], resource: dict[str, Any]) -> Verdict:
    faults = _faults(model=model, resource=resource)
    if faults is None:
        return RefusedEntry(fault=EntryFault.INVALID)
    paths = tuple(dict.fromkeys(_path(fault=fault) for fault in faults[:MAX_FLAWS]))
    if all(_is_small(fault=fault) for fault in faults):
        return _accepted(resource=resource, flaws=paths)
    return RefusedEntry(fault=EntryFault.INVALID, flaws=tuple(path for path in paths if path))


def _accepted(*, resource: dict[str, Any], flaws: tuple[str, ...]) -> ValidEntry | ToleratedEntry:
    return ToleratedEntry(resource=resource, flaws=flaws) if flaws else ValidEntry(resource=resource)


def _with_flaws(*, verdict: Verdict, flaws: tuple[str, ...]) -> Verdict:
    """Return a verdict that names further flaws, before its own."""
    if isinstance(verdict, RefusedEntry):
        return replace(verdict, flaws=flaws + verdict.flaws)
    return _accepted(resource=verdict.resource, flaws=flaws + flaws_of(verdict))


def _faults(*, model: type[BaseModel], resource: dict[str, Any]) -> list[Any] | None:
    """Return what a model finds wrong; None when it cannot even say."""
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
    """Accept a Patient without what is at fault in it, and name that; None when no Patient is left.

    As little as possible is removed: a period that cannot be read must not cost the NHS number beside it.
    """
    kept = copy.deepcopy(resource)
    lost: set[str] = set()
    # From the inside out: a part may lack something mandatory once its own part is gone. Choices are checked last.
    for _ in range(MAX_ROUNDS):
        faults = _faults(model=model, resource=kept)
        if faults is None:
            faults = _faults_of_each(model=model, resource=kept)
        places = {_place(fault=fault) for fault in faults if not _is_small(fault=fault)}
        if not places:
            rest = _judge(model=model, resource=_without_empty(kept))
            flaws = sorted({name.lstrip("_") for name in lost} & _PATIENT_MEMBERS)
            return rest if isinstance(rest, RefusedEntry) else _accepted(resource=rest.resource, flaws=tuple(flaws))
        if ("id",) in places or ("resourceType",) in places:
            return None
        if () in places:
            places = places - {()} | {(name,) for name in _LESSER_CHOICES if name in kept}
        # The last of a list first, so that the other places stay right.
        for place in sorted(places, key=str, reverse=True):
            _take_out(node=kept, place=place)
            lost.add(str(place[0]))
    return None


def _place(*, fault: Any) -> tuple[str | int, ...]:
    return tuple(part for part in fault["loc"] if part != "root")


def _take_out(*, node: Any, place: tuple[str | int, ...]) -> None:
    """Remove what is at a place, or the innermost part of the place that exists."""
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
    """Return a copy without what has become empty, which FHIR does not allow."""
    if isinstance(value, dict):
        pruned = {name: _without_empty(member) for name, member in value.items()}
        return {name: member for name, member in pruned.items() if member not in ({}, [])}
    if isinstance(value, list):
        return [element for element in map(_without_empty, value) if element not in ({}, [])]
    return value


def _holds(*, node: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(node, list) and part < len(node)
    return isinstance(node, dict) and part in node


def _faults_of_each(*, model: type[BaseModel], resource: dict[str, Any]) -> list[Any]:
    """Return as faults the members that break the model by themselves."""
    fixed: dict[str, Any] = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    return [
        {"loc": (name,), "type": "unreadable", "input": None}
        for name, value in resource.items()
        if name not in fixed and _faults(model=model, resource={**fixed, name: value}) is None
    ]


def _readable_members(*, entry: bytes) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """Return what can be read of an entry member by member, and the names of the rest; None when it is no object."""
    try:
        parts = members(body=entry)
    except (UnreadableEntry, ValueError, RecursionError):
        return None
    kept: dict[str, Any] = {}
    lost: list[str] = []
    for name, value in parts.items():
        try:
            kept.update(read_entry(entry=b"{%s:%s}" % (json.dumps(name).encode(), value)))
        except UnreadableEntry:
            lost.append(name)
    return kept, tuple(sorted(set(lost) & _PATIENT_MEMBERS))


# The name of a member that a Patient does not have is the sender's text, and is never repeated.
_PATIENT_MEMBERS = frozenset(
    "meta implicitRules language text contained extension modifierExtension identifier active name telecom gender"
    " birthDate deceasedBoolean deceasedDateTime address maritalStatus multipleBirthBoolean multipleBirthInteger photo"
    " contact communication generalPractitioner managingOrganization link animal".split()
)


def _path(*, fault: Any) -> str:
    """Return the field of a fault, without index. The name of an unknown field is the sender's text, and left out."""
    parts = [part for part in fault["loc"] if isinstance(part, str) and part != "root"]
    if fault["type"] == "extra_forbidden":
        parts[-1:] = ["(unknown field)"]
    return ".".join(parts)


_TIME_FAULT = re.compile(r"(DateTime|Instant) value string does not match")

_LOOSE_ID = re.compile(r"[A-Za-z0-9._:|~-]{1,255}\Z")

# Text for the reader, where empty means that nothing was written. An empty code or status is not so harmless.
_PROSE_FIELDS = (
    "text display description comment title name line city district state postalCode country family given prefix suffix"
    " unit patientInstruction"
)

_PROSE = frozenset(_PROSE_FIELDS.split())


def _is_small(*, fault: Any) -> bool:
    """Whether a fault breaks the standard without losing or changing anything for the reader.

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
