"""Reads a practice's answer into a Reply. Pure.

Source: GP Connect Access Record Structured 1.6; protocol facts, section 1, response.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec

from connectors.contract.categories import CATEGORY_OF_TYPE, RecordCategory
from connectors.contract.errors import Malformed
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from connectors.contract.values import OTHER_PATIENT, QuarantinedEntry, ReceivedItem, Reply
from connectors.gp_connect import lists
from connectors.gp_connect.elements import r4_id, r4_reference
from connectors.gp_connect.errors import error_for, spine_codes
from connectors.gp_connect.request import AREAS
from connectors.gp_connect.translate import Translation, is_translated, translate
from connectors.reading import flaws_notice
from connectors.transport.pace import Steps
from fhir_data.belonging import Belonging, Finding, Placed, Whose
from fhir_data.heads import type_of
from fhir_data.identifiers import nhs_numbers
from fhir_data.releases import Release
from fhir_data.splitting import SplitEntry, SplitPayload, elements, members
from fhir_data.verdict import Verdict, judge, verdict

# STU3 types that R4 does not have, or that mean something else here than in a hospital's record.
_STU3_CATEGORIES = {
    "ReferralRequest": RecordCategory.REFERRALS,
    "ProcedureRequest": RecordCategory.APPOINTMENTS,  # a diary entry, unless a report is based on it
    "List": RecordCategory.SUPPORTING,  # how the answer is arranged: kept, and no section of its own
    "Patient": RecordCategory.SUPPORTING,
}
# Numbers as they were sent: 7.10 stays 7.10.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, kw_only=True)
class _Judged:
    entry: SplitEntry
    verdict: Verdict

    @property
    def kind(self) -> str:
        return str(self.verdict.resource["resourceType"]) if self.verdict.resource else ""

    @cached_property
    def placed(self) -> Placed:
        return Placed(resource=self.verdict.resource or {}, full_url=self.entry.full_url)


@dataclass(kw_only=True)
class _Reading:
    whose: Whose
    reach: lists.Reach
    known: frozenset[str]  # the references of all entries
    items: list[ReceivedItem] = field(default_factory=list)
    quarantined: list[QuarantinedEntry] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def read_answer(
    *, payload: SplitPayload, nhs_number: str | None = None, asked: tuple[RecordCategory, ...] = ()
) -> Steps[Reply]:
    """Read one answer. `nhs_number` picks its Patient where there are several; `asked` are the categories asked for.

    Raises: Malformed `not-fhir`, `no-patient`.
    """
    if payload.resource_type != "Bundle":
        raise Malformed(Reason.NOT_FHIR)
    judged: list[_Judged] = []
    for entry in payload.entries:
        judged.append(_Judged(entry=entry, verdict=_judge(entry=entry)))
        yield
    subject = _subject(judged=judged, nhs_number=nhs_number)
    whose = _whose(subject=subject, judged=judged)
    findings = {id(one): whose.of(entry=_outside(one)) for one in judged if one.kind and one is not subject}
    # What is somebody else's arranges nothing and warns of nothing here.
    ours = [one for one in judged if one is subject or not _is_other(finding=findings.get(id(one)))]
    resources = [one.verdict.resource for one in ours if one.verdict.resource is not None]
    reading = _Reading(
        whose=whose,
        reach=lists.reach(resources=resources),
        known=frozenset(_reference(one=one) for one in judged),
    )
    reading.notices.extend(lists.notices(resources=resources))
    for one in judged:
        if one is not subject:
            _sort(one=one, finding=findings.get(id(one)), reading=reading)
            yield
    silent = lists.missing(resources=resources, asked=asked)
    said = {notice.category for notice in reading.notices if notice.code == "not-supported"}
    reading.notices.extend(
        Notice(code="information-not-available", category=category) for category in silent if category not in said
    )
    reading.notices.extend(flaws_notice(warnings=subject.verdict.warnings))
    return Reply(
        subject=_ENCODER.encode(translate(resource=subject.verdict.resource or {}).resource),
        subject_original=subject.entry.resource,
        subject_url=subject.entry.full_url,
        items=tuple(reading.items),
        quarantined=tuple(reading.quarantined),
        notices=tuple(reading.notices),
    )


def outcome_codes(*, body: bytes) -> tuple[str, ...]:
    """Return the Spine codes of an error body; none when it is no OperationOutcome."""
    try:
        resource = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ()
    if not isinstance(resource, dict) or resource.get("resourceType") != "OperationOutcome":
        return ()
    return spine_codes(outcome=resource)


def expect_record(*, body: bytes, payload: SplitPayload) -> None:
    """Raises: the failure that an OperationOutcome in place of a record stands for."""
    if payload.resource_type == "OperationOutcome":
        raise error_for(status=200, codes=outcome_codes(body=body))


def _judge(*, entry: SplitEntry) -> Verdict:
    if entry.resource is None:
        return Verdict(resource=None, reason=entry.fault or "invalid", detail="entry.resource")
    return verdict(entry=entry.resource, release=Release.STU3)


def _subject(*, judged: Sequence[_Judged], nhs_number: str | None) -> _Judged:
    patients = [one for one in judged if one.kind == "Patient"]
    if not patients:
        raise Malformed(Reason.NO_PATIENT)
    return next((one for one in patients if nhs_number in nhs_numbers(one.verdict.resource or {})), patients[0])


def _reference(*, one: _Judged) -> str:
    return f"{one.kind}/{(one.verdict.resource or {}).get('id', '')}"


def _whose(*, subject: _Judged, judged: Sequence[_Judged]) -> Whose:
    return Whose(
        subject=subject.placed,
        patients=[one.placed for one in judged if one.kind == "Patient"],
        unread=any(not one.kind and type_of(entry=one.entry.resource or b"") == "Patient" for one in judged),
    )


def _outside(one: _Judged, /) -> Placed:
    """Return what of an entry is judged as a whole: ended allergies inside a List are judged when they are lifted."""
    if _holds_ended_allergies(resource=one.placed.resource):
        outside = {name: value for name, value in one.placed.resource.items() if name != "contained"}
        return Placed(resource=outside, full_url=one.placed.full_url)
    return one.placed


def _holds_ended_allergies(*, resource: Mapping[str, Any]) -> bool:
    return lists.primary_code(resource=resource) == lists.ENDED_ALLERGIES and bool(resource.get("contained"))


def _is_other(*, finding: Finding | None) -> bool:
    return finding is not None and finding.belonging is Belonging.OTHER


def _sort(*, one: _Judged, finding: Finding | None, reading: _Reading) -> None:
    resource, raw = one.verdict.resource, one.entry.resource
    if resource is None or raw is None:
        kind = type_of(entry=raw) if raw else ""
        reading.quarantined.append(
            QuarantinedEntry(
                reason=one.verdict.reason,
                detail=one.verdict.detail,
                original=raw or one.entry.whole,
                category=_quarantine_category(kind=kind),
            )
        )
    elif one.kind == "OperationOutcome":
        reading.notices.extend(_outcome_notices(resource=resource))
    elif finding is not None and finding.belonging is Belonging.OTHER:
        reading.quarantined.append(
            QuarantinedEntry(
                reason=OTHER_PATIENT,
                detail=finding.member,
                original=raw,
                category=_category_of(resource=resource, reading=reading),
            )
        )
    elif _holds_ended_allergies(resource=resource):
        _lift_out(one=one, finding=finding, reading=reading)
    else:
        reading.items.append(
            _item(
                resource=resource,
                raw=raw,
                finding=finding,
                full_url=one.entry.full_url,
                reading=reading,
                warnings=one.verdict.warnings,
            )
        )


def _category_of(*, resource: dict[str, Any], reading: _Reading) -> RecordCategory:
    """Return the section that an entry would stand in; a primary List's is the one that it answers for."""
    primary = lists.PRIMARY.get(lists.primary_code(resource=resource))
    kind = str(resource["resourceType"])
    return primary or _category(reference=f"{kind}/{resource.get('id', '')}", kind=kind, reading=reading)


def _quarantine_category(*, kind: str) -> RecordCategory | None:
    return _STU3_CATEGORIES.get(kind) or CATEGORY_OF_TYPE.get(kind)


def _category(*, reference: str, kind: str, reading: _Reading) -> RecordCategory:
    if kind == "Observation" and reference in reading.reach.investigations:
        return RecordCategory.RESULTS
    if kind == "ProcedureRequest" and reference in reading.reach.investigations - reading.reach.diary:
        return RecordCategory.RESULTS
    return _STU3_CATEGORIES.get(kind) or CATEGORY_OF_TYPE.get(kind, RecordCategory.OTHER)


def _item(
    *,
    resource: dict[str, Any],
    raw: bytes,
    finding: Finding | None,
    full_url: str,
    reading: _Reading,
    warnings: tuple[str, ...] = (),
) -> ReceivedItem:
    kind = str(resource["resourceType"])
    reference = f"{kind}/{resource.get('id', '')}"
    category = _category(reference=reference, kind=kind, reading=reading)
    item = ReceivedItem(
        category=category,
        resource=raw,
        incidental=category is not RecordCategory.SUPPORTING and reference in reading.reach.incidental,
        full_url=full_url,
        subject_references=finding.references if finding else (),
        names_no_patient=finding is not None and finding.belonging is Belonging.UNNAMED,
    )
    notes = tuple(f"{kind}.{path}: not as the standard says" for path in warnings)
    if not is_translated(kind=kind):
        return replace(item, translated=False, notes=notes)
    made = translate(resource=resource)
    return replace(
        item,
        resource=_ENCODER.encode(made.resource),
        original=raw,
        notes=made.notes + _faults(made=made),
        subject_references=tuple(r4_reference(text=text) for text in item.subject_references),
    )


def _faults(*, made: Translation) -> tuple[str, ...]:
    """What the R4 model refuses in a translation: the item is kept, and says so."""
    found = judge(resource=made.resource, release=Release.R4)
    if found.reason:
        return (f"{made.resource['resourceType']}: not valid R4 at {found.detail or 'the whole'}",)
    return ()


def _lift_out(*, one: _Judged, finding: Finding | None, reading: _Reading) -> None:
    """Make items of the resolved allergies that are contained in their List, and keep the List pointing at them."""
    resource, raw = dict(one.placed.resource), one.entry.resource or b""
    full_url = one.entry.full_url
    lifted: dict[str, str] = {}
    kept: list[Any] = []
    for contained, bytes_sent in zip(resource["contained"], elements(body=members(body=raw)["contained"]), strict=True):
        if contained.get("resourceType") != "AllergyIntolerance":
            kept.append(contained)
            continue
        found = verdict(entry=bytes_sent, release=Release.STU3)
        if found.resource is None:
            reading.quarantined.append(
                QuarantinedEntry(
                    reason=found.reason,
                    detail=found.detail,
                    original=bytes_sent,
                    category=RecordCategory.ALLERGIES,
                )
            )
            continue
        whose = reading.whose.of(entry=Placed(resource=found.resource, full_url=full_url))
        if whose.belonging is Belonging.OTHER:
            reading.quarantined.append(
                QuarantinedEntry(
                    reason=OTHER_PATIENT,
                    detail=whose.member,
                    original=bytes_sent,
                    category=RecordCategory.ALLERGIES,
                )
            )
            continue
        made = {**found.resource, "id": _free_id(text=str(contained.get("id", "")), known=reading.known)}
        lifted[f"#{contained.get('id', '')}"] = f"AllergyIntolerance/{made['id']}"
        reading.items.append(_ended(resource=made, raw=bytes_sent, finding=whose, reading=reading))
    arranged = {name: value for name, value in resource.items() if name != "contained"}
    if kept:
        arranged["contained"] = kept
    arranged["entry"] = [_pointed(entry=entry, lifted=lifted) for entry in resource.get("entry") or []]
    if not arranged["entry"]:
        del arranged["entry"]
    reading.items.append(_item(resource=arranged, raw=raw, finding=finding, full_url=full_url, reading=reading))


def _free_id(*, text: str, known: frozenset[str]) -> str:
    """An id for a lifted allergy under which no other entry of the answer goes."""
    wanted = r4_id(text=text or "ended")
    return r4_id(text=f"{wanted} ended") if f"AllergyIntolerance/{wanted}" in known else wanted


def _pointed(*, entry: dict[str, Any], lifted: dict[str, str]) -> dict[str, Any]:
    item = entry.get("item") or {}
    reference = item.get("reference")
    return {**entry, "item": {**item, "reference": lifted[reference]}} if reference in lifted else entry


def _ended(*, resource: dict[str, Any], raw: bytes, finding: Finding, reading: _Reading) -> ReceivedItem:
    """An allergy from the List of ended ones. It must never look active, whatever its own status says."""
    notes: tuple[str, ...] = ()
    status = resource.get("clinicalStatus")
    if status != "resolved" and resource.get("verificationStatus") != "entered-in-error":
        resource = {**resource, "clinicalStatus": "resolved"}
        notes = ("AllergyIntolerance.clinicalStatus: resolved, since the practice lists it among the ended",)
    item = _item(resource=resource, raw=raw, finding=finding, full_url="", reading=reading)
    return replace(item, notes=item.notes + notes)


def _outcome_notices(*, resource: dict[str, Any]) -> list[Notice]:
    """An area that the practice does not support or has switched off: said by the parameter's name."""
    found: list[Notice] = []
    for issue in resource.get("issue") or []:
        text = str(issue.get("diagnostics") or (issue.get("details") or {}).get("text") or "")
        codes = spine_codes(outcome={"issue": [issue]})
        unsupported = issue.get("code") == "not-supported" or "NOT_IMPLEMENTED" in codes
        area = next((name for name in AREAS if name in text), "")
        found.append(
            Notice(
                code="not-supported" if unsupported else "resource-warning",
                text=text,
                category=next(iter(AREAS[area])) if area else None,
            )
        )
    return found
