"""Asks a FHIR R4 server: CapabilityStatement, then the patient, then $everything or one search per type.

Source: FHIR R4, RESTful API and Search; IHE QEDm, transaction PCC-44.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self
from urllib.parse import quote, unquote_plus
from uuid import uuid4

from connectors import documents
from connectors.addresses import own_address
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from connectors.contract.conformance import Conformance
from connectors.contract.errors import (
    Malformed,
    NotAsked,
    Refused,
    SourceError,
    UnknownPatient,
    Unreachable,
    WrongPatient,
)
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Channels
from connectors.contract.values import (
    NOBODY,
    Capabilities,
    CheckedSource,
    Document,
    DocumentQuery,
    Identifier,
    Query,
    Reply,
    SourceAddress,
)
from connectors.credentials import TLS_OPTIONS, TOKEN_OPTIONS, TokenKeeper, send_with_credentials
from connectors.fhir_r4.capability import (
    NOT_R4,
    UNDECLARED,
    ServerCapability,
    expect_media_type_of_r4,
    expect_r4,
)
from connectors.fhir_r4.conformance.checks import CONFORMANCE
from connectors.fhir_r4.pages import (
    UNREADABLE,
    FoundPatient,
    Survey,
    as_page,
    bearer,
    capability,
    found_by_id,
    is_search_result,
    read_bodies,
    release_of_unread,
    speaks_fhir,
    survey,
)
from connectors.fhir_r4.paging import following
from connectors.fhir_r4.record import read_record
from connectors.fhir_r4.scopes import readable_types
from connectors.fhir_r4.session import FHIR_JSON, ServerSession, expect_success
from connectors.fhir_r4.supporting import read_supporting
from connectors.fhir_r4.type_words import type_words
from connectors.reading import split_answer
from connectors.transport.client import Answer
from connectors.transport.pace import finish
from fhir_data.heads import type_of
from fhir_data.references import may_enter_path
from fhir_data.releases import Release
from fhir_data.splitting import SentBody
from fhir_data.verdict import warm_up

# How a server says that nothing is at an address.
NOT_THERE = frozenset({404, 405, 410, 501})
CAPABILITY_S = 600.0  # a server's abilities change with its releases, not with its patients
# How many Patients may have taken one another's place, one after the other.
MAX_REPLACEMENTS = 5
# The pages of a search for one patient that are read at most: more than one means that something is amiss.
MAX_PATIENT_PAGES = 10
# What a server says that cannot be asked at all now; any other error may be one of its statement alone.
_NOT_NOW = frozenset({408, 429})
UNSTATED = "What it can be asked for could not be learned: it may hold more than it was asked for."
FURTHER_RECORDS = "It says that it holds further records of this patient, under other numbers of its own."
MERGED_RECORDS = "It says that it has merged an older record of the patient into this one, and that one is not read."
NOT_IN_USE = "It says that this record of the patient is no longer in use. There may be another, which is not read."
LOGICAL_ID_SYSTEMS = ("", "id")
_MEANS_SOMETHING = re.compile(r"[\\$,|]")
USUAL_TYPES = (
    "AllergyIntolerance Appointment CarePlan Condition DiagnosticReport DocumentReference Encounter FamilyMemberHistory"
    " Flag Immunization Location Medication MedicationRequest MedicationStatement Observation OperationOutcome"
    " Organization Patient Practitioner PractitionerRole Procedure Provenance ServiceRequest"
).split()


class FhirR4:
    """The connector for FHIR R4 servers."""

    kind: ClassVar[str] = "fhir_r4"
    capabilities: ClassVar[Capabilities] = Capabilities(categories=frozenset(RecordCategory), answers_serve_others=True)
    options: ClassVar[Mapping[str, str]] = {
        "search": "`post`: search for the patient by POST, so that the identifier stays out of the address",
        "public_base": "the address by which the server names itself in its links, where a gateway stands before it",
        **TOKEN_OPTIONS,
        **TLS_OPTIONS,
    }
    conformance: ClassVar[Conformance] = CONFORMANCE

    def warm_up(self) -> None:
        """Make the models of the types that hospitals usually send."""
        warm_up(types=USUAL_TYPES, release=Release.R4)

    async def ask(self, *, source: SourceAddress, query: Query, channels: Channels) -> Reply:
        """Ask the server for the patient and return its whole answer.

        Raises: SourceError.
        """
        session = ServerSession.begin(source=source, query=query, channels=channels, connector=FhirR4)
        server = await _server(session=session)
        _expect_searchable(capability=server.capability)
        if server.fault is not None:
            session.notices.append(Notice(code=NoticeCode.INCOMPLETE, text=UNSTATED))
        _note_what_is_not_served(session=session, capability=server.capability)
        patient = await _find_patient(session=session, server=server)
        record = await read_record(session=session, capability=server.capability, patient_id=patient.found.id)
        _note_what_is_not_granted(session=session, capability=server.capability)
        pages = [*patient.pages, *record.pages]
        pages += await read_supporting(session=session, pages=pages, patient_id=patient.found.id)
        reply = await session.read(
            read_bodies,
            *pages,
            result=Reply,
            patient_id=patient.found.id,
            base=session.base,
            names=session.names,
            passed_over=patient.found.passed_over,
        )
        return replace(reply, notices=(*reply.notices, *session.notices), in_part=record.in_part)

    async def check(self, *, source: SourceAddress, channels: Channels, deadline: float) -> CheckedSource:
        """Ask the server what it is, and about a Patient who cannot be there: many say what they are to anybody.

        Raises: SourceError.
        """
        query = Query(
            local_identifiers=(),
            categories=CLINICAL_CATEGORIES,
            asker=NOBODY,
            deadline=deadline,
            correlation_id=uuid4(),
        )
        session = ServerSession.begin(source=source, query=query, channels=channels, connector=FhirR4)
        server = await _server(session=session)
        _expect_searchable(capability=server.capability)
        if server.stated:
            await _expect_to_be_let_in(session=session)
            return CheckedSource(words=_in_words(server.capability), holds=server.capability.may_hold)
        answer = await session.send(url=f"{session.base}/Patient/{uuid4()}")
        await _expect_fhir(session=session, answer=answer, server=server)
        if answer.status not in NOT_THERE:
            expect_success(answer=answer)
        return CheckedSource(words="FHIR, without a statement of what it can do; all types will be searched")

    async def fetch_document(self, *, source: SourceAddress, query: DocumentQuery, channels: Channels) -> Document:
        """Read one Binary of the server.

        Raises: SourceError.
        """
        names = [name for name in (source.options.get("public_base", ""),) if name]
        address = own_address(url=query.address, base=source.base_url, names=names) or query.address
        url = documents.address_of(address=address, base=source.base_url)
        answer = await send_with_credentials(
            source=source,
            channels=channels,
            method="GET",
            url=url,
            headers={"Accept": FHIR_JSON},
            deadline=query.deadline,
            correlation_id=query.correlation_id,
            allowance=documents.allowance(),
        )
        if answer.status in (404, 410):
            raise Refused(Reason.NO_DOCUMENT)
        expect_success(answer=answer)
        return await documents.read(
            body=answer.body,
            content_name="data",
            connector=FhirR4,
            source=source,
            channels=channels,
            deadline=query.deadline,
        )

    def convert(self, *, payload: bytes) -> Reply:
        """Make a Reply of a FHIR R4 Bundle of any type, or of one resource.

        Raises: Malformed.
        """
        page = payload
        if split_answer(payload=payload).resource_type != "Bundle":
            page = as_page(resource=payload)
            if not type_of(entry=payload):
                raise Malformed(Reason.NOT_FHIR)
        reply = finish(steps=read_bodies(bodies=(page,), patient_id=None))
        if reply.subject is None:
            raise Malformed(Reason.NO_PATIENT)
        return reply


@dataclass(frozen=True, kw_only=True)
class _Patient:
    found: FoundPatient
    pages: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class _Server:
    """What a server says about itself.

    `stated`: it says what it can do. `speaks`: what it said is FHIR. `fault`: why its statement could not be had or
    read, where it should have one: it may be able to do more than is known.
    """

    capability: ServerCapability
    stated: bool
    speaks: bool = False
    fault: SourceError | None = None


async def _server(*, session: ServerSession) -> _Server:
    """Ask a server what it can do. Whether one that does not say so is of any use shows when the patient is looked for.

    Rules that let us read a Patient need not speak of the statement (HAPI FHIR, AuthorizationInterceptor), and what
    makes it may be broken by itself.
    Raises: SourceError, where the server cannot answer now; Malformed where it says that it speaks another release.
    """
    key = f"capability {session.base}"
    if isinstance(known := session.transport.recall(key=key), ServerCapability):
        return _Server(capability=known, stated=True)
    answer = await session.send(url=f"{session.base}/metadata")
    if answer.status in NOT_THERE:
        return _Server(capability=UNDECLARED, stated=False)
    try:
        expect_success(answer=answer)
        stated = await session.read(capability, answer.body, result=ServerCapability)
    except (Malformed, Refused, Unreachable) as fault:
        if answer.status in _NOT_NOW or answer.status > 500 or fault.reason in NOT_R4:
            raise
        if await session.read(is_search_result, answer.body, result=bool):
            # It takes "metadata" for a type of resource.
            return _Server(capability=UNDECLARED, stated=False, speaks=True)
        if release := await session.read(release_of_unread, answer.body, result=str):
            expect_r4(release=release)
        expect_media_type_of_r4(media_type=answer.headers.get("content-type", ""))
        speaks = await session.read(speaks_fhir, answer.body, result=bool)
        return _Server(capability=UNDECLARED, stated=False, speaks=speaks, fault=fault)
    if not stated.release:
        expect_media_type_of_r4(media_type=answer.headers.get("content-type", ""))
    session.transport.remember(key=key, value=stated, seconds=CAPABILITY_S)
    return _Server(capability=stated, stated=True)


async def _expect_fhir(*, session: ServerSession, answer: Answer, server: _Server) -> None:
    """Take a server's answer about a Patient as a sign of whether a FHIR server is there at all.

    Raises: Unreachable `no-fhir-server` when neither its statement nor this is FHIR, or what came in place of its
    statement where that says more; Malformed where this says that it is of another release.
    """
    if not server.capability.release:
        expect_media_type_of_r4(media_type=answer.headers.get("content-type", ""))
    if server.stated or (server.speaks and not server.fault):
        return
    if await session.read(speaks_fhir, answer.body, result=bool):
        return
    says_more = server.speaks or isinstance(server.fault, Refused | Unreachable)
    raise server.fault if server.fault and says_more else Unreachable(Reason.NO_FHIR_SERVER)


def _note_what_is_not_served(*, session: ServerSession, capability: ServerCapability) -> None:
    """Note the categories asked for that the server has no type for: its silence there is not "nothing recorded"."""
    unserved = (session.query.categories & CLINICAL_CATEGORIES) - capability.holds - {RecordCategory.OTHER}
    session.notices.extend(Notice(code=NoticeCode.NOT_SERVED, category=category) for category in sorted(unserved))


def _note_what_is_not_granted(*, session: ServerSession, capability: ServerCapability) -> None:
    """Note the types that our token does not cover: a server may leave them out of its answer without a word."""
    readable = readable_types(scope=session.channels.get(TokenKeeper).scope(source=session.source))
    if readable is None:
        return
    noted = {notice.category for notice in session.notices if notice.code.leaves_out}
    for declared in capability.types:
        if declared.name in readable or not declared.category.is_clinical or not declared.is_expected:
            continue
        words = f"Our access to it does not cover all {type_words(name=declared.name)}."
        session.notices.extend(
            Notice(code=NoticeCode.INCOMPLETE, text=words, category=category)
            for category in declared.fills
            if category in session.query.categories and category not in noted
        )


def _expect_searchable(*, capability: ServerCapability) -> None:
    if not capability.everything and not capability.searchable:
        raise NotAsked(Reason.NOTHING_SEARCHABLE)


def _in_words(capability: ServerCapability) -> str:
    types = sum(declared.category.is_clinical for declared in capability.types)
    parts = [
        f"FHIR {capability.release}" if capability.release else "FHIR, of what release it does not say",
        f"{types} {'type' if types == 1 else 'types'}",
    ]
    return ", ".join([*parts, "$everything"] if capability.everything else parts)


async def _find_patient(*, session: ServerSession, server: _Server) -> _Patient:
    """Find the patient by the first identifier that the source knows.

    Where the server says that another Patient has taken that one's place, it is the other.
    Raises: UnknownPatient when it knows none; Malformed `ambiguous` where it does not say who is meant.
    """
    for identifier in session.query.local_identifiers:
        if identifier.system in LOGICAL_ID_SYSTEMS:
            patient = await _read_patient(session=session, server=server, patient_id=identifier.value)
        else:
            patient = await _search_patient(session=session, server=server, identifier=identifier)
        if patient is not None:
            return await _follow(patient, session=session, server=server)
    raise UnknownPatient


async def _follow(patient: _Patient, *, session: ServerSession, server: _Server) -> _Patient:
    """Return the Patient who has taken the place of one, or that one where nobody has."""
    seen = {patient.found.id}
    while replacement := patient.found.replaced_by:
        if replacement == UNREADABLE or replacement in seen or len(seen) > MAX_REPLACEMENTS:
            raise Malformed(Reason.AMBIGUOUS)
        seen.add(replacement)
        successor = await _read_patient(session=session, server=server, patient_id=replacement)
        if successor is None:
            raise Malformed(Reason.AMBIGUOUS)
        patient = successor
    said = {
        FURTHER_RECORDS: patient.found.links_others,
        MERGED_RECORDS: patient.found.replaces_others,
        NOT_IN_USE: not patient.found.is_in_use,
    }
    session.notices += [Notice(code=NoticeCode.INCOMPLETE, text=words) for words, is_so in said.items() if is_so]
    return patient


async def _read_patient(*, session: ServerSession, server: _Server, patient_id: str) -> _Patient | None:
    if not may_enter_path(text=patient_id):
        return None  # it may not enter a path, so no server can hold a patient under it
    answer = await session.send(url=f"{session.base}/Patient/{patient_id}")
    await _expect_fhir(session=session, answer=answer, server=server)
    if answer.status in (404, 410):
        return None
    expect_success(answer=answer)
    page = as_page(resource=answer.body)
    found = await session.read(found_by_id, page, result=FoundPatient, patient_id=patient_id, bases=session.bases)
    return _Patient(found=found, pages=(page,))


async def _expect_to_be_let_in(*, session: ServerSession) -> None:
    """Search for a Patient by an identifier that nobody bears. What a server says to that, other than no, is its own.

    Raises: Refused, where it does not accept who is asking; Unreachable, also where it cannot answer now.
    """
    nobodys = Identifier(system="urn:ietf:rfc:3986", value=f"urn:uuid:{uuid4()}")
    answer = await _send_search(session=session, search=_PatientSearch.by(identifier=nobodys, session=session))
    if answer.status in (401, 403) or answer.status >= 429:
        expect_success(answer=answer)


@dataclass(frozen=True, kw_only=True)
class _PatientSearch:
    """A search for the patient. With a `form` it is sent by POST, which keeps the identifier out of the address."""

    identifier: Identifier
    url: str
    form: str | None = None

    @classmethod
    def by(cls, *, identifier: Identifier, session: ServerSession) -> Self:
        system, value = (quote(_escaped(text), safe="") for text in (identifier.system, identifier.value))
        search = f"identifier={system}%7C{value}"
        if session.source.options.get("search") == "post":
            return cls(identifier=identifier, url=f"{session.base}/Patient/_search", form=search)
        return cls(identifier=identifier, url=f"{session.base}/Patient?{search}")

    def may_ask(self, url: str, /) -> bool:
        """Whether a page of its results may be asked for: by POST, for none whose address holds the identifier."""
        return self.form is None or self.identifier.value.replace("\\", "") not in unquote_plus(url).replace("\\", "")


def _escaped(text: str, /) -> str:
    """Return a text of which no sign means anything to a search. Source: FHIR R4, Search, 3.1.1.4.0.1 (escaping)."""
    return _MEANS_SOMETHING.sub(r"\\\g<0>", text)


async def _send_search(*, session: ServerSession, search: _PatientSearch) -> Answer:
    return await session.send(url=search.url, form=search.form)


async def _search_patient(*, session: ServerSession, server: _Server, identifier: Identifier) -> _Patient | None:
    search = _PatientSearch.by(identifier=identifier, session=session)
    answer = await _send_search(session=session, search=search)
    await _expect_fhir(session=session, answer=answer, server=server)
    if answer.status == 404:
        if not await session.read(speaks_fhir, answer.body, result=bool):
            raise Unreachable(Reason.NO_FHIR_SERVER)  # no server of Patients: its 404 says nothing about this one
        return None
    results = await _results(session=session, search=search, answer=answer)
    try:
        found = await session.read(
            bearer,
            *results.pages,
            result=FoundPatient,
            system=identifier.system,
            value=identifier.value,
            bases=session.bases,
        )
    except WrongPatient:
        raise results.doubt or WrongPatient(disagrees=("identifier",)) from None
    if found.id:
        return _Patient(found=found, pages=results.pages)
    if results.doubt is not None:
        raise results.doubt  # the patient may be in what did not come
    return None


@dataclass(frozen=True, kw_only=True)
class _Results:
    """The pages of a search for the patient. `doubt`: why they may not be all that there is, if so."""

    pages: tuple[bytes, ...]
    doubt: SourceError | None = None


async def _results(*, session: ServerSession, search: _PatientSearch, answer: Answer) -> _Results:
    """Follow the `next` links of a search for the patient: the first page may be empty, or lack a second who bears the
    identifier.

    Raises: SourceError.
    """
    url = search.url
    visited = {url}
    pages: list[bytes] = []
    reported = False
    while True:
        expect_success(answer=answer)
        pages.append(SentBody(answer.body))
        page = await session.read(survey, pages[-1], result=Survey)
        if page.resource_type == "OperationOutcome":  # an error, whatever its status says
            raise Malformed(Reason.REQUEST_REJECTED)
        url = answer.address  # links may be relative to where a redirect led
        visited.add(url)
        session.note_names(links=page.links, on=url)
        reported = reported or bool(page.warnings)
        address = following(page)
        if address is None:
            return _Results(pages=tuple(pages), doubt=Unreachable(Reason.STATUS) if reported else None)
        url = session.own_address(address=address, on=url) if address else ""
        if not url or url in visited or not search.may_ask(url) or len(pages) == MAX_PATIENT_PAGES:
            return _Results(pages=tuple(pages), doubt=Malformed(Reason.PAGING))
        visited.add(url)
        answer = await session.send(url=url, may_ask=search.may_ask)
        if answer.status in (404, 410):
            raise Unreachable(Reason.STATUS)  # a page that it named is gone: it may have forgotten the search
