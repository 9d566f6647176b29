"""Asks a ward book: `GET patients/NHS-NUMBER` gives FHIR R4 resources, one a line, the patient's own among them.

A ward book does not exist; its connector is here to be read. It gives no documents beside its record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from uuid import uuid4

from connectors.contract.categories import RecordCategory, category_of, category_of_type
from connectors.contract.errors import Malformed, NotAsked, Refused, UnknownPatient, Unreachable, WrongPatient
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Channels
from connectors.contract.values import (
    Capabilities,
    CheckedSource,
    Document,
    DocumentQuery,
    Query,
    ReceivedItem,
    Reply,
    SourceAddress,
)
from connectors.credentials import TLS_OPTIONS, TOKEN_OPTIONS, send_with_credentials, unavailable
from connectors.reading import (
    JudgedEntry,
    OwnedEntry,
    find_owners,
    judge_entries,
    labels_of_subject,
    notice_of_issue,
    notices_of_flaws,
    ownership,
    sort_entries,
)
from connectors.transport.client import Answer
from connectors.transport.offload import Offload, Work
from connectors.transport.pace import Steps, finish
from fhir_data import exact_json
from fhir_data.access import JsonObject, mappings, text
from fhir_data.belonging import Belonging
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from fhir_data.limits import MAX_ENTRIES
from fhir_data.releases import Release
from fhir_data.splitting import SplitEntry
from fhir_data.verdict import warm_up

TYPES = ("AllergyIntolerance", "Observation", "Patient")
UNKNOWN = {"known": False}
READY = {"ward-book": 1}


class WardBook:
    """The connector for ward books. It keeps nothing between questions."""

    kind: ClassVar[str] = "ward_book"
    capabilities: ClassVar[Capabilities] = Capabilities(
        categories=frozenset({RecordCategory.ALLERGIES, RecordCategory.OBSERVATIONS, RecordCategory.RESULTS}),
        answers_serve_others=True,
    )
    options: ClassVar[Mapping[str, str]] = {**TOKEN_OPTIONS, **TLS_OPTIONS}

    def warm_up(self) -> None:
        """Make the models of the types that ward books hold."""
        warm_up(types=TYPES, release=Release.R4)

    async def ask(self, *, source: SourceAddress, query: Query, channels: Channels) -> Reply:
        """Ask for the lines of the patient.

        Raises: SourceError.
        """
        numbers = [each.value for each in query.local_identifiers if each.system == NHS_NUMBER_SYSTEM]
        if not numbers or not numbers[0].isdigit():  # what is no number may not enter an address
            raise NotAsked(Reason.NO_LINK)
        answer = await send_with_credentials(
            source=source,
            channels=channels,
            method="GET",
            url=f"{source.base_url.rstrip('/')}/patients/{numbers[0]}",
            headers={"Accept": "application/fhir+ndjson"},
            deadline=query.deadline,
            correlation_id=query.correlation_id,
        )
        if answer.status == 404 and _json(answer.body) == UNKNOWN:  # any other 404 is no word about the patient
            raise UnknownPatient
        _expect_success(answer)
        # A large answer is read in a process of its own: the function is found there by its name.
        work = Work(
            function=read_lines,
            bodies=(answer.body,),
            inputs={"number": numbers[0]},
            result=Reply,
            connector=WardBook,
        )
        return await channels.get(Offload).do(work, source_id=source.source_id, deadline=query.deadline)

    async def check(self, *, source: SourceAddress, channels: Channels, deadline: float) -> CheckedSource:
        """Ask the ward book what it is.

        Raises: SourceError.
        """
        answer = await send_with_credentials(
            source=source,
            channels=channels,
            method="GET",
            url=f"{source.base_url.rstrip('/')}/about",
            headers={"Accept": "application/json"},
            deadline=deadline,
            correlation_id=uuid4(),
        )
        _expect_success(answer)
        if _json(answer.body) != READY:
            raise Unreachable(Reason.NO_FHIR_SERVER)
        return CheckedSource(words="a ward book", holds=self.capabilities.categories)

    async def fetch_document(self, *, source: SourceAddress, query: DocumentQuery, channels: Channels) -> Document:
        """Refuse: a ward book has no documents.

        Raises: NotAsked.
        """
        raise NotAsked(Reason.ELSEWHERE)

    def convert(self, *, payload: bytes) -> Reply:
        """Make a Reply of saved lines.

        Raises: Malformed.
        """
        return finish(steps=read_lines(bodies=(payload,), number=None))


def read_lines(*, bodies: Sequence[bytes], number: str | None) -> Steps[Reply]:
    """Read an answer: each line is an entry, kept as it was sent. `number` None: of whomever the first Patient is.

    Raises: Malformed; WrongPatient.
    """
    (body,) = bodies
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) > MAX_ENTRIES:
        raise Malformed(Reason.TOO_LARGE)
    entries = [SplitEntry(whole=line, resource=line) for line in lines]
    judged = yield from judge_entries(entries=entries, release=Release.R4)
    patients = [entry for entry in judged if entry.kind == "Patient"]
    if not patients:
        raise Malformed(Reason.NO_PATIENT)
    bearers = [patient for patient in patients if number is None or _bears(patient, number)]
    if not bearers:
        raise WrongPatient(disagrees=("nhs_number",))
    subject = bearers[0]
    owners = ownership(subject=subject, judged=judged)
    owned = yield from find_owners(judged=judged, subject=subject, owners=owners)
    found = yield from sort_entries(owned=owned, dialect=_Lines())
    return Reply(
        # Without what cannot be read in it; what was sent stands beside.
        subject=exact_json.encode(subject.resource) if subject.flaws else subject.sent,
        subject_original=subject.sent if subject.flaws else None,
        subject_labels=labels_of_subject(subject=subject, judged=judged),
        items=found.items,
        quarantined=found.quarantined,
        notices=(*found.notices, *notices_of_flaws(subject)),
    )


class _Lines:
    """What is a ward book's own in the reading: nothing, for its lines are R4."""

    def category_of_type(self, name: str, /) -> RecordCategory | None:
        return category_of_type(name)

    def category_of(self, resource: dict[str, Any], /) -> RecordCategory:
        return category_of(resource=resource)

    def notice_of(self, issue: JsonObject, /) -> Notice:
        return notice_of_issue(issue)

    def items_of(self, entry: OwnedEntry, /) -> Iterator[ReceivedItem]:
        yield ReceivedItem(
            category=self.category_of(entry.judged.resource),
            resource=entry.judged.sent,
            flaws=entry.judged.flaws,
            at_fault=entry.judged.at_fault,
            subject_references=entry.finding.references,
            names_no_patient=entry.finding.belonging is Belonging.UNNAMED,
        )


def _bears(patient: JudgedEntry, number: str) -> bool:
    named = [(text(own.get("system")), text(own.get("value"))) for own in mappings(patient.resource.get("identifier"))]
    return (NHS_NUMBER_SYSTEM, number) in named


def _expect_success(answer: Answer) -> None:
    if answer.status in (401, 403):
        raise Refused(Reason.CREDENTIALS)
    if answer.status != 200:
        raise unavailable(answer) or Malformed(Reason.REQUEST_REJECTED)


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
