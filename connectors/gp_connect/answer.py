"""Reads a practice's answer into a Reply. Pure.

Source: GP Connect Access Record Structured 1.6, "Retrieve a patient's structured record", response.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.contract.categories import RecordCategory, category_of_type
from connectors.contract.errors import Malformed
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Reason
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from connectors.gp_connect import lists
from connectors.gp_connect.elements import r4_id, r4_reference
from connectors.gp_connect.errors import spine_codes
from connectors.gp_connect.request import AREAS, area_words
from connectors.gp_connect.translate import Translation, is_translated, translate
from connectors.reading import (
    JudgedEntry,
    OwnedEntry,
    expect_bundle,
    find_owners,
    judge_entries,
    notice_of_issue,
    notices_of_flaws,
    ownership,
    refused,
    somebody_elses,
    sort_entries,
)
from connectors.transport.pace import Steps
from fhir_data import exact_json
from fhir_data.access import JsonObject, mapping, mappings, text
from fhir_data.belonging import Belonging, Finding, Ownership, PlacedResource
from fhir_data.flaws import paths_of
from fhir_data.identifiers import nhs_numbers_of
from fhir_data.releases import Release
from fhir_data.splitting import SplitPayload, elements, members
from fhir_data.verdict import RefusedEntry, Verdict, flaws_of, judge, members_at_fault, verdict

# STU3 types that R4 does not have, or that have another meaning here than in a hospital's record.
_STU3_CATEGORIES = {
    "ReferralRequest": RecordCategory.REFERRALS,
    "ProcedureRequest": RecordCategory.APPOINTMENTS,  # a diary entry, unless a report is based on it
    "List": RecordCategory.SUPPORTING,  # how the answer is arranged; it has no section of its own
    "Patient": RecordCategory.SUPPORTING,
}


def read_answer(
    *, payload: SplitPayload, nhs_number: str | None = None, asked: tuple[RecordCategory, ...] = ()
) -> Steps[Reply]:
    """Read one answer. `nhs_number` picks its Patient where there are several; `asked` are the categories asked for.

    Raises: Malformed `not-fhir`, `no-patient`.
    """
    judged = yield from judge_entries(entries=expect_bundle(payload).entries, release=Release.STU3)
    subject = _subject(judged=judged, nhs_number=nhs_number)
    owners = ownership(subject=subject, judged=judged)
    owned = yield from find_owners(judged=judged, subject=subject, owners=owners, placed=_without_ended_allergies)
    # The Lists of somebody else neither arrange this record nor warn about it.
    resources = [subject.resource, *(entry.judged.resource for entry in owned if not entry.is_others)]
    dialect = _Practice(owners=owners, reach=lists.reach(resources=resources), known=frozenset(map(_reference, judged)))
    entries = yield from sort_entries(owned=owned, dialect=dialect)
    notices = (*lists.notices(resources=resources), *entries.notices)
    unsupported = {notice.category for notice in notices if notice.code is NoticeCode.NOT_SUPPORTED}
    silent = [
        Notice(code=NoticeCode.INFORMATION_NOT_AVAILABLE, category=category)
        for category in lists.missing(resources=resources, asked=asked)
        if category not in unsupported
    ]
    return Reply(
        subject=exact_json.encode(translate(resource=subject.resource).resource),
        subject_original=subject.sent,
        subject_url=subject.entry.full_url,
        items=entries.items,
        quarantined=entries.quarantined,
        notices=(*notices, *silent, *notices_of_flaws(subject.flaws)),
    )


def _subject(*, judged: Sequence[JudgedEntry], nhs_number: str | None) -> JudgedEntry:
    patients = [entry for entry in judged if entry.kind == "Patient"]
    if not patients:
        raise Malformed(Reason.NO_PATIENT)
    return next((patient for patient in patients if nhs_number in nhs_numbers_of(patient.resource)), patients[0])


def _reference(entry: JudgedEntry) -> str:
    return f"{entry.kind}/{entry.resource.get('id', '')}"


def _without_ended_allergies(entry: JudgedEntry) -> PlacedResource:
    """Return what of an entry is judged as a whole: ended allergies inside a List are judged when they are lifted."""
    if _holds_ended_allergies(entry.resource):
        outside = {name: value for name, value in entry.resource.items() if name != "contained"}
        return PlacedResource(resource=outside, full_url=entry.entry.full_url, at_fault=entry.at_fault)
    return entry.placed


def _holds_ended_allergies(resource: JsonObject) -> bool:
    return lists.primary_code(resource=resource) == lists.ENDED_ALLERGIES and bool(resource.get("contained"))


@dataclass(frozen=True, kw_only=True)
class _Practice:
    """How a practice's entries are read: translated, and arranged by its Lists. `known` are the references of all."""

    owners: Ownership
    reach: lists.Reach
    known: frozenset[str]

    def category_of_type(self, name: str, /) -> RecordCategory | None:
        return _STU3_CATEGORIES.get(name) or category_of_type(name)

    def category_of(self, resource: dict[str, Any], /) -> RecordCategory:
        """Return the section that an entry would stand in; a primary List's is the one that it answers for."""
        return lists.PRIMARY.get(lists.primary_code(resource=resource)) or self._item_category(resource)

    def notice_of(self, issue: JsonObject, /) -> Notice:
        """Return what an issue says; an area that the practice does not support is named by its parameter alone."""
        unsupported = "NOT_IMPLEMENTED" in spine_codes(issues=[issue])
        notice = notice_of_issue(issue, unsupported=unsupported)
        area = next((name for name in AREAS if name in notice.text), "")
        if not area:
            return notice
        words = f"It cannot be asked for {area_words(area=area)}." if notice.text.strip() == area else notice.text
        return replace(notice, text=words, category=next(iter(AREAS[area])))

    def items_of(self, entry: OwnedEntry, /) -> Iterable[ReceivedItem | QuarantinedEntry]:
        if _holds_ended_allergies(entry.judged.resource):
            return self._lifted_out(entry)
        return [self._item(resource=entry.judged.resource, entry=entry)]

    def _item_category(self, resource: JsonObject) -> RecordCategory:
        kind = str(resource["resourceType"])
        reference = f"{kind}/{resource.get('id', '')}"
        if kind == "Observation" and reference in self.reach.investigations:
            return RecordCategory.RESULTS
        if kind == "ProcedureRequest" and reference in self.reach.investigations - self.reach.diary:
            return RecordCategory.RESULTS
        return self.category_of_type(kind) or RecordCategory.OTHER

    def _item(self, *, resource: dict[str, Any], entry: OwnedEntry) -> ReceivedItem:
        return self._translated(
            resource=resource,
            sent=entry.judged.sent,
            finding=entry.finding,
            full_url=entry.judged.entry.full_url,
            verdict=entry.judged.verdict,
        )

    def _translated(
        self, *, resource: dict[str, Any], sent: bytes, finding: Finding, full_url: str, verdict: Verdict
    ) -> ReceivedItem:
        kind = str(resource["resourceType"])
        category = self._item_category(resource)
        reference = f"{kind}/{resource.get('id', '')}"
        item = ReceivedItem(
            category=category,
            resource=sent,
            flaws=flaws_of(verdict),
            at_fault=members_at_fault(verdict),
            incidental=category.is_clinical and reference in self.reach.incidental,
            full_url=full_url,
            subject_references=finding.references,
            names_no_patient=finding.belonging is Belonging.UNNAMED,
        )
        if not is_translated(kind=kind):
            return replace(item, translated=False)
        made = translate(resource=resource)
        return replace(
            item,
            resource=exact_json.encode(made.resource),
            original=sent,
            notes=made.notes + _faults(made),
            subject_references=tuple(r4_reference(text=text) for text in item.subject_references),
        )

    def _lifted_out(self, entry: OwnedEntry) -> Iterator[ReceivedItem | QuarantinedEntry]:
        """Make items of the resolved allergies that are contained in their List, and keep the List pointing at them."""
        resource, full_url = entry.judged.resource, entry.judged.entry.full_url
        lifted: dict[str, str] = {}
        kept: list[Any] = []
        all_sent = elements(body=members(body=entry.judged.sent)["contained"])
        for contained, sent in zip(resource["contained"], all_sent, strict=True):
            if contained.get("resourceType") != "AllergyIntolerance":
                kept.append(contained)
                continue
            judged = verdict(entry=sent, release=Release.STU3)
            if isinstance(judged, RefusedEntry):
                yield refused(verdict=judged, sent=sent, category=RecordCategory.ALLERGIES)
                continue
            placed = PlacedResource(resource=judged.resource, full_url=full_url, at_fault=members_at_fault(judged))
            finding = self.owners.of(entry=placed)
            if finding.belonging is Belonging.OTHER:
                yield somebody_elses(finding=finding, sent=sent, category=RecordCategory.ALLERGIES)
                continue
            key = str(contained.get("id", ""))
            allergy = {**judged.resource, "id": _free_id(key=key, known=self.known)}
            lifted[f"#{key}"] = f"AllergyIntolerance/{allergy['id']}"
            yield self._ended(resource=allergy, sent=sent, finding=finding, verdict=judged)
        arranged = {name: value for name, value in resource.items() if name != "contained"}
        if kept:
            arranged["contained"] = kept
        if "entry" in arranged:
            arranged["entry"] = [_pointed(entry=entry, lifted=lifted) for entry in mappings(resource["entry"])]
        yield self._item(resource=arranged, entry=entry)

    def _ended(self, *, resource: dict[str, Any], sent: bytes, finding: Finding, verdict: Verdict) -> ReceivedItem:
        """Return an allergy from the List of ended ones. It must never look active, whatever its own status says."""
        notes: tuple[str, ...] = ()
        error = resource.get("verificationStatus") == "entered-in-error"
        if resource.get("clinicalStatus") != "resolved" and not error:
            resource = {**resource, "clinicalStatus": "resolved"}
            notes = ("AllergyIntolerance.clinicalStatus: resolved, since the practice lists it among the ended",)
        item = self._translated(resource=resource, sent=sent, finding=finding, full_url="", verdict=verdict)
        return replace(item, notes=item.notes + notes)


def _faults(made: Translation) -> tuple[str, ...]:
    """Return as a note what the R4 model refuses in a translation: the item is kept, and says so."""
    judged = judge(resource=made.resource, release=Release.R4)
    if not isinstance(judged, RefusedEntry):
        return ()
    where = ", ".join(paths_of(judged.flaws)) or "the whole"
    return (f"{made.resource['resourceType']}: not valid R4 at {where}",)


def _free_id(*, key: str, known: frozenset[str]) -> str:
    """Return an id for a lifted allergy by which no other entry of the answer goes."""
    wanted = r4_id(text=key or "ended")
    return r4_id(text=f"{wanted} ended") if f"AllergyIntolerance/{wanted}" in known else wanted


def _pointed(*, entry: JsonObject, lifted: Mapping[str, str]) -> JsonObject:
    item = mapping(entry.get("item"))
    reference = text(item.get("reference"))
    return {**entry, "item": {**item, "reference": lifted[reference]}} if reference in lifted else entry
