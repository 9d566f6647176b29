"""Reads the pages of a FHIR R4 answer into a Reply. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from connectors.contract.categories import CATEGORY_OF_TYPE, RecordCategory, category_of
from connectors.contract.errors import Malformed
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from connectors.contract.values import OTHER_PATIENT, QuarantinedEntry, ReceivedItem, Reply
from connectors.reading import flaws_notice
from connectors.transport.pace import Steps
from fhir_data.belonging import Belonging, Finding, Placed, Whose
from fhir_data.errors import EntryRefused
from fhir_data.heads import type_of
from fhir_data.parsing import read_entry
from fhir_data.references import Address, Directory
from fhir_data.releases import Release
from fhir_data.splitting import SplitEntry, SplitPayload
from fhir_data.verdict import Verdict, verdict

# Numbers as they were sent: 7.10 stays 7.10.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(kw_only=True)
class _Reading:
    kept: list[_Kept] = field(default_factory=list)
    others: list[_Judged] = field(default_factory=list)
    quarantined: list[QuarantinedEntry] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def set_aside(self, *, one: _Judged, detail: str, category: RecordCategory) -> None:
        """Set an entry aside that is somebody else's."""
        self.others.append(one)
        self.quarantined.append(
            QuarantinedEntry(
                reason=OTHER_PATIENT, detail=detail, original=one.entry.resource or one.entry.whole, category=category
            )
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Kept:
    item: ReceivedItem
    judged: _Judged


@dataclass(frozen=True, kw_only=True, eq=False)
class _Judged:
    """An entry and what became of it; `kind` is "" and `resource` empty for one that cannot be used."""

    entry: SplitEntry
    verdict: Verdict

    @property
    def resource(self) -> dict[str, Any]:
        return self.verdict.resource or {}

    @cached_property
    def kind(self) -> str:
        return str(self.resource.get("resourceType", ""))

    @cached_property
    def placed(self) -> Placed:
        return Placed(resource=self.resource, full_url=self.entry.full_url)

    @property
    def address(self) -> Address:
        key = self.resource.get("id")
        return Address(full_url=self.entry.full_url, name=f"{self.kind}/{key}" if key else "")


def read_pages(*, pages: Sequence[SplitPayload], patient_id: str | None, base: str = "") -> Steps[Reply]:
    """Read the pages of one answer.

    `patient_id` is the id of the Patient whom the answer is about. None: the one whom a document's Composition names,
    else the first. `base` is the address of the server that was asked, "" for a file.
    An entry that an earlier page already gave, byte for byte, is not another one: several searches return the same
    Provenance or Practitioner. One page is never so reduced.
    """
    judged: list[_Judged] = []
    seen: set[bytes] = set()
    for page in pages:
        fresh = [entry for entry in page.entries if entry.resource is None or entry.resource not in seen]
        seen.update(entry.resource for entry in fresh if entry.resource is not None)
        for entry in fresh:
            judged.append(_Judged(entry=entry, verdict=_judge(entry=entry)))
            yield
    subject = _subject(judged=judged, patient_id=patient_id)
    whose = _whose(subject=subject, judged=judged, bases=[base, *own_bases(pages=pages)] if base else [])
    reading = _Reading()
    for one in judged:
        if one is not subject:
            _sort(one=one, whose=whose, reading=reading)
            yield
    _set_aside_what_tells_of_others(reading=reading)
    return Reply(
        subject=_bytes_of(one=subject) if subject else None,
        subject_original=subject.entry.resource if subject and subject.verdict.warnings else None,
        subject_url=subject.entry.full_url if subject else "",
        items=tuple(one.item for one in reading.kept),
        quarantined=tuple(reading.quarantined),
        notices=(*reading.notices, *(flaws_notice(warnings=subject.verdict.warnings) if subject else ())),
    )


def own_bases(*, pages: Sequence[SplitPayload]) -> list[str]:
    """Return the addresses by which a server calls itself in the `self` links of its pages.

    Behind a gateway it often is another than the one that was asked.
    """
    links = (address for page in pages for relation, address in page.links if relation == "self")
    found = (_SELF.match(address) for address in links)
    return list(dict.fromkeys(match["base"] for match in found if match))


# `[base]/Observation?...`, `[base]/Observation/_search`, `[base]/Patient/1/$everything`
_SELF = re.compile(
    r"(?P<base>https?://[^?#\s]+?)/[A-Z][A-Za-z]+(?:/_search|/[A-Za-z0-9.-]{1,64}/\$[a-z-]+)?(?:\?.*)?\Z"
)


def notices_of(*, outcome: Mapping[str, Any], category: RecordCategory | None = None) -> tuple[Notice, ...]:
    """Return what an OperationOutcome says, a notice an issue, its text as text."""
    found: list[Notice] = []
    for issue in outcome.get("issue") or []:
        details = issue.get("details") or {}
        text = str(issue.get("diagnostics") or details.get("text") or "")
        code = "not-supported" if issue.get("code") == "not-supported" else "resource-warning"
        found.append(Notice(code=code, text=text, category=category))
    return tuple(found)


def _judge(*, entry: SplitEntry) -> Verdict:
    if entry.resource is None:
        return Verdict(resource=None, reason=entry.fault or "invalid", detail="entry.resource")
    return verdict(entry=entry.resource, release=Release.R4)


def _subject(*, judged: Sequence[_Judged], patient_id: str | None) -> _Judged | None:
    patients = [one for one in judged if one.kind == "Patient"]
    if patient_id is not None:
        return next((one for one in patients if one.resource.get("id") == patient_id), None)
    directory = Directory(entries=((one.address, one) for one in patients))
    for one in judged:
        if text := _subject_of_composition(one=one):
            return directory.find(reference=text, within=one.entry.full_url) or (patients[0] if patients else None)
    return patients[0] if patients else None


def _subject_of_composition(*, one: _Judged) -> str:
    """Return whom a document says that it is about, "" for what is no Composition.

    One that the model refuses may still say that: a title is missing from real ones.
    """
    if one.entry.resource is None or type_of(entry=one.entry.resource) != "Composition":
        return ""
    try:
        named = read_entry(entry=one.entry.resource).get("subject")
    except EntryRefused:
        return ""
    text = named.get("reference") if isinstance(named, dict) else None
    return text if isinstance(text, str) else ""


def _whose(*, subject: _Judged | None, judged: Sequence[_Judged], bases: Sequence[str]) -> Whose | None:
    if subject is None:
        return None
    return Whose(
        subject=subject.placed,
        patients=[one.placed for one in judged if one.kind == "Patient"],
        unread=any(not one.kind and type_of(entry=one.entry.resource or b"") == "Patient" for one in judged),
        bases=bases,
    )


def _bytes_of(*, one: _Judged) -> bytes | None:
    """Return an entry as it was sent, or without what could not be read in it."""
    return _ENCODER.encode(one.resource) if one.verdict.warnings else one.entry.resource


def _sort(*, one: _Judged, whose: Whose | None, reading: _Reading) -> None:
    raw = one.entry.resource
    if not one.kind or raw is None:
        reading.quarantined.append(
            QuarantinedEntry(
                reason=one.verdict.reason,
                detail=one.verdict.detail,
                original=raw or one.entry.whole,
                category=CATEGORY_OF_TYPE.get(type_of(entry=raw)) if raw else None,
            )
        )
        return
    if one.kind == "OperationOutcome":
        reading.notices.extend(notices_of(outcome=one.resource))
        return
    category = RecordCategory.SUPPORTING if one.kind == "Patient" else category_of(resource=one.resource)
    finding = whose.of(entry=one.placed) if whose else Finding(belonging=Belonging.SUPPORTING)
    if finding.belonging is Belonging.OTHER:
        reading.set_aside(one=one, detail=finding.member, category=category)
        return
    notes = tuple(f"{path}: not as the standard says" for path in one.verdict.warnings)
    item = ReceivedItem(
        category=category,
        resource=raw,
        notes=notes,
        full_url=one.entry.full_url,
        subject_references=finding.references,
        names_no_patient=finding.belonging is Belonging.UNNAMED,
    )
    reading.kept.append(_Kept(item=item, judged=one))


def _set_aside_what_tells_of_others(*, reading: _Reading) -> None:
    """Set a Provenance aside that is about nothing but what was set aside."""
    if not reading.others:
        return
    others = Directory(entries=((one.address, one) for one in reading.others))
    kept = Directory(entries=((one.judged.address, one) for one in reading.kept))
    for one in [one for one in reading.kept if one.judged.kind == "Provenance"]:
        targets = one.judged.resource.get("target")
        texts = [target.get("reference") for target in targets or [] if isinstance(target, dict)]
        within = one.judged.entry.full_url
        named = [text for text in texts if isinstance(text, str)]
        told = [text for text in named if others.find(reference=text, within=within)]
        if told and not any(kept.find(reference=text, within=within) for text in named):
            reading.kept.remove(one)
            reading.set_aside(one=one.judged, detail="target", category=RecordCategory.SUPPORTING)


def only_bundle(*, page: SplitPayload) -> SplitPayload:
    """Return the page.

    Raises: Malformed `not-fhir` when it is no Bundle.
    """
    if page.resource_type != "Bundle":
        raise Malformed(Reason.NOT_FHIR)
    return page
