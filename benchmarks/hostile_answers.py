"""Answers that are costly to read: what a source, by malice or by mistake, may send in place of a record."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.fhir_r4.connector import FhirR4
from connectors.gp_connect.connector import GpConnect
from fhir_data.identifiers import NHS_NUMBER_SYSTEM

NHS_NUMBER = "9000000009"
GOOD = "good"
LARGE, LARGE_MB = "14,000 ordinary entries, 20 MB", 20.0
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": NHS_NUMBER}],
    "name": [{"family": "Testcase", "given": ["Tess"]}],
    "birthDate": "1970-01-02",
}
SUBJECT = {"reference": "Patient/p1"}


@dataclass(frozen=True, kw_only=True)
class HostileAnswer:
    """What a source of a kind sends."""

    kind: str
    make: Callable[[], bytes]


def bundle(*resources: bytes) -> bytes:
    """Return a Bundle of a patient and these resources."""
    entries = b",".join(b'{"resource":%b}' % resource for resource in (_json(PATIENT), *resources))
    return b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % entries


def good_record(*, count: int) -> bytes:
    """Return an ordinary record of so many results."""
    return bundle(*(_observation(number=number) for number in range(count)))


def _json(value: Mapping[str, Any], /) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _observation(*, number: int = 0, **members: Any) -> bytes:
    common = {"resourceType": "Observation", "id": f"o{number}", "status": "final", "subject": SUBJECT}
    value = {"value": number, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}
    return _json(
        {**common, "code": {"text": "Sodium"}, "effectiveDateTime": "2026-02-03", "valueQuantity": value} | members
    )


def _with(*, members: Iterable[str]) -> bytes:
    return _observation()[:-1] + b"," + ",".join(members).encode() + b"}"


def _unknown_members() -> bytes:
    return bundle(_with(members=(f'"u{number}":1' for number in range(2_000_000))))


def _of_lists(lists: Iterable[str], /) -> bytes:
    return bundle(_with(members=[f'"x":[{",".join(lists)}]']))


def _components() -> bytes:
    return bundle(_observation(component=[{"code": {"text": "t" * 1_300}}] * 9_990))


def _flaws() -> bytes:
    wrong = {"code": {"text": 1}, "valueString": 5, "x": {}}
    return bundle(_observation(component=[wrong] * 9_900))


def _one_flaw() -> bytes:
    component = {"code": {"coding": [{"code": "a", "display": "b"}]}, "valueQuantity": {"value": 1, "unit": "mm"}}
    return bundle(_observation(component=[component] * 4_900, valueString=5))


def _many_flawed() -> bytes:
    return bundle(*(_observation(number=number, x1=1, x2="y", issued="no time") for number in range(20_000)))


def _document() -> bytes:
    attachment = {"contentType": "application/pdf", "data": base64.b64encode(b"%PDF" + bytes(10_000_000)).decode()}
    document = {"resourceType": "DocumentReference", "id": "d1", "status": "current", "subject": SUBJECT}
    return bundle(_json({**document, "content": [{"attachment": attachment}]}))


def _practice_lists() -> bytes:
    names = [f"Observation/o{number}" for number in range(10_000)]
    lists = [
        {
            "resourceType": "List",
            "id": f"l{number}",
            "status": "current",
            "mode": "snapshot",
            "subject": SUBJECT,
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "25851000000105"}]},
            "entry": [{"item": {"reference": name}} for name in names[number * 10 : number * 10 + 10]],
        }
        for number in range(1_000)
    ]
    return bundle(*map(_json, lists), *(_observation(number=number) for number in range(10_000)))


def _labelled(*, entries: int, labels: int) -> bytes:
    system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
    url = "http://hl7.org/fhir/StructureDefinition/extension-inline-sec-label"
    extensions = [{"url": url, "valueCoding": {"system": system, "code": f"x{number}"}} for number in range(labels)]
    return bundle(*(_observation(number=number, extension=extensions) for number in range(entries)))


def _long_references() -> bytes:
    related = [
        {"type": "has-member", "target": {"reference": f"Observation/{number}{'a' * 4_000}"}} for number in range(40)
    ]
    return bundle(*(_observation(number=number, related=related) for number in range(100)))


def _large() -> bytes:
    note = [{"text": "t" * 1_140}]
    return bundle(*(_observation(number=number, note=note) for number in range(14_000)))


R4, GP = FhirR4.kind, GpConnect.kind
HOSTILE: Mapping[str, HostileAnswer] = {
    "9,990 components": HostileAnswer(kind=R4, make=_components),
    "9,990 components, practice": HostileAnswer(kind=GP, make=_components),
    "2,000,000 unknown members": HostileAnswer(kind=R4, make=_unknown_members),
    "2,000,000 unknown members, practice": HostileAnswer(kind=GP, make=_unknown_members),
    "one member 2,000,000 times": HostileAnswer(kind=R4, make=lambda: bundle(_with(members=['"a":1'] * 2_000_000))),
    "flaws in 9,900 components": HostileAnswer(kind=R4, make=_flaws),
    "one flaw beside 4,900 components": HostileAnswer(kind=R4, make=_one_flaw),
    "50,000 small entries": HostileAnswer(kind=R4, make=lambda: bundle(*[b'{"resourceType":"Basic"}'] * 49_990)),
    "49,990 empty entries, 150 KB": HostileAnswer(kind=R4, make=lambda: bundle(*[b"{}"] * 49_990)),
    "20,000 entries with flaws": HostileAnswer(kind=R4, make=_many_flawed),
    "one text of 24 MB": HostileAnswer(kind=R4, make=lambda: bundle(_observation(note=[{"text": "a" * 24_000_000}]))),
    "400,000 lists": HostileAnswer(kind=R4, make=lambda: _of_lists(["[]"] * 400_000)),
    "lists within lists": HostileAnswer(kind=R4, make=lambda: _of_lists(["[" * 60 + "]" * 60] * 15_000)),
    "a document of 10 MB": HostileAnswer(kind=R4, make=_document),
    "1,000 Lists of 10,000 entries, practice": HostileAnswer(kind=GP, make=_practice_lists),
    "9,000 labels": HostileAnswer(kind=R4, make=lambda: _labelled(entries=1, labels=9_000)),
    "9,000 labels, practice": HostileAnswer(kind=GP, make=lambda: _labelled(entries=1, labels=9_000)),
    "3,000 entries of 50 labels, practice": HostileAnswer(kind=GP, make=lambda: _labelled(entries=3_000, labels=50)),
    "4,000 references of 4 KB, practice": HostileAnswer(kind=GP, make=_long_references),
    LARGE: HostileAnswer(kind=R4, make=_large),
}
