"""A Reply as one FHIR R4 Bundle, and a report of what is not in it. Pure: the same for a file and for the wire."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from connectors.contract import Notice, QuarantinedEntry, Reply
from connectors.fhir import type_of
from connectors.guards import read_entry

# Ours to name entries under; any fixed name would do.
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:longview:converted-bundle")
_REFERENCE = re.compile(r"(?:.*/)?(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/.*)?\Z")
_ENCODER = msgspec.json.Encoder(decimal_format="number")  # 7.10 stays 7.10


@dataclass(frozen=True, kw_only=True)
class _Placed:
    full_url: str
    resource: dict[str, Any]


def as_bundle(*, reply: Reply) -> bytes:
    """Return the subject and every item that is R4 as a collection Bundle.

    Each entry has a `urn:uuid:` of its own, the same each time for the same content. References within the Bundle name
    entries by it, as the rules for resolving references in a Bundle want; any other stays as it was sent.
    """
    resources = [read_entry(entry=one) for one in _r4_resources(reply=reply)]
    placed = _place(resources=resources)
    targets = _targets(placed=placed)
    entries = [{"fullUrl": one.full_url, "resource": _pointed(value=one.resource, targets=targets)} for one in placed]
    made: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    if entries:
        made["entry"] = entries
    return _ENCODER.encode(made)


def report_lines(*, reply: Reply) -> tuple[str, ...]:
    """Return what a reader of the Bundle must know: what is not in it, and what in it is not as it was sent."""
    left_out = Counter(type_of(entry=item.resource) for item in reply.items if not item.translated)
    kept = Counter(type_of(entry=item.resource) for item in reply.items if item.translated)
    notes = Counter(note for item in reply.items for note in item.notes)
    incidental = sum(item.incidental for item in reply.items)
    patient = "one Patient" if reply.subject else "no Patient"
    lines = [
        f"In the Bundle: {patient} and {kept.total()} items{_listed(counts=kept)}.",
        f"Not translated yet, not in the Bundle: {left_out.total()}{_listed(counts=left_out)}.",
        f"Linked by the source but no answer to the question asked: {incidental}.",
        *_section(title="Set aside, not in the Bundle", lines=_set_aside(quarantined=reply.quarantined)),
        *_section(
            title="Not carried, or carried otherwise than sent",
            lines=[f"{count} x {note}" for note, count in sorted(notes.items())],
        ),
        *_section(
            title="Said by the source of its own answer", lines=[_said(notice=notice) for notice in reply.notices]
        ),
    ]
    return tuple(lines)


def _section(*, title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else [f"{title}: nothing."]


def _said(*, notice: Notice) -> str:
    """A notice on one line: its text is the source's, so line ends and other controls are drawn, not obeyed."""
    text = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in notice.text)
    return f"{notice.code} ({notice.category or 'whole answer'}){f': {text}' if text else ''}"


def _r4_resources(*, reply: Reply) -> Iterable[bytes]:
    if reply.subject is not None:
        yield reply.subject
    yield from (item.resource for item in reply.items if item.translated)


def _set_aside(*, quarantined: tuple[QuarantinedEntry, ...]) -> list[str]:
    counts = Counter((one.reason, type_of(entry=one.original) or "of no known type", one.detail) for one in quarantined)
    return [
        f"{count} x {kind}: {reason}{f' at {detail}' if detail else ''}"
        for (reason, kind, detail), count in sorted(counts.items())
    ]


def _listed(*, counts: Counter[str]) -> str:
    return f" ({', '.join(f'{kind} {count}' for kind, count in sorted(counts.items()))})" if counts else ""


def _place(*, resources: list[dict[str, Any]]) -> list[_Placed]:
    placed: list[_Placed] = []
    used: set[str] = set()
    for resource in resources:
        url = _full_url(resource=resource)
        repeat = 0
        while url in used:  # the same id twice: both are kept, and a Bundle may not hold one address twice
            repeat += 1
            url = f"urn:uuid:{uuid5(_NAMESPACE, f'{repeat} ' + _ENCODER.encode(resource).decode())}"
        used.add(url)
        placed.append(_Placed(full_url=url, resource=resource))
    return placed


def _full_url(*, resource: Mapping[str, Any]) -> str:
    key = str(resource.get("id", ""))
    if not key:
        return f"urn:uuid:{uuid5(_NAMESPACE, _ENCODER.encode(resource).decode())}"
    if _is_uuid(text=key):
        return f"urn:uuid:{key}"
    name = f"{resource.get('resourceType')}/{key}"
    return f"urn:uuid:{uuid5(_NAMESPACE, name)}"


def _is_uuid(*, text: str) -> bool:
    """Whether an id is a UUID as a urn wants it: lower case with its hyphens."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _targets(*, placed: list[_Placed]) -> dict[str, str]:
    """What a reference may say -> the entry that it means; the first, where an id stands twice."""
    targets: dict[str, str] = {}
    for one in placed:
        if key := one.resource.get("id"):
            targets.setdefault(f"{one.resource.get('resourceType')}/{key}", one.full_url)
            targets.setdefault(f"urn:uuid:{key}", one.full_url)
    return targets


def _pointed(*, value: Any, targets: Mapping[str, str]) -> Any:
    """A copy of a resource with its references pointed at entries. Recursion is safe: the guards bound the depth."""
    if isinstance(value, list):
        return [_pointed(value=one, targets=targets) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _target(text=member, targets=targets)
        if name == "reference" and isinstance(member, str)
        else _pointed(value=member, targets=targets)
        for name, member in value.items()
    }


def _target(*, text: str, targets: Mapping[str, str]) -> str:
    match = _REFERENCE.match(text)
    return targets.get(f"{match['type']}/{match['id']}" if match else text, text)
