"""Asks a FHIR R4 server: CapabilityStatement, then the patient, then $everything or one search a type.

Source: FHIR R4 RESTful API and Search; IHE QEDm PCC-44; protocol facts, clinical read.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import quote, urljoin

from connectors.contract import (
    CLINICAL_CATEGORIES,
    Capabilities,
    Identifier,
    Malformed,
    Notice,
    Query,
    RecordCategory,
    Reply,
    SourceAddress,
    UnknownPatient,
    WrongPatient,
)
from connectors.fhir import type_of
from connectors.fhir_r4.answer import only_bundle, read_pages
from connectors.fhir_r4.asking import Asking, as_page, entry_or_none, expect_success, is_within, parsed
from connectors.fhir_r4.capability import UNDECLARED, SearchableType, ServerCapability, read_capability
from connectors.fhir_r4.supporting import read_supporting
from connectors.guards import SplitPayload, split
from connectors.outcomes import Reason
from connectors.pace import finish, finish_paced
from connectors.transport import Answer, Transport

MAX_PAGES = 200
PAGE_SIZE = 200
CAPABILITY_S = 600.0  # a server's abilities change with its releases, not with its patients
SEARCHES_AT_ONCE = 4
LOGICAL_ID_SYSTEMS = ("", "id")
_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9.-]{1,64}\Z")  # a name of dots alone would climb the path


class FhirR4:
    """The connector for FHIR R4 servers."""

    kind: ClassVar[str] = "fhir_r4"
    capabilities: ClassVar[Capabilities] = Capabilities(categories=frozenset(RecordCategory), answers_serve_others=True)

    async def ask(self, *, source: SourceAddress, query: Query, transport: Transport) -> Reply:
        """Ask the server for the patient and return its whole answer.

        Raises: SourceError.
        """
        asking = Asking(source=source, query=query, transport=transport, allowance=transport.allowance())
        capability = await _capability(asking=asking)
        _say_what_is_not_served(asking=asking, capability=capability)
        patient = await _find_patient(asking=asking)
        pages = [patient.page, *await _record(asking=asking, capability=capability, patient_id=patient.id)]
        pages += await read_supporting(asking=asking, pages=pages)
        steps = read_pages(pages=pages, patient_id=patient.id, base=asking.base)
        reply = await finish_paced(steps=steps, deadline=query.deadline)
        return replace(reply, notices=(*reply.notices, *asking.notices))

    def convert(self, *, payload: bytes) -> Reply:
        """Make a Reply of a FHIR R4 Bundle of any type, or of one resource.

        Raises: Malformed.
        """
        page = split(payload=payload)
        if page.resource_type != "Bundle":
            page = as_page(resource=payload)
            if not type_of(entry=payload):
                raise Malformed(Reason.NOT_FHIR)
        reply = finish(steps=read_pages(pages=[page], patient_id=None))
        if reply.subject is None:
            raise Malformed(Reason.NO_PATIENT)
        return reply


@dataclass(frozen=True, kw_only=True)
class _Patient:
    id: str
    page: SplitPayload


async def _capability(*, asking: Asking) -> ServerCapability:
    key = f"capability {asking.base}"
    if isinstance(known := asking.transport.recall(key=key), ServerCapability):
        return known
    answer = await asking.send(url=f"{asking.base}/metadata")
    if answer.status in (404, 405, 501):
        return UNDECLARED
    expect_success(answer=answer)
    capability = read_capability(statement=parsed(body=answer.body))
    asking.transport.remember(key=key, value=capability, seconds=CAPABILITY_S)
    return capability


def _say_what_is_not_served(*, asking: Asking, capability: ServerCapability) -> None:
    """Say which of the parts asked for the server has no type of: its silence there is not "nothing recorded"."""
    unserved = (asking.query.categories & CLINICAL_CATEGORIES) - capability.holds - {RecordCategory.OTHER}
    asking.notices.extend(Notice(code="not-served", category=category) for category in sorted(unserved))


async def _find_patient(*, asking: Asking) -> _Patient:
    """Find the patient by the first identifier that the source knows. Raises: UnknownPatient when it knows none."""
    for identifier in asking.query.local_identifiers:
        if identifier.system in LOGICAL_ID_SYSTEMS:
            found = await _read_patient(asking=asking, patient_id=identifier.value)
        else:
            found = await _search_patient(asking=asking, identifier=identifier)
        if found is not None:
            return found
    raise UnknownPatient


async def _read_patient(*, asking: Asking, patient_id: str) -> _Patient | None:
    if not _ID.match(patient_id):
        return None  # it may not enter a path, so no server can hold a patient under it
    answer = await asking.send(url=f"{asking.base}/Patient/{patient_id}")
    if answer.status in (404, 410):
        return None
    expect_success(answer=answer)
    page = as_page(resource=answer.body)
    patient = parsed(body=answer.body)
    if patient.get("resourceType") != "Patient":
        raise Malformed(Reason.NOT_FHIR)
    if patient.get("id") != patient_id:
        raise WrongPatient(disagrees=("identifier",))
    return _Patient(id=patient_id, page=page)


async def _search_patient(*, asking: Asking, identifier: Identifier) -> _Patient | None:
    search = f"identifier={quote(identifier.system, safe='')}%7C{quote(identifier.value, safe='')}"
    if asking.source.options.get("search") == "post":  # keeps the identifier out of the address, so out of their logs
        answer = await asking.send(url=f"{asking.base}/Patient/_search", form=search)
    else:
        answer = await asking.send(url=f"{asking.base}/Patient?{search}")
    if answer.status == 404:
        return None
    expect_success(answer=answer)
    page = only_bundle(page=split(payload=answer.body))
    patients: dict[str, dict[str, Any]] = {}
    for entry in page.entries:
        resource = entry_or_none(entry=entry.resource)
        if resource is not None and resource.get("resourceType") == "Patient" and _is_current(patient=resource):
            patients[str(resource.get("id", ""))] = resource
    if not patients:
        return None
    named = [key for key, patient in patients.items() if _bears(patient=patient, identifier=identifier)]
    if len(named) != 1 or not _ID.match(named[0]):
        raise WrongPatient(
            disagrees=("identifier",)
        )  # two people under one identifier, or somebody who does not bear it
    return _Patient(id=named[0], page=page)


async def _record(*, asking: Asking, capability: ServerCapability, patient_id: str) -> list[SplitPayload]:
    if capability.everything:
        first = await asking.send(url=f"{asking.base}/Patient/{patient_id}/$everything?_count={PAGE_SIZE}")
        if first.status not in (404, 405, 501):  # declared, yet not there: the searches remain
            expect_success(answer=first)
            return await _pages(asking=asking, url=f"{asking.base}/Patient/{patient_id}/$everything", first=first)
    wanted = [
        one
        for one in capability.types
        if one.category in asking.query.categories or one.category is RecordCategory.SUPPORTING
    ]
    gate = asyncio.Semaphore(SEARCHES_AT_ONCE)
    found: list[list[SplitPayload]] = [[] for _ in wanted]

    async def search(*, at: int) -> None:
        async with gate:
            found[at] = await _search_type(asking=asking, searched=wanted[at], patient_id=patient_id)

    try:
        async with asyncio.TaskGroup() as group:
            for at in range(len(wanted)):
                group.create_task(search(at=at))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None  # the first to fail; the group cancelled the others
    return [page for pages in found for page in pages]


async def _search_type(*, asking: Asking, searched: SearchableType, patient_id: str) -> list[SplitPayload]:
    value = patient_id if searched.parameter == "patient" else f"Patient/{patient_id}"
    url = f"{asking.base}/{searched.name}?{searched.parameter}={value}&_count={PAGE_SIZE}"
    if searched.provenance:
        url += "&_revinclude=Provenance:target"
    url += "".join(f"&_include={include}" for include in searched.includes)
    first = await asking.send(url=url)
    if first.status in (400, 404, 405, 422, 501):  # the rest of the record stands, and the gap is said
        asking.notices.append(Notice(code="not-supported", text=searched.name, category=searched.category))
        return []
    expect_success(answer=first)
    return await _pages(asking=asking, url=url, first=first)


async def _pages(*, asking: Asking, url: str, first: Answer) -> list[SplitPayload]:
    """Follow `next` links. Raises: Malformed `paging` when they leave the source, loop or never end."""
    visited = {url}
    answer = first
    pages: list[SplitPayload] = []
    while True:
        asking.pages += 1
        page = only_bundle(page=split(payload=answer.body))
        pages.append(page)
        await asyncio.sleep(0)
        following = next((address for relation, address in page.links if relation == "next"), "")
        if not following:
            return pages
        url = urljoin(url, following)
        if url in visited or asking.pages >= MAX_PAGES or not is_within(url=url, base=asking.base):
            raise Malformed(Reason.PAGING)
        visited.add(url)
        answer = await asking.send(url=url)
        expect_success(answer=answer)


def _is_current(*, patient: dict[str, Any]) -> bool:
    links: Sequence[Any] = patient.get("link") or []
    return not any(isinstance(link, dict) and link.get("type") == "replaced-by" for link in links)


def _bears(*, patient: dict[str, Any], identifier: Identifier) -> bool:
    return any(
        isinstance(one, dict) and one.get("system") == identifier.system and one.get("value") == identifier.value
        for one in patient.get("identifier") or []
    )
