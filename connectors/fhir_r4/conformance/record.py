"""What can be seen of a FHIR server by reading the record of a test patient whom the operator names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.contract.categories import RecordCategory
from connectors.contract.conformance import Finding
from connectors.examining import Untestable, as_counts, counted, judge_resources, judged, met, missed, object_in
from connectors.fhir_r4.conformance.server import nobodys_entries
from connectors.fhir_r4.conformance.talk import Talk
from fhir_data.access import mapping, mappings, text
from fhir_data.identifiers import (
    NHS_NUMBER_SYSTEM,
    identifiers_of,
    is_nhs_number_system,
    is_sound_nhs_number,
    token_of,
)
from fhir_data.references import likely_name, text_of_reference
from fhir_data.releases import Release
from fhir_data.splitting import SplitPayload

STATUS_EXTENSION = "NHSNumberVerificationStatus"
MOST_PAGES = 25
# In which a resource says whose it is. Source: FHIR R4, CompartmentDefinition patient.
_WHOSE = ("patient", "subject", "beneficiary", "for", "individual")
_APART = RecordCategory.BILLING.types | {"Patient", "Provenance", "AuditEvent"}


async def finds_patient(talk: Talk) -> Finding:
    """The search for the test patient gives one Patient, who bears the identifier."""
    bearers = await talk.bearers()
    identifier = talk.examination.patient
    if not bearers or identifier is None:
        raise Untestable("it does not know the test patient")
    wanted = token_of({"system": identifier.system, "value": identifier.value})
    others = sum(wanted not in identifiers_of(bearer) for bearer in bearers)
    return judged(
        len(bearers) == 1 and not others, f"{counted(len(bearers), 'Patient')}, {others} without the identifier"
    )


async def reads_patient(talk: Talk) -> Finding:
    """A read gives the same Patient."""
    patient = await talk.patient()
    answer = await talk.get(f"Patient/{patient.id}")
    body = object_in(answer.body)
    is_same = body.get("resourceType") == "Patient" and body.get("id") == patient.id
    return judged(
        answer.status == 200 and is_same, f"status {answer.status}" + ("" if is_same else ", and not that Patient")
    )


async def says_version(talk: Talk) -> Finding:
    """The read says of which version it is."""
    answer = await talk.get(f"Patient/{(await talk.patient()).id}")
    version = text(mapping(object_in(answer.body).get("meta")).get("versionId"))
    said = {
        "ETag": answer.headers.get("etag"),
        "Last-Modified": answer.headers.get("last-modified"),
        "meta.versionId": version,
    }
    names = [name for name, value in said.items() if value]
    return judged(names, f"it has {', '.join(names) or 'none of the three'}")


async def _nhs_numbers(talk: Talk) -> list[Mapping[str, Any]]:
    identifiers = mappings((await talk.patient()).resource.get("identifier"))
    numbers = [each for each in identifiers if is_nhs_number_system(text(each.get("system")))]
    if not numbers:
        raise Untestable("the test patient has no NHS number there")
    return list(numbers)


async def names_nhs_number(talk: Talk) -> Finding:
    """Every NHS number stands under UK Core's system."""
    numbers = await _nhs_numbers(talk)
    others = sum(number.get("system") != NHS_NUMBER_SYSTEM for number in numbers)
    return judged(not others, f"{others} of {counted(len(numbers), 'NHS number')} under another system")


async def has_check_digit(talk: Talk) -> Finding:
    """Every NHS number is one, as it was sent."""
    numbers = await _nhs_numbers(talk)
    wrong = sum(not is_sound_nhs_number(text(number.get("value"))) for number in numbers)
    return judged(not wrong, f"{wrong} of {counted(len(numbers), 'NHS number')} of another form")


async def says_nhs_number_status(talk: Talk) -> Finding:
    """Every NHS number says whether it was verified."""
    numbers = await _nhs_numbers(talk)
    silent = sum(
        not any(text(each.get("url")).endswith(STATUS_EXTENSION) for each in mappings(number.get("extension")))
        for number in numbers
    )
    return judged(not silent, f"{silent} of {counted(len(numbers), 'NHS number')} without a word of it")


@dataclass(frozen=True, kw_only=True)
class _OfPatient:
    """The first page of what the server has of the patient, by type, and how each was searched for."""

    pages: dict[str, SplitPayload]
    paths: dict[str, str]


async def _of_patient(talk: Talk) -> _OfPatient:
    patient = await talk.patient()
    pages: dict[str, SplitPayload] = {}
    paths: dict[str, str] = {}
    for name, declared in (await talk.searchable()).items():
        if not declared.can_search or not declared.by_patient or name in _APART or not name.isalpha():
            continue
        path = f"{name}?{declared.by_patient}={patient.id}"
        try:
            pages[name] = await talk.page(path)
        except Untestable:
            continue  # whether it answers at all is another point
        paths[name] = path
    if not pages:
        raise Untestable("no search by patient was answered")
    return _OfPatient(pages=pages, paths=paths)


async def searches_by_patient(talk: Talk) -> Finding:
    """What comes is of that type and refers to that patient; of a patient who does not exist nothing comes."""
    given = await nobodys_entries(talk)
    if given:
        return missed(f"a search for the entries of nobody gave some: {as_counts(given)}")
    patient = await talk.patient()
    found = await _of_patient(talk)
    strays: Counter[str] = Counter()
    total = 0
    for name, page in found.pages.items():
        for entry in page.entries:
            resource = object_in(entry.resource or b"")
            if not entry.is_match or resource.get("resourceType") == "OperationOutcome":
                continue
            total += 1
            strays[name] += resource.get("resourceType") != name or _is_anothers(resource, patient_id=patient.id)
    if not total:
        by_name = [await talk.page(path.replace("=", "=Patient/", 1)) for path in found.paths.values()]
        if came := sum(map(_matches_of, by_name)):
            return missed(f"by the patient's id alone nothing came, by Patient/[id] {_entries(came)}")
        raise Untestable(f"{counted(len(found.pages), 'search', 'searches')} brought nothing of the test patient")
    if strays.total():
        return missed(f"{strays.total()} of {total} entries are of another type or patient: {as_counts(+strays)}")
    return met(
        f"{_entries(total)} by {counted(len(found.pages), 'search', 'searches')}, all of the type and the patient"
    )


def _is_anothers(resource: Mapping[str, Any], /, *, patient_id: str) -> bool:
    """Whether a resource names a Patient on this server by another id."""
    for member in _WHOSE:
        name = likely_name(reference=text_of_reference(mapping(resource.get(member))))
        if name.kind == "patient" and name.id != patient_id.casefold():
            return True
    return False


@dataclass(frozen=True, kw_only=True)
class _Walk:
    """A search that was walked page by page, one entry a page. `pages` are the matches of each, by their bytes."""

    name: str
    first: SplitPayload
    pages: list[list[bytes]]
    known: int  # how many entries there are at least, by the search without `_count`
    led_elsewhere: bool
    is_whole: bool


async def _walk(talk: Talk) -> _Walk:
    found = await _of_patient(talk)
    came = {
        name: _matches_of(page) + (talk.next_of(page, on=found.paths[name]) is not None)
        for name, page in found.pages.items()
    }
    said = {name: page.total or 0 for name, page in found.pages.items()}
    # What came is known; what a total says may be wrong, and counts where nothing else tells of a second entry.
    several = _above_one(came) or _above_one(said)
    if not several:
        raise Untestable("the test patient has no two entries of one type")
    name = min(several, key=lambda each: (several[each], each))
    path = f"{found.paths[name]}&_count=1"
    first = page = await talk.page(path)
    pages = [_match_bytes(page)]
    url = f"{talk.base}/{path}"
    led_elsewhere = False
    while (following := talk.next_of(page, on=url)) is not None and len(pages) < MOST_PAGES:
        if not following[1]:
            led_elsewhere = True
            break
        url = following[1]
        page = await talk.page(url)
        pages.append(_match_bytes(page))
    is_whole = following is None
    return _Walk(
        name=name,
        first=first,
        pages=pages,
        known=several[name],
        led_elsewhere=led_elsewhere,
        is_whole=is_whole,
    )


def _above_one(counts: Mapping[str, int], /) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count > 1}


def _match_bytes(page: SplitPayload, /) -> list[bytes]:
    heads = zip(page.entries, page.heads, strict=True)
    return [e.sent for e, head in heads if e.is_match and not (head and head.said_type == "OperationOutcome")]


def _matches_of(page: SplitPayload, /) -> int:
    return len(_match_bytes(page))


async def keeps_to_count(talk: Talk) -> Finding:
    """With `_count=1` a page has one entry at most."""
    walk = await _walk(talk)
    largest = max(map(len, walk.pages))
    return judged(largest <= 1, f"{walk.name} with _count=1: {_entries(largest)} on the largest page")


async def pages_on(talk: Talk) -> Finding:
    """Next links lead through everything, each entry once."""
    walk = await _walk(talk)
    every = [sent for page in walk.pages for sent in page]
    if len(walk.pages) == 1 and walk.is_whole:
        enough = len(every) >= walk.known
        if enough:
            raise Untestable("all came on one page")
        return missed(f"{walk.name}: {len(every)} of {walk.known} entries came, and there is no next link")
    if len(set(every)) < len(every):
        return missed(f"{walk.name}: {_entries(len(every) - len(set(every)))} too many, which had come before")
    if walk.led_elsewhere:
        raise Untestable("its next links lead elsewhere, and were not followed")
    if walk.is_whole and len(every) < walk.known:
        return missed(f"{walk.name}: {len(every)} of {walk.known} entries came on {len(walk.pages)} pages")
    return met(
        f"{walk.name}: {_entries(len(every))} on {counted(len(walk.pages), 'page')}"
        + ("" if walk.is_whole else ", so far")
    )


async def pages_within_base(talk: Talk) -> Finding:
    """Next links are the server's own."""
    walk = await _walk(talk)
    if walk.led_elsewhere:
        return missed("a next link leads out of its address")
    if len(walk.pages) == 1:
        raise Untestable("there is no next link")
    return met(f"{counted(len(walk.pages) - 1, 'next link')}, all under its address")


async def counts_right(talk: Talk) -> Finding:
    """The total of a search is the number of its entries."""
    walk = await _walk(talk)
    if walk.first.total is None:
        return missed(f"{walk.name}: there is no total")
    if not walk.is_whole:
        raise Untestable("not all pages were read")
    came = sum(map(len, walk.pages))
    return judged(walk.first.total == came, f"{walk.name}: a total of {walk.first.total}, and {_entries(came)}")


async def gives_everything(talk: Talk) -> Finding:
    """The operation is there, where it is declared."""
    declared = (await talk.declared()).get("Patient")
    if declared is None or "everything" not in declared.operations:
        raise Untestable("it does not declare $everything")
    patient = await talk.patient()
    answer = await talk.get(f"Patient/{patient.id}/$everything")
    if answer.status != 200:
        return missed(f"status {answer.status}")
    page = await talk.page(f"Patient/{patient.id}/$everything")
    patients = sum(head is not None and head.name == f"Patient/{patient.id}" for head in page.heads)
    has_more = len(page.entries) > patients
    return judged(
        patients == 1 and has_more,
        f"status 200, {_entries(len(page.entries))} on the first page, {patients} of them the Patient",
    )


async def gives_provenance(talk: Talk) -> Finding:
    """Provenance comes with the entries, and points to them."""
    declared = await talk.declared()
    patient = await talk.patient()
    found = await _of_patient(talk)
    names = [
        name
        for name, page in found.pages.items()
        if _matches_of(page) and "Provenance:target" in declared[name].rev_includes
    ]
    if not any("Provenance:target" in each.rev_includes for each in declared.values()):
        return missed("no type declares it")
    if not names:
        raise Untestable("it is declared of no type of which the test patient has entries")
    for name in names:
        page = await talk.page(f"{name}?{declared[name].by_patient}={patient.id}&_revinclude=Provenance:target")
        provenances = [object_in(e.resource or b"") for e in page.entries if not e.is_match]
        targets = {
            text(target.get("reference"))
            for each in provenances
            if each.get("resourceType") == "Provenance"
            for target in mappings(each.get("target"))
        }
        held = {head.name for head in page.heads if head is not None and head.name}
        if any(target.endswith(each) for target in targets for each in held):
            return met(f"{name}: {counted(len(provenances), 'resource')} included")
    return missed(f"it is declared, and none came with the entries of {counted(len(names), 'type')}")


async def gives_sound_entries(talk: Talk) -> Finding:
    """All that came is as the standard says."""
    await talk.patient()
    return judge_resources(talk.given, release=Release.R4)


def _entries(number: int, /) -> str:
    return counted(number, "entry", "entries")
