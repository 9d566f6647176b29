"""Takes what a List contains out of it, so that it becomes an item like any other. Pure.

A practice sends the allergies that have ended inside their List; nothing keeps another from sending a medicine so.
Source: GP Connect Access Record Structured 1.6, "Ended allergies"; FHIR STU3, References, "Contained resources".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.contract.categories import RecordCategory, category_of_type
from connectors.contract.values import QuarantinedEntry
from connectors.gp_connect.names import r4_id
from connectors.reading import JudgedEntry, OwnedEntry, refused, somebody_elses
from fhir_data.access import text
from fhir_data.belonging import Belonging, Finding, Ownership, PlacedResource
from fhir_data.heads import type_of
from fhir_data.references import with_objects_changed
from fhir_data.releases import Release
from fhir_data.splitting import elements, members
from fhir_data.verdict import RefusedEntry, Verdict, members_at_fault, verdict

# A contained Patient says whose the List is, and is not a second patient of the answer.
_KEPT = "Patient"


@dataclass(frozen=True, kw_only=True)
class Lifted:
    """A resource taken out of its List, under an id by which no other goes, and its bytes as they were sent."""

    resource: dict[str, Any]
    sent: bytes
    finding: Finding
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """A List without what it contained, what was taken out, and what could not be used.

    `names` are the names of what was taken out, by how others name it in the List: `List/id#its-id`.
    """

    resource: dict[str, Any]
    names: Mapping[str, str] = field(default_factory=dict)
    lifted: tuple[Lifted, ...] = ()
    quarantined: tuple[QuarantinedEntry, ...] = ()


def outside(entry: JudgedEntry, /) -> PlacedResource:
    """Return what of an entry is judged as a whole: what a List contains is judged when it is taken out."""
    if not may_unpack(entry=entry):
        return entry.placed
    kept = [each for each in entry.resource["contained"] if _stays(each)]
    rest = {name: value for name, value in entry.resource.items() if name != "contained"}
    resource = {**rest, "contained": kept} if kept else rest
    return PlacedResource(resource=resource, full_url=entry.entry.full_url, at_fault=entry.at_fault)


def unpack(*, entry: OwnedEntry, owners: Ownership, taken: set[str]) -> Unpacked:
    """Take out what a List contains. `taken` are the names in use, and gets those that are given here."""
    judged = entry.judged
    resource, full_url = judged.resource, judged.entry.full_url
    kept = [each for each in resource["contained"] if _stays(each)]
    parts: list[Lifted] = []
    quarantined: list[QuarantinedEntry] = []
    targets: dict[str, str] = {"#": f"List/{resource['id']}"} if "id" in resource else {}
    all_sent = elements(body=members(body=judged.sent)["contained"])
    for each, sent in zip(resource["contained"], all_sent, strict=True):
        if _stays(each):
            continue
        sent_type = type_of(entry=sent)
        category = category_of_type(sent_type)
        found = verdict(entry=sent, release=Release.STU3)
        alone = msgspec.structs.replace(judged.entry, resource=sent, full_url="")
        part = JudgedEntry(entry=alone, verdict=found)
        if isinstance(found, RefusedEntry):
            quarantined.append(refused(judged=part, verdict=found, category=category))
            continue
        whole = {**found.resource, "contained": kept} if kept else found.resource
        placed = PlacedResource(resource=whole, full_url=full_url, at_fault=members_at_fault(found))
        finding = owners.of(entry=placed)
        if finding.belonging is Belonging.OTHER:
            category = category or RecordCategory.OTHER
            other = somebody_elses(entry=part.entry, labels=part.labels, finding=finding, category=category)
            quarantined.append(other)
            continue
        name = _free_name(kind=sent_type, key=text(each.get("id")), taken=taken)
        targets.setdefault(f"#{text(each.get('id'))}", name)
        lifted = {**found.resource, "id": name.partition("/")[2]}
        parts.append(Lifted(resource=lifted, sent=sent, finding=finding, verdict=found))
    rest = _pointed({name: value for name, value in resource.items() if name != "contained"}, targets=targets)
    return Unpacked(
        resource={**rest, "contained": kept} if kept else rest,
        names={f"List/{resource.get('id')}{key}": name for key, name in targets.items() if key != "#"},
        lifted=tuple(_settled(part, targets=targets, kept=kept) for part in parts),
        quarantined=tuple(quarantined),
    )


def may_unpack(*, entry: JudgedEntry) -> bool:
    """Whether an entry is a List that contains something to take out."""
    if entry.kind != "List":
        return False
    contained = entry.resource.get("contained")
    return isinstance(contained, list) and not all(_stays(each) for each in contained)


def _stays(contained: object, /) -> bool:
    return not isinstance(contained, dict) or contained.get("resourceType") == _KEPT


def _settled(part: Lifted, *, targets: Mapping[str, str], kept: list[dict[str, Any]]) -> Lifted:
    """Return a lifted resource whose references lead to what was lifted beside it; the Patient goes along."""
    resource = _pointed(part.resource, targets=targets)
    named = [each for each in kept if f"#{text(each.get('id'))}" in part.finding.references]
    if named:
        resource["contained"] = [*resource.get("contained", []), *named]
    return Lifted(resource=resource, sent=part.sent, finding=part.finding, verdict=part.verdict)


def _free_name(*, kind: str, key: str, taken: set[str]) -> str:
    """Return a `Type/id` by which no other entry of the answer goes, and take it."""
    wanted = r4_id(text=key or "contained")
    name, repeat = f"{kind}/{wanted}", 0
    while name in taken:
        repeat += 1
        name = f"{kind}/{r4_id(text=f'{wanted} contained {repeat}')}"
    taken.add(name)
    return name


def _pointed(resource: dict[str, Any], /, *, targets: Mapping[str, str]) -> dict[str, Any]:
    def point(node: dict[str, Any]) -> dict[str, Any]:
        reference = node.get("reference")
        if isinstance(reference, str) and reference in targets:
            node["reference"] = targets[reference]
        return node

    pointed: dict[str, Any] = with_objects_changed(resource, change=point)
    return pointed
