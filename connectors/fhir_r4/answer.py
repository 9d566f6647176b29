"""Reads the pages of a FHIR R4 answer into a Reply. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.contract import Malformed, Notice, QuarantinedEntry, ReceivedItem, RecordCategory, Reply
from connectors.fhir import CATEGORY_OF_TYPE, Release, Verdict, category_of, type_of, verdict
from connectors.guards import SplitEntry, SplitPayload
from connectors.outcomes import Reason
from connectors.pace import Steps

# Where R4 resources say whom they are about. Source: the FHIR R4 Patient compartment, its single-reference members.
_ABOUT = ("subject", "patient", "beneficiary", "for")
_PATIENT_REFERENCE = re.compile(r"(?:(?P<base>https?://.+)/)?Patient/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/.*)?\Z")


@dataclass(kw_only=True)
class _Reading:
    items: list[ReceivedItem] = field(default_factory=list)
    quarantined: list[QuarantinedEntry] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Judged:
    entry: SplitEntry
    verdict: Verdict


def read_pages(*, pages: Sequence[SplitPayload], patient_id: str | None) -> Steps[Reply]:
    """Read the pages of one answer. `patient_id` None: the first Patient is the one whom the answer is about.

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
    names = _names(subject=subject)
    reading = _Reading()
    for one in judged:
        if one is not subject:
            _sort(one=one, names=names, reading=reading)
            yield
    return Reply(
        subject=subject.entry.resource if subject else None,
        items=tuple(reading.items),
        quarantined=tuple(reading.quarantined),
        notices=tuple(reading.notices),
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
    for one in judged:
        resource = one.verdict.resource
        if resource is None or resource["resourceType"] != "Patient":
            continue
        if patient_id is None or resource.get("id") == patient_id:
            return one
    return None


def _names(*, subject: _Judged | None) -> frozenset[str]:
    """The references by which other entries may name the subject."""
    if subject is None or subject.verdict.resource is None:
        return frozenset()
    found = {subject.entry.full_url}
    if patient_id := subject.verdict.resource.get("id"):
        found.add(f"Patient/{patient_id}")
    return frozenset(found - {""})


def _sort(*, one: _Judged, names: frozenset[str], reading: _Reading) -> None:
    resource, raw = one.verdict.resource, one.entry.resource
    if resource is None or raw is None:
        reading.quarantined.append(
            QuarantinedEntry(
                reason=one.verdict.reason,
                detail=one.verdict.detail,
                original=raw or one.entry.whole,
                category=CATEGORY_OF_TYPE.get(type_of(entry=raw)) if raw else None,
            )
        )
        return
    if resource["resourceType"] == "OperationOutcome":
        reading.notices.extend(notices_of(outcome=resource))
        return
    is_patient = resource["resourceType"] == "Patient"
    category = RecordCategory.SUPPORTING if is_patient else category_of(resource=resource)
    if names and (field_name := _about_another(resource=resource, names=names)):
        reading.quarantined.append(
            QuarantinedEntry(reason="other-patient", detail=field_name, original=raw, category=category)
        )
        return
    notes = tuple(f"{path}: not as the standard says" for path in one.verdict.warnings)
    reading.items.append(ReceivedItem(category=category, resource=raw, notes=notes))


def _about_another(*, resource: Mapping[str, Any], names: frozenset[str]) -> str:
    """Return the field by which a resource is about somebody else, "" when it is not."""
    if resource["resourceType"] == "Patient":  # the subject's again, from another page and spelt otherwise, is no harm
        return "" if f"Patient/{resource.get('id')}" in names else "Patient"
    for name in _ABOUT:
        value = resource.get(name)
        reference = value.get("reference") if isinstance(value, dict) else None
        if isinstance(reference, str) and _is_other(reference=reference, names=names):
            return name
    return ""


def _is_other(*, reference: str, names: frozenset[str]) -> bool:
    if reference in names:
        return False
    match = _PATIENT_REFERENCE.match(reference)
    if match is None:
        return False  # a Group, a Device, a contained or an unresolvable one: not known to be anybody else
    return f"Patient/{match['id']}" not in names


def only_bundle(*, page: SplitPayload) -> SplitPayload:
    """Return the page.

    Raises: Malformed `not-fhir` when it is no Bundle.
    """
    if page.resource_type != "Bundle":
        raise Malformed(Reason.NOT_FHIR)
    return page
