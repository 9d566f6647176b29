"""The records that a server serves: a source's folder of the region, or FHIR bundles found in files given to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.faults import Fault, read_fault
from simulator.organisations import GP_CONNECT
from simulator.people import VERIFIED
from simulator.wire import NHS_NUMBER_SYSTEM, Resource, decode

PLACEHOLDER_NUMBER = b"1234567890"  # in place of the NHS number in GP Connect test records; its check digit is wrong

NHS_NUMBER_SHAPE = re.compile(r"\d{10}")


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """How a server behaves, as `source.json` says; the defaults are for files given to it.

    `public_base` is the address by which it names itself, where a gateway stands before it; "" for its own.
    """

    kind: str
    name: str = "Simulated source"
    ods: str = "X99999"
    base_path: str = "/fhir"
    identifier_system: str = ""
    latency_ms: int = 0
    page_size: int = 0
    everything: bool = True
    provenance: bool = False
    unsupported: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    public_base: str = ""

    @property
    def documents_path(self) -> str:
        """Return where a practice serves documents: beside its structured records."""
        return self.base_path.replace("/structured/", "/documents/")


@dataclass(frozen=True, kw_only=True)
class Holder:
    """One person whom the server knows, and where their record is."""

    local_id: str
    patient_id: str
    identifiers: tuple[tuple[str, str], ...]
    family: str
    given: str
    birth_date: str
    verified: bool
    path: Path


@dataclass(frozen=True, kw_only=True)
class Records:
    """All that one server serves. `shared` are the resources of files without a Patient (Synthea's hospitals)."""

    settings: ServerSettings
    holders: Mapping[str, Holder]
    types: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    shared: tuple[Resource, ...] = ()

    def resources(self, *, local_id: str) -> list[Resource]:
        """Return the person's resources, read from the file again."""
        holder = self.holders[local_id]
        return resources_in(text=_text_of(path=holder.path, kind=self.settings.kind))

    def by_identifier(self, *, system: str | None, value: str) -> list[Holder]:
        """Return the people who have an identifier; `system` None is any, as FHIR's token search has it."""
        return [
            holder
            for holder in self.holders.values()
            if any(value == held and system in (None, of) for of, held in holder.identifiers)
        ]

    def by_patient_id(self, *, patient_id: str) -> Holder | None:
        """Return the person whose Patient has this id."""
        return next((holder for holder in self.holders.values() if holder.patient_id == patient_id), None)


def read_folder(*, folder: Path) -> Records:
    """Return the records of one source of the region."""
    described = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    settings = ServerSettings(
        kind=described["kind"],
        name=described["name"],
        ods=described["ods"],
        base_path=described["base_path"],
        identifier_system=described["identifier_system"],
        latency_ms=described["latency_ms"],
        page_size=described["page_size"],
        everything=described["everything"],
        provenance=described["provenance"],
        unsupported=tuple(described["unsupported"]),
        options=described["options"],
    )
    faults = json.loads((folder / "faults.json").read_text(encoding="utf-8"))
    records = _read(paths=sorted((folder / "records").glob("*.json")), settings=settings)
    return Records(
        settings=records.settings,
        holders=records.holders,
        types=records.types,
        faults=tuple(read_fault(described=fault) for fault in faults),
    )


def read_files(*, paths: Sequence[Path], kind: str) -> Records:
    """Return the records found in files (or in the files of folders).

    A file without a record is passed over, and for GP Connect one without an NHS number.

    The local identifier is the Patient's id, and for GP Connect the NHS number: that which the file's name begins
    with, where it does.
    """
    files = [file for path in paths for file in (sorted(path.rglob("*.json")) if path.is_dir() else [path])]
    base = "/fhir" if kind != GP_CONNECT else "/gpconnect/structured/fhir"
    return _read(paths=files, settings=ServerSettings(kind=kind, base_path=base))


def _read(*, paths: Iterable[Path], settings: ServerSettings) -> Records:
    holders: dict[str, Holder] = {}
    shared: list[Resource] = []
    types: set[str] = set()
    for path in paths:
        try:
            resources = resources_in(text=_text_of(path=path, kind=settings.kind))
        except ValueError:
            continue
        patient = next((r for r in resources if r["resourceType"] == "Patient"), None)
        types |= {resource["resourceType"] for resource in resources}
        if patient is None:
            shared += resources if settings.kind != GP_CONNECT else []
            continue
        holder = _holder(path=path, patient=patient, settings=settings)
        if settings.kind == GP_CONNECT and not NHS_NUMBER_SHAPE.fullmatch(holder.local_id):
            continue  # nobody could ask for it
        holders[holder.local_id] = holder
    return Records(settings=settings, holders=holders, types=tuple(sorted(types)), shared=tuple(shared))


def _text_of(*, path: Path, kind: str) -> bytes:
    text = path.read_bytes()
    number = _number_in_name(path=path)
    return text.replace(PLACEHOLDER_NUMBER, number.encode()) if kind == GP_CONNECT and number else text


def _number_in_name(*, path: Path) -> str:
    match = re.match(r"\d{10}(?!\d)", path.name)
    return match[0] if match else ""


def resources_in(*, text: bytes) -> list[Resource]:
    """Return the resources of a Bundle, their `urn:uuid:` references made relative.

    Raises: ValueError when the text is not a FHIR Bundle.
    """
    bundle = decode(text=text)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise ValueError("not a Bundle")
    entries = [entry for entry in bundle.get("entry", ()) if isinstance(entry.get("resource"), dict)]
    addresses = {
        entry["fullUrl"]: f"{entry['resource']['resourceType']}/{entry['resource'].get('id', '')}"
        for entry in entries
        if str(entry.get("fullUrl", "")).startswith("urn:")
    }
    return [_relative(value=entry["resource"], addresses=addresses) for entry in entries]


def _relative(*, value: Any, addresses: Mapping[str, str]) -> Any:
    """Return JSON with the references that are known by `addresses` replaced."""
    if not addresses:
        return value
    if isinstance(value, dict):
        return {
            name: addresses.get(held, held)
            if name == "reference" and isinstance(held, str)
            else _relative(value=held, addresses=addresses)
            for name, held in value.items()
        }
    if isinstance(value, list):
        return [_relative(value=held, addresses=addresses) for held in value]
    return value


def _holder(*, path: Path, patient: Resource, settings: ServerSettings) -> Holder:
    held = [i for i in patient.get("identifier", ()) if "value" in i]
    identifiers = tuple((str(i.get("system", "")), str(i["value"])) for i in held)
    number = next((value for system, value in identifiers if system == NHS_NUMBER_SYSTEM), "")
    own = next((value for system, value in identifiers if system == settings.identifier_system), "")
    local_id = _number_in_name(path=path) or number if settings.kind == GP_CONNECT else own
    name: Resource = next(iter(patient.get("name", ())), {})
    return Holder(
        local_id=local_id or str(patient.get("id", path.stem)),
        patient_id=str(patient.get("id", "")),
        identifiers=identifiers,
        family=str(name.get("family", "")),
        given=" ".join(name.get("given", ())),
        birth_date=str(patient.get("birthDate", "")),
        path=path,
        verified=all(_is_verified(identifier=identifier) for identifier in held),
    )


def _is_verified(*, identifier: Resource) -> bool:
    """Return whether an NHS number is not in doubt: its status, if it has one, is 01."""
    codes = [
        coding.get("code")
        for extension in identifier.get("extension", ())
        for coding in extension.get("valueCodeableConcept", {}).get("coding", ())
    ]
    return identifier.get("system") != NHS_NUMBER_SYSTEM or codes in ([], [VERIFIED])
