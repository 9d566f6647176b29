"""Whether an entry is FHIR of a release, and what is wrong with it.

A model judges and is thrown away: it would write 7.10 as 7.1, and turns a 5 into 1970-01-01T00:00:05Z.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fhir_data import exact_json, structs
from fhir_data.access import JsonObject, listed, mapping, mappings, text
from fhir_data.errors import EntryFault, UnreadableEntry
from fhir_data.examination import Examination, examine, is_accepted
from fhir_data.flaws import UNKNOWN_FIELD, Flaw, FlawReason
from fhir_data.heads import type_of
from fhir_data.parsing import ParsedEntry, misread_places, parse_entry, parse_quickly, read_by_member
from fhir_data.releases import Release, model_of


@dataclass(frozen=True, kw_only=True)
class ValidEntry:
    """An entry that is FHIR as the standard says. `resource` is the parsed entry, its numbers exact."""

    resource: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ToleratedEntry:
    """An entry that breaks the standard and that a reader can understand all the same.

    Any member of `resource` may hold any JSON. `flaws` are what is wrong, the first of them if there are many;
    `members` are all members that hold a flaw, by which nothing may be joined. Of a Patient, `resource` is without what
    is at fault, since it says whose the answer is.
    """

    resource: dict[str, Any]
    flaws: tuple[Flaw, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RefusedEntry:
    """An entry that cannot be read, or not safely. `flaws` are what is wrong; none: the whole."""

    fault: EntryFault
    flaws: tuple[Flaw, ...] = ()


Verdict = ValidEntry | ToleratedEntry | RefusedEntry

UNKNOWN_TYPE = Flaw(path="resourceType", reason=FlawReason.NOT_IN_STANDARD)


def verdict(*, entry: bytes, release: Release) -> Verdict:
    """Say whether one entry, as sent, can be used as FHIR of a release."""
    parsed = parse_quickly(entry=entry)
    if parsed is not None and _is_sound(resource=parsed[0], body=parsed[1], release=release):
        return ValidEntry(resource=parsed[0])
    return verdict_of_models(entry=entry, release=release)


def verdict_of_models(*, entry: bytes, release: Release) -> Verdict:
    """Say the same as `verdict`, without structs: what they do not accept is judged here, and put into words."""
    try:
        parsed = parse_entry(entry=entry)
    except UnreadableEntry as unreadable:
        readable = read_by_member(entry=entry) if type_of(entry=entry) == "Patient" else None
        if readable is None:
            flaws = (Flaw(path=unreadable.detail, reason=FlawReason.UNREADABLE),) if unreadable.detail else ()
            return RefusedEntry(fault=unreadable.fault, flaws=flaws)
        resource, names = readable
        lost = tuple(sorted({name if name in _PATIENT_MEMBERS else UNKNOWN_FIELD for name in names}))
        return _with_lost(verdict=judge(resource=resource, release=release), lost=lost)
    return _judge(parsed=parsed, release=release)


def judge(*, resource: dict[str, Any], release: Release) -> Verdict:
    """Say whether a parsed resource can be used as FHIR of a release.

    Whose it is, where it does not say, is for `fhir_data.belonging` to judge.
    """
    try:
        body = exact_json.encode(resource)
    except (ValueError, OverflowError, TypeError, RecursionError):
        pass
    else:
        if _is_sound(resource=resource, body=body, release=release):
            return ValidEntry(resource=resource)
    return judge_by_models(resource=resource, release=release)


def judge_by_models(*, resource: dict[str, Any], release: Release) -> Verdict:
    """Say the same as `judge`, without structs."""
    return _judge(parsed=ParsedEntry(resource=resource, is_misread=False), release=release)


def warm_up(*, types: Iterable[str], release: Release) -> None:
    """Make the models and structs of types that will be judged.

    They are made at their first use: 20 ms each and many times that on a new machine, too long for an event loop.
    """
    types = tuple(types)
    structs.warm_up(types=types, release=release)
    for name in types:
        if model := model_of(name=name, release=release):
            is_accepted(model=model, resource={"resourceType": name})


def flaws_of(judged: Verdict, /) -> tuple[Flaw, ...]:
    """Return the flaws that a verdict names."""
    return () if isinstance(judged, ValidEntry) else judged.flaws


def members_at_fault(judged: Verdict, /) -> tuple[str, ...]:
    """Return the members in which a verdict finds a flaw, of an entry that can be read all the same."""
    return judged.members if isinstance(judged, ToleratedEntry) else ()


def _is_sound(*, resource: dict[str, Any], body: bytes, release: Release) -> bool:
    """Return whether a resource is FHIR as the standard says, as far as that can be told without a model."""
    kind = text(resource.get("resourceType"))
    return structs.is_accepted(body=body, name=kind, release=release) and not any(_misspelt_statuses(resource))


def _judge(*, parsed: ParsedEntry, release: Release) -> Verdict:
    resource = parsed.resource
    kind = text(resource.get("resourceType"))
    model = model_of(name=kind, release=release)
    if model is None:
        return RefusedEntry(fault=EntryFault.UNKNOWN_TYPE, flaws=(UNKNOWN_TYPE,))
    statuses = tuple(_misspelt_statuses(resource))
    if not statuses and not parsed.is_misread and is_accepted(model=model, resource=resource):
        return ValidEntry(resource=resource)
    misread = tuple(misread_places(resource=resource)) if parsed.is_misread else ()
    found = examine(model=model, resource=resource, misread=misread)
    flaws = statuses + found.flaws
    if not flaws:
        return ValidEntry(resource=resource)
    if kind == "Patient":
        return _patient(found, flaws=flaws)
    if found.hides_label or not _shows_labels(resource.get("contained")):
        return RefusedEntry(fault=EntryFault.INVALID, flaws=flaws)
    at_fault = dict.fromkeys([*(flaw.member for flaw in statuses), *found.members])
    return ToleratedEntry(resource=resource, flaws=flaws, members=tuple(at_fault))


def _shows_labels(contained: object) -> bool:
    """Return whether the resources that an entry contains say how confidential they are so that it can be read.

    The model has judged each that is of a known type; this is for all others.
    """
    resources = listed(contained)
    metas = [resource.get("meta") for resource in mappings(resources)]
    labels = [label for meta in mappings(metas) for label in listed(meta.get("security"))]
    return (
        len(mappings(resources)) == len(resources)
        and all(meta is None or isinstance(meta, dict) for meta in metas)
        and all(isinstance(meta.get("security"), list | None) for meta in mappings(metas))
        and all(isinstance(part, str | None) for label in labels for part in _parts_of(label))
    )


def _parts_of(label: object) -> list[object]:
    """Return what a label says; what is no label at all is told by something that is no text."""
    return [label.get("system"), label.get("code")] if isinstance(label, dict) else [label, ...]


def _patient(found: Examination, /, *, flaws: tuple[Flaw, ...]) -> Verdict:
    """Accept a Patient without what is at fault in it; refuse one whose id is, since references name it by that."""
    if "id" in found.members and "id" not in found.rest:
        return RefusedEntry(fault=EntryFault.INVALID, flaws=flaws)
    return ToleratedEntry(resource=found.rest, flaws=flaws, members=found.members)


def _with_lost(*, verdict: Verdict, lost: tuple[str, ...]) -> Verdict:
    """Return a verdict that also names the members of a Patient that could not be read at all."""
    flaws = tuple(Flaw(path=name, reason=FlawReason.UNREADABLE) for name in lost)
    if isinstance(verdict, RefusedEntry):
        return replace(verdict, flaws=flaws + verdict.flaws)
    at_fault = verdict.members if isinstance(verdict, ToleratedEntry) else ()
    return ToleratedEntry(resource=verdict.resource, flaws=flaws + flaws_of(verdict), members=lost + at_fault)


# A status of FHIR in any release: the models do not compare it with those that its type has.
_STATUS = re.compile(r"[a-z]+(-[a-z]+)*\Z")
_STATUS_MEMBERS = ("status", "clinicalStatus", "verificationStatus")
# Source: FHIR R4, the code systems of AllergyIntolerance and Condition, clinicalStatus and verificationStatus.
_STATUS_SYSTEMS = re.compile(r"http://terminology\.hl7\.org/CodeSystem/(allergyintolerance|condition)-")


def _misspelt_statuses(resource: JsonObject) -> Iterator[Flaw]:
    """Yield a flaw for each status that is not spelt as any status of FHIR is, such as "Entered-In-Error"."""
    for name in _STATUS_MEMBERS:
        status = resource.get(name)
        if isinstance(status, str):
            if status and _STATUS.match(status) is None:
                yield Flaw(path=name, reason=FlawReason.NOT_A_CODE)
        elif isinstance(status, dict):
            for coding in mappings(mapping(status).get("coding")):
                code = text(coding.get("code"))
                if _STATUS_SYSTEMS.match(text(coding.get("system"))) and code and _STATUS.match(code) is None:
                    yield Flaw(path=f"{name}.coding.code", reason=FlawReason.NOT_A_CODE)


# The name of a member that a Patient does not have is the sender's text, and is never repeated.
_PATIENT_MEMBERS = frozenset(
    "meta implicitRules language text contained extension modifierExtension identifier active name telecom gender"
    " birthDate deceasedBoolean deceasedDateTime address maritalStatus multipleBirthBoolean multipleBirthInteger photo"
    " contact communication generalPractitioner managingOrganization link animal".split()
)
