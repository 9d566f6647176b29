"""Reads the pages of a FHIR R4 answer into a Reply. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from connectors.contract.categories import RecordCategory, category_of, category_of_type
from connectors.contract.notices import Notice
from connectors.contract.values import ReceivedItem, Reply
from connectors.fhir_r4.plain import PlainEntries
from connectors.reading import (
    JudgedEntry,
    OwnedEntry,
    Sorting,
    judge_entries,
    judge_entry,
    labels_of_subject,
    notice_of_issue,
    notices_of_flaws,
    owned_entry,
    ownership,
    values_of,
)
from connectors.transport.pace import Steps
from fhir_data import exact_json
from fhir_data.access import JsonObject, mapping, text
from fhir_data.belonging import Belonging, Ownership, PlacedResource
from fhir_data.errors import UnreadableEntry
from fhir_data.heads import Head, may_be
from fhir_data.labels import Label
from fhir_data.parsing import read_entry
from fhir_data.references import Directory
from fhir_data.releases import Release
from fhir_data.splitting import SplitEntry, SplitPayload

# What this process has read before.
PLAIN_ENTRIES = PlainEntries()
# A Patient, or what says whom a document is about.
_SAY_WHOSE = ("Patient", "Composition")
# Of what takes some microseconds an entry, so many are done before others have their turn.
PLAIN_A_STEP = 16


def read_pages(
    *, pages: Sequence[SplitPayload], patient_id: str | None, base: str = "", names: Sequence[str] = ()
) -> Steps[Reply]:
    """Read the pages of one answer.

    `patient_id` is the id of the Patient whom the answer is about. None: the one whom a document's Composition names,
    else the first. `base` is the address of the server that was asked, "" for a file, and `names` are others by which
    it calls itself.
    """
    entries = tuple(_each_once(pages))
    # Whose the others are shows only when all Patients are known.
    say_whose = [entry for entry, head in entries if head is None or may_be(head, types=_SAY_WHOSE)]
    first = yield from judge_entries(entries=say_whose, release=Release.R4)
    subject = _subject(judged=first, patient_id=patient_id)
    bases = [base, *names, *own_bases(links=(link for page in pages for link in page.links))] if base else []
    owners = ownership(subject=subject, judged=first, bases=bases) if subject else None
    known = {id(judged.entry): judged for judged in first}
    sorting = Sorting(dialect=_R4())
    like_subject: list[JudgedEntry] = []
    for at, (entry, _) in enumerate(entries):
        judged = known.get(id(entry))
        if judged is None:
            digest = PLAIN_ENTRIES.digest(entry.resource) if entry.resource is not None else None
            if owners and _add_plain(entry, digest=digest, owners=owners, sorting=sorting):
                if at % PLAIN_A_STEP == 0:
                    yield None
                continue
            yield values_of(entry)
            judged = judge_entry(entry=entry, release=Release.R4)
            PLAIN_ENTRIES.add(judged=judged, category=category_of(resource=judged.resource), digest=digest)
        else:
            yield None
        if judged is not subject:
            sorting.add(owned_entry(judged=judged, owners=owners))
        if not judged.kind or judged.kind == "Patient":
            like_subject.append(judged)
    sorted_entries = sorting.sorted()
    return Reply(
        subject=_readable_bytes(subject) if subject else None,
        subject_original=subject.sent if subject and subject.flaws else None,
        subject_url=subject.entry.full_url if subject else "",
        subject_labels=labels_of_subject(subject=subject, judged=like_subject) if subject else (),
        items=sorted_entries.items,
        quarantined=sorted_entries.quarantined,
        notices=(*sorted_entries.notices, *notices_of_flaws(subject)),
    )


def _add_plain(entry: SplitEntry, /, *, digest: bytes | None, owners: Ownership, sorting: Sorting) -> bool:
    """Sort an entry that is known to be plain and is not somebody else's; return whether it is."""
    if entry.resource is None:
        return False
    plain = PLAIN_ENTRIES.find(entry=entry.resource, digest=digest)
    if plain is None:
        return False
    finding = owners.of(entry=PlacedResource(resource=plain.head, full_url=entry.full_url))
    if finding.belonging is Belonging.OTHER:
        return False
    item = ReceivedItem(
        category=plain.category,
        resource=entry.resource,
        full_url=entry.full_url,
        subject_references=finding.references,
        names_no_patient=finding.belonging is Belonging.UNNAMED,
        labels=entry.labels,
    )
    sorting.add_item(item, entry=entry, name=plain.name, head=plain.head)
    return True


class _R4:
    """R4 entries are items as they were sent."""

    def category_of_type(self, name: str, /) -> RecordCategory | None:
        return category_of_type(name)

    def category_of(self, resource: dict[str, Any], /) -> RecordCategory:
        return RecordCategory.SUPPORTING if resource["resourceType"] == "Patient" else category_of(resource=resource)

    def notice_of(self, issue: JsonObject, /) -> Notice:
        return notice_of_issue(issue)

    def items_of(self, entry: OwnedEntry, /) -> Iterator[ReceivedItem]:
        yield ReceivedItem(
            category=self.category_of(entry.judged.resource),
            resource=entry.judged.sent,
            flaws=entry.judged.flaws,
            at_fault=entry.judged.at_fault,
            full_url=entry.judged.entry.full_url,
            subject_references=entry.finding.references,
            names_no_patient=entry.finding.belonging is Belonging.UNNAMED,
            labels=entry.judged.entry.labels,
        )


def own_bases(*, links: Iterable[tuple[str, str]]) -> list[str]:
    """Return the addresses by which a server calls itself in the `self` links of its pages.

    Behind a gateway it often is another than the one that was asked.
    """
    matches = (_SELF.match(address) for relation, address in links if relation == "self")
    return list(dict.fromkeys(match["base"] for match in matches if match))


# `[base]/Observation?...`, `[base]/Observation/_search`, `[base]/Patient/1/$everything`
_SELF = re.compile(
    r"(?P<base>https?://[^?#\s]+?)/[A-Z][A-Za-z]+(?:/_search|/[A-Za-z0-9.-]{1,64}/\$[a-z-]+)?/?(?:\?.*)?\Z"
)


def _each_once(pages: Sequence[SplitPayload]) -> Iterator[tuple[SplitEntry, Head | None]]:
    """Yield the entries of all pages, and what each says that it is, without those that an earlier page already gave
    byte for byte.

    Several searches return the same Provenance or Practitioner. One page by itself is never reduced. What several pages
    gave has the labels of them all.
    """
    labels: dict[bytes, dict[Label, None]] = {}
    for page in pages:
        for entry in page.entries:
            if entry.resource is not None and entry.labels:
                labels.setdefault(entry.resource, {}).update(dict.fromkeys(entry.labels))
    if len(pages) == 1 and not labels:
        yield from zip(pages[0].entries, pages[0].heads, strict=True)
        return
    seen: set[bytes] = set()
    for page in pages:
        headed = zip(page.entries, page.heads, strict=True)
        fresh = [each for each in headed if each[0].resource is None or each[0].resource not in seen]
        seen.update(entry.resource for entry, _ in fresh if entry.resource is not None)
        for entry, head in fresh:
            of_all = labels.get(entry.resource) if entry.resource is not None else None
            yield msgspec.structs.replace(entry, labels=tuple(of_all)) if of_all else entry, head


def _subject(*, judged: Sequence[JudgedEntry], patient_id: str | None) -> JudgedEntry | None:
    patients = [entry for entry in judged if entry.kind == "Patient"]
    if patient_id is not None:
        return next((patient for patient in patients if patient.resource.get("id") == patient_id), None)
    directory = Directory(entries=((patient.address, patient) for patient in patients))
    for entry in judged:
        if reference := _subject_of_composition(entry):
            named = directory.find(reference=reference, within=entry.entry.full_url)
            return named or (patients[0] if patients else None)
    return patients[0] if patients else None


def _subject_of_composition(entry: JudgedEntry) -> str:
    """Return whom a document says that it is about, "" for what is no Composition.

    One that the model refuses may still say that: a title is missing from real ones.
    """
    if entry.entry.resource is None or entry.sent_type != "Composition":
        return ""
    try:
        composition = read_entry(entry=entry.entry.resource)
    except UnreadableEntry:
        return ""
    return text(mapping(composition.get("subject")).get("reference"))


def _readable_bytes(subject: JudgedEntry) -> bytes:
    """Return a Patient as it was sent, or without what could not be read in it."""
    return exact_json.encode(subject.resource) if subject.flaws else subject.sent
