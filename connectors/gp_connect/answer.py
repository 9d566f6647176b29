"""Reads a practice's answer into a Reply. Pure.

Source: GP Connect Access Record Structured 1.6, "Retrieve a patient's structured record", response.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.contract.categories import RecordCategory, category_of_type
from connectors.contract.errors import Malformed
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Reason
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from connectors.gp_connect import lists, wholeness
from connectors.gp_connect.errors import error_of, spine_codes
from connectors.gp_connect.lifting import Lifted, Unpacked, may_unpack, outside, unpack
from connectors.gp_connect.names import Names, names_in
from connectors.gp_connect.request import AREAS, area_words
from connectors.gp_connect.translate import Translation, is_translated, translate
from connectors.reading import (
    JudgedEntry,
    OwnedEntry,
    expect_bundle,
    find_owners,
    judge_entries,
    labels_of_subject,
    notice_of_issue,
    notices_of_flaws,
    ownership,
    sort_entries,
    split_answer,
)
from connectors.transport.pace import Steps
from fhir_data import exact_json
from fhir_data.access import JsonObject
from fhir_data.belonging import Belonging, Finding
from fhir_data.confidentiality import restricts
from fhir_data.flaws import paths_of
from fhir_data.heads import entry_name
from fhir_data.identifiers import nhs_numbers_of
from fhir_data.labels import Label
from fhir_data.references import Address, Directory, uuid_of
from fhir_data.releases import Release
from fhir_data.splitting import SplitPayload
from fhir_data.verdict import RefusedEntry, ValidEntry, Verdict, flaws_of, judge, members_at_fault

# STU3 types that R4 does not have, or that have another meaning here than in a hospital's record.
_STU3_CATEGORIES = {
    "ReferralRequest": RecordCategory.REFERRALS,
    "ProcedureRequest": RecordCategory.APPOINTMENTS,  # a diary entry, unless a report is based on it
    "List": RecordCategory.SUPPORTING,  # how the answer is arranged; it has no section of its own
    "Patient": RecordCategory.SUPPORTING,
}


def read_body(
    *, bodies: Sequence[bytes], nhs_number: str | None = None, asked: tuple[RecordCategory, ...] = ()
) -> Steps[Reply]:
    """Read the body of a successful answer, as `read_answer` does.

    Raises: as `read_answer`; Malformed; the failure that an OperationOutcome in place of a record stands for.
    """
    (body,) = bodies
    payload = split_answer(payload=body)
    if payload.resource_type == "OperationOutcome":
        raise error_of(status=200, body=body)
    return (yield from read_answer(payload=payload, nhs_number=nhs_number, asked=asked))


def read_answer(
    *, payload: SplitPayload, nhs_number: str | None = None, asked: tuple[RecordCategory, ...] = ()
) -> Steps[Reply]:
    """Read one answer. `nhs_number` picks its Patient where there are several; `asked` are the categories asked for.

    Raises: Malformed `not-fhir`, `no-patient`.
    """
    as_sent = yield from judge_entries(entries=expect_bundle(payload).entries, release=Release.STU3)
    judged = [_with_id(entry) for entry in as_sent]
    subject = _subject(judged=judged, nhs_number=nhs_number)
    owners = ownership(subject=subject, judged=judged)
    owned = yield from find_owners(judged=judged, subject=subject, owners=owners, placed=outside)
    addresses = [entry.address for entry in judged]
    known = {
        name
        for entry, address in zip(judged, addresses, strict=True)
        if (name := address.name or entry_name(entry=entry.sent))
    }
    taken = set(known)
    # The Lists of somebody else neither arrange this record nor warn about it.
    ours = [entry for entry in owned if not entry.is_others]
    packed = [entry for entry in ours if may_unpack(entry=entry.judged)]
    unpacked = {id(entry): unpack(entry=entry, owners=owners, taken=taken) for entry in packed}
    resources = [
        subject.resource,
        *(unpacked[id(entry)].resource if id(entry) in unpacked else entry.judged.resource for entry in ours),
        *(part.resource for made in unpacked.values() for part in made.lifted),
    ]
    lifted = {sent: name for made in unpacked.values() for sent, name in made.names.items()}
    find = _finding(addresses=addresses, known=taken, lifted=lifted)
    names = replace(names_in(entries=(entry.sent for entry in judged), names=taken), lifted=lifted)
    confidential = {_name(entry) for entry in judged if any(map(restricts, entry.labels))}
    contained: dict[str, set[str]] = {}
    for each in unpacked.values():
        inside = contained.setdefault(lists.name_in(each.resource), set())
        inside.update(lists.name_in(part.resource) for part in each.lifted)
    reach = lists.reach(resources=resources, find=find, confidential=confidential, contained=contained)
    dialect = _Practice(reach=reach, names=names, unpacked=unpacked)
    entries = yield from sort_entries(owned=owned, dialect=dialect)
    notices = (
        *lists.notices(resources=resources, find=find),
        *lists.lacking(resources=resources, known=frozenset(taken), find=find),
        *wholeness.notices(resources=resources, known=frozenset(taken), find=find),
        *wholeness.unnamed(entries=_named_entries(judged=judged, addresses=addresses, owned=owned)),
        *entries.notices,
    )
    unsupported = {notice.category for notice in notices if notice.code is NoticeCode.NOT_SUPPORTED}
    silent = lists.silent(resources=resources, asked=[area for area in asked if area not in unsupported])
    made = translate(resource=subject.resource, names=names)
    return Reply(
        subject=exact_json.encode(made.resource),
        subject_original=subject.sent,
        subject_url=subject.entry.full_url,
        subject_notes=made.notes,
        subject_labels=labels_of_subject(subject=subject, judged=judged),
        items=entries.items,
        quarantined=entries.quarantined,
        notices=(*notices, *silent, *notices_of_flaws(subject)),
    )


def _with_id(entry: JudgedEntry, /) -> JudgedEntry:
    """Return an entry that has no id with that of its address, by which others name it. Source: FHIR STU3, Bundle."""
    if "id" in entry.resource or isinstance(entry.verdict, RefusedEntry):
        return entry
    key = uuid_of(reference=entry.entry.full_url)
    if not key:
        return entry
    return replace(entry, verdict=replace(entry.verdict, resource={**entry.resource, "id": key}))


def _subject(*, judged: Sequence[JudgedEntry], nhs_number: str | None) -> JudgedEntry:
    patients = [entry for entry in judged if entry.kind == "Patient"]
    if not patients:
        raise Malformed(Reason.NO_PATIENT)
    return next((patient for patient in patients if nhs_number in nhs_numbers_of(patient.resource)), patients[0])


def _named_entries(
    *, judged: Sequence[JudgedEntry], addresses: Sequence[Address], owned: Iterable[OwnedEntry]
) -> Sequence[tuple[str, bytes]]:
    """Return entries as sent, each with its `Type/id`, without those of somebody else.

    None where they go by addresses, and may be named by those.
    """
    others = {id(entry.judged) for entry in owned if entry.is_others}
    ours = [(entry, address) for entry, address in zip(judged, addresses, strict=True) if id(entry) not in others]
    if any(address.full_url for _, address in ours):
        return ()
    return [(address.name, entry.sent) for entry, address in ours]


def _finding(*, addresses: Iterable[Address], known: set[str], lifted: Mapping[str, str]) -> lists.Find:
    """Return what says which entry a reference means, by its `Type/id`; where it means none, the reference itself."""
    directory = Directory(entries=((address, address.name) for address in addresses if address.name))

    def find(reference: str, /) -> str:
        if reference in lifted:
            return lifted[reference]
        return reference if reference in known else directory.find(reference=reference) or reference

    return find


def _name(entry: JudgedEntry, /) -> str:
    """Return the `Type/id` of an entry, as far as it can be read."""
    if isinstance(entry.verdict, RefusedEntry):
        return entry_name(entry=entry.sent)
    return lists.name_in(entry.resource)


@dataclass(frozen=True, kw_only=True)
class _Practice:
    """How a practice's entries are read: translated, and arranged by its Lists.

    `unpacked` are the Lists that contained something, and what it was, by the entry's identity.
    """

    reach: lists.Reach
    names: Names
    unpacked: Mapping[int, Unpacked]

    def category_of_type(self, name: str, /) -> RecordCategory | None:
        return _STU3_CATEGORIES.get(name) or category_of_type(name)

    def category_of(self, resource: dict[str, Any], /) -> RecordCategory:
        """Return the section that an entry would stand in; a primary List's is the one that it answers for."""
        return lists.PRIMARY.get(lists.primary_code(resource=resource)) or self._item_category(resource)

    def notice_of(self, issue: JsonObject, /) -> Notice:
        """Return what an issue says; an area that the practice does not support is named by its parameter alone.

        One that names several areas is about the whole answer. Beside an error, the answer is not whole.
        """
        unsupported = "NOT_IMPLEMENTED" in spine_codes(issues=[issue])
        notice = notice_of_issue(issue, unsupported=unsupported)
        if notice.code is NoticeCode.RESOURCE_WARNING and issue.get("severity") in ("fatal", "error"):
            notice = replace(notice, code=NoticeCode.INCOMPLETE)
        areas = [name for name in AREAS if name in notice.text]
        if len(areas) != 1:
            return notice
        (area,) = areas
        if notice.code is NoticeCode.REMARK:  # why an area that was asked for is named is not known
            notice = replace(notice, code=NoticeCode.RESOURCE_WARNING)
        words = f"It cannot be asked for {area_words(area=area)}." if notice.text.strip() == area else notice.text
        return replace(notice, text=words, category=next(iter(AREAS[area])))

    def items_of(self, entry: OwnedEntry, /) -> Iterable[ReceivedItem | QuarantinedEntry]:
        unpacked = self.unpacked.get(id(entry))
        item = self._item(
            resource=entry.judged.resource if unpacked is None else unpacked.resource,
            sent=entry.judged.sent,
            finding=entry.finding,
            full_url=entry.judged.entry.full_url,
            verdict=entry.judged.verdict,
            labels=entry.judged.entry.labels,
        )
        if unpacked is None:
            return (item,)
        lifted = [self._lifted(part, labels=entry.judged.entry.labels) for part in unpacked.lifted]
        return (*unpacked.quarantined, *lifted, item)

    def _lifted(self, part: Lifted, /, *, labels: tuple[Label, ...]) -> ReceivedItem:
        finding, verdict = part.finding, part.verdict
        return self._item(resource=part.resource, sent=part.sent, finding=finding, verdict=verdict, labels=labels)

    def _item_category(self, resource: JsonObject, /) -> RecordCategory:
        return self._category(kind=str(resource["resourceType"]), name=lists.name_in(resource))

    def _category(self, *, kind: str, name: str) -> RecordCategory:
        may_be_result = kind == "Observation" or (kind == "ProcedureRequest" and name not in self.reach.diary)
        if may_be_result and name in self.reach.reported:
            return RecordCategory.RESULTS
        return self.category_of_type(kind) or RecordCategory.OTHER

    def _item(
        self,
        *,
        resource: dict[str, Any],
        sent: bytes,
        finding: Finding,
        verdict: Verdict,
        labels: tuple[Label, ...],
        full_url: str = "",
    ) -> ReceivedItem:
        kind, name = str(resource["resourceType"]), lists.name_in(resource)
        category = self._category(kind=kind, name=name)
        is_r4 = is_translated(kind=kind)
        content, references = sent, finding.references
        notes: tuple[str, ...] = ()
        if is_r4:
            resource, ended = _ended(resource) if name in self.reach.ended else (resource, ())
            made = translate(resource=resource, names=self.names)
            content = exact_json.encode(made.resource)
            notes = (*made.notes, *ended, *(() if isinstance(verdict, ValidEntry) else _faults(made)))
            references = tuple([self.names.r4_reference(text=text) for text in references])
            full_url = self.names.r4_reference(text=full_url) if full_url else ""
        return ReceivedItem(
            category=category,
            resource=content,
            original=sent if is_r4 else None,
            notes=notes,
            flaws=flaws_of(verdict),
            at_fault=members_at_fault(verdict),
            incidental=category.is_clinical and name in self.reach.incidental,
            translated=is_r4,
            full_url=full_url,
            subject_references=references,
            names_no_patient=finding.belonging is Belonging.UNNAMED,
            labels=labels,
        )


def _ended(resource: dict[str, Any], /) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return an allergy from the List of ended ones. It must never look active, whatever its own status says."""
    if resource["resourceType"] != "AllergyIntolerance" or resource.get("clinicalStatus") == "resolved":
        return resource, ()
    if resource.get("verificationStatus") == "entered-in-error":
        return resource, ()
    note = "AllergyIntolerance.clinicalStatus: resolved, since the practice lists it among the ended"
    return {**resource, "clinicalStatus": "resolved"}, (note,)


def _faults(made: Translation, /) -> tuple[str, ...]:
    """Return as a note what the R4 model refuses in the translation of an entry that was not valid itself.

    That of a valid entry is valid by construction: a translation keeps to R4's shape, and the values are as valid as in
    STU3. To judge each again would double the cost of reading an answer.
    """
    judged = judge(resource=made.resource, release=Release.R4)
    if not isinstance(judged, RefusedEntry):
        return ()
    where = ", ".join(paths_of(judged.flaws)) or "the whole"
    return (f"{made.resource['resourceType']}: not valid R4 at {where}",)
